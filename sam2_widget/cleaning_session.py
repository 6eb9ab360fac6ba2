"""The part of a session that cleans masks which are saved already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sam2_widget import bits
from sam2_widget.cleaning import Cleaning, check_cleaning, points_by_label
from sam2_widget.editing import NewFrame
from sam2_widget.errors import SaveError
from sam2_widget.records import measure
from sam2_widget.session_base import SessionBase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sam2_widget.annotations import Scope


class CleaningSession(SessionBase):
    """Cleans saved masks, as one step of undo."""

    def clean(
        self,
        scopes: Iterable[tuple[int, str]] | None = None,
        fill_hole_area: int = 0,
        min_mask_region_area: int = 0,
    ) -> int:
        """Fill small holes and remove small regions in the masks that the model made.

        Masks that you drew, loaded or imported stay as they are. The model still remembers its own
        masks, as with the arguments of `Session` of these names, so that tracking goes on as it
        would have. A track of these scopes that is at work ends; ``track()`` resumes it. Among the
        runs of `provenance` is a line for it, with scopes, areas and number of masks, which stays
        when it is undone.

        Parameters
        ----------
        scopes : iterable of (int, str), optional
            Which scopes; by default all.
        fill_hole_area, min_mask_region_area : int
            Pixels of the stored frame; see `Session`.

        Returns
        -------
        int
            How many masks changed.

        Raises
        ------
        PromptError
            If an area is no number of pixels.
        SaveError
            If a mask cannot be written; nothing is changed.
        """
        cleaning = check_cleaning(fill_hole_area, min_mask_region_area)
        chosen = None if scopes is None else [self._scope(*scope) for scope in scopes]

        def act() -> int:
            live = self._live
            frames = list(self._cleaned(live.scopes() if chosen is None else chosen, cleaning))
            self._editor.load(f"cleaning of {len(frames)} masks", frames, [], live.labels)
            if frames:
                try:
                    cleaned = sorted({new.scope for new in frames})
                    live.provenance.cleaned(cleaned, cleaning, len(frames))
                except SaveError as error:
                    live.notify("error", str(error))
            return len(frames)

        return self._do(act)

    def _cleaned(self, scopes: Sequence[Scope], cleaning: Cleaning) -> Iterator[NewFrame]:
        live = self._live
        for scope in sorted(set(scopes)):
            for frame, record in sorted(live.masks.records(scope).items()):
                if record.source not in ("click", "track"):
                    continue
                prompts = live.annotations.at(scope, frame)
                before = live.masks.read(scope, frame)
                after = cleaning(before, *points_by_label(prompts.points if prompts else ()))
                if after is not before:
                    # Of the same run: who tracks on finds in it what the model remembers.
                    new = measure(
                        after,
                        frame,
                        record.source,
                        run=record.run,
                        score=record.score,
                        revision=record.revision,
                        model=record.model,
                    )
                    yield NewFrame(scope, frame, prompts, new, bits.to_png(after))
