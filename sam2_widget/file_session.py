"""The part of a session that is about files: save, read again, export and load."""

from __future__ import annotations

from functools import cache
from typing import IO, TYPE_CHECKING, Any

from sam2_widget import loading, merging, previewing, views
from sam2_widget.errors import LoadError
from sam2_widget.exports import json_export
from sam2_widget.session_base import SessionBase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sam2_widget.annotations import Scope


class FileSession(SessionBase):
    """Saves, reads again, exports and loads; `Session` is one."""

    def export_json(
        self, scope: tuple[int, str] | None = None, pixels: bool = False
    ) -> dict[str, Any]:
        """Return everything of the project, or one scope in the original tool's export shape.

        Parameters
        ----------
        scope : (int, str), optional
            One scope, whose points come in the shape of the original tool; by default everything.
        pixels : bool
            Whether everything includes the masks themselves, as PNG in base64, so that `load`
            brings them back.

        Returns
        -------
        dict
            Plain values, ready for `json.dump`; masks are named by their PNG files.

        Raises
        ------
        ProjectError
            If a file of the project cannot be read.
        """
        live = self._open
        if scope is None:
            png = json_export.PngFile.text if pixels else None
            # Where the number of frames takes long to come, wait here and not on the worker.
            len(live.video)
            # On the worker nothing changes between the records and the pixels.
            return live.worker.run(lambda: self._everything(png))
        chosen = self._scope(*scope)
        return json_export.scope_export(
            live.root.name, chosen, len(live.video), views.Points(live)[chosen]
        )

    def write_export(self, file: IO[bytes], scope: tuple[int, str] | None = None) -> None:
        """Write what `export_json` returns, pixels included, mask by mask; for large projects.

        Parameters
        ----------
        file : binary file
            Open for writing.
        scope : (int, str), optional
            See `export_json`.

        Raises
        ------
        ProjectError
            If a file of the project cannot be read.
        """

        def act() -> None:
            content = self.export_json(scope) if scope else self._everything(lambda png: png)
            json_export.write(content, file)

        # Where the number of frames takes long to come, wait here and not on the worker.
        len(self._open.video)
        # On the worker nothing changes between the records and the pixels.
        self._open.worker.run(act)

    def _everything(self, png: Callable[[json_export.PngFile], object] | None) -> dict[str, Any]:
        live = self._open
        # All prompts of a scope are hashed for each: once is enough.
        revision = cache(live.annotations.revision)
        return json_export.project_export(
            live.project,
            live.video,
            live.masks,
            lambda scope, frame: views.is_stale(live, scope, frame, revision(scope)),
            png,
        )

    def save(self) -> Path:
        """Bring everything to the disk itself; all is saved anyway, but for a power cut.

        Returns
        -------
        Path
            Folder of the project.

        Raises
        ------
        ChangedFileError
            If another program changed a file since it was read.
        """
        live = self._open

        def act() -> None:
            live.project.watch.check_all()
            live.masks.compact()
            live.project.flusher.flush()

        self._do(act)
        return live.root

    def reload(self) -> None:
        """Read the project's files again, as they were changed by hand or by a script.

        A running track ends, and undo cannot go back before this: its steps are forgotten. Masks
        whose prompts were changed are made anew.

        Raises
        ------
        ProjectError
            If a file is damaged, of a newer format, or of another video; everything stays.
        """

        def act() -> None:
            self._live.reload()
            self._editor.make_unmade()

        self._open.worker.run(act)

    def preview_load(self, source: loading.Source) -> previewing.Preview:
        """Return what `load` would do with a file, in sentences, without doing it.

        Parameters
        ----------
        source : str, Path or dict
            See `load`.

        Returns
        -------
        Preview
            ``title`` says what the file is; ``merge`` and ``replace`` are lists of sentences.

        Raises
        ------
        LoadError
            If it cannot be loaded.
        """
        loaded = loading.read(source, self._open.video, self._live.annotations)

        def act() -> previewing.Preview:
            merge, replaced = (
                previewing.sentences(merging.plan(loaded, self._present(), how))
                for how in ("merge", "replace")
            )
            return previewing.Preview(
                " ".join([f"{loaded.title}.", *loaded.notes]), merge, replaced
            )

        return self._open.worker.run(act)

    def load(self, source: loading.Source, how: merging.How = "merge") -> list[str]:
        """Load a file of annotations, as one step of undo.

        Masks whose pixels are in the file are written as they are, and `provenance` knows of their
        tracking runs then. Prompts without pixels get their masks from the model. Regions that the
        project lacks are added.

        Parameters
        ----------
        source : str, Path or dict
            A JSON file or its content: what `export_json` returns, a ``points_<region>.json``, a
            ``keypoints.json``, or the points of one scope as the original tool exports them.
        how : {"merge", "replace"}
            With "merge" the file wins on each frame of a scope, and for each keypoint, that it
            speaks of, and everything else stays. With "replace" everything becomes as in the file,
            and a running track ends; a file of one scope's prompts, or of one instance's keypoints,
            replaces those alone.

        Returns
        -------
        list of str
            What there is to know of the file, as that it is of another video, and what was done, a
            sentence each.

        Raises
        ------
        LoadError
            If the file cannot be read, is of a newer format, or does not fit the video; nothing is
            changed.
        ProjectError
            If ``runs.jsonl`` cannot be read; nothing is changed.
        SaveError
            If a file cannot be written; nothing is changed.
        """
        if how not in ("merge", "replace"):
            raise LoadError(f"how is 'merge' or 'replace', not {how!r:.40}.")
        loaded = loading.read(source, self._open.video, self._live.annotations)

        def act() -> list[str]:
            if how == "replace" and loaded.everything:
                self._live.end_runs()
            made = merging.plan(loaded, self._present(), how)
            frames = [new for _, new in made.frames]
            text = f"loading of {loaded.title}"
            self._live.provenance.take_over(merging.runs_of(made, loaded))
            labels, skeleton = made.labels[1], made.skeleton[1]
            self._editor.load(text, frames, made.keypoints, labels, skeleton, from_file=True)
            told = previewing.sentences(made)
            return told if told == [previewing.NOTHING] else [*loaded.notes, *told]

        return self._do(act)

    def _present(self) -> merging.Present:
        live = self._live

        def png(scope: Scope, frame: int) -> bytes | None:
            path = live.project.mask_path(scope, frame)
            return path.read_bytes() if path.exists() else None

        records = {scope: live.masks.records(scope) for scope in live.masks.scopes()}
        return merging.Present(
            live.annotations, live.keypoints, live.labels, records, png, live.skeleton
        )

    def try_again(self) -> None:
        """Become the one that writes, where the project was open in another process before.

        Raises
        ------
        ProjectError
            If it still is.
        """

        def act() -> None:
            self._live.try_again()
            self._editor.make_unmade()

        self._open.worker.run(act)
