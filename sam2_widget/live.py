"""The live project: what all sessions on one folder share, opened once and closed by the last."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sam2_widget.engine_slot import EngineSlot
from sam2_widget.errors import ClosedError, ProjectError, SaveError
from sam2_widget.events import Change, ChangeLog, Dispatcher
from sam2_widget.history import History
from sam2_widget.ids import DEFAULT_REGIONS
from sam2_widget.labels import Labels
from sam2_widget.lanes import Lanes
from sam2_widget.masks import MaskStore
from sam2_widget.model_download import ModelDownload
from sam2_widget.project import Project, ProjectInfo
from sam2_widget.provenance import Provenance
from sam2_widget.saver import Saver
from sam2_widget.tracking import TrackJob, TrackQueue
from sam2_widget.ui_state import fitting_ui
from sam2_widget.video import Video
from sam2_widget.video_info import check_video, describe_video
from sam2_widget.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sam2_widget.annotations import Scope
    from sam2_widget.engine_slot import ModelStatus
    from sam2_widget.engines.base import Engine
    from sam2_widget.keypoints import Skeleton
    from sam2_widget.options import Options
    from sam2_widget.sources import Source
    from sam2_widget.video import StoredVideo


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user; `level` is info, warning or error."""

    id: int
    level: str
    text: str


class Live:
    """A project that is open: its folder, video, masks, prompts, engine and threads.

    Attributes
    ----------
    annotations : Annotations
        The prompts as they are now; only the worker replaces them.
    keypoints : Keypoints
        The keypoints as they are now; only the worker replaces them.
    labels : Labels
        Regions, display names and colours as they are now; only the worker replaces them.
    lanes : Lanes
        A few bytes for every frame of every scope, for the timeline.
    slot : EngineSlot
        The engine, and what opens another in its place.
    skeleton : tuple of (str, str)
        Pairs of names between whose keypoints lines are drawn.
    """

    def __init__(
        self, root: Path, source: Source, regions: Sequence[str] | None, options: Options
    ) -> None:
        # Round what the worker, the thread of the frames and the users' threads write alike.
        self._lock = threading.Lock()
        self.root = root
        self.options = options
        self.fingerprint = source.fingerprint
        self.project = Project(root)
        try:
            stored = self._check_video()
            saved = self.project.info.regions if self.project.info else ()
            wanted = _merged(saved, regions or (() if saved else DEFAULT_REGIONS))
            labels = self.project.info.labels if self.project.info else Labels(())
            self.skeleton = self.project.info.skeleton if self.project.info else ()
            self.video = Video(
                source,
                self.project.frames,
                frame_step=options.frame_step,
                max_side=options.max_side,
                stored=stored,
                read_only=not self.project.lock.held,
                on_progress=self._video_moved,
            )
            size = self.video.width, self.video.height
            self.masks = MaskStore(self.project, *size)
            self.annotations = self.project.read_prompts(*size)
            self.labels = self._with_saved_regions(labels.with_regions(wanted))
            self.keypoints = self.project.read_keypoints(*size)
            self.changes = ChangeLog()
            self.lanes = Lanes(self)
            if not self.read_only:
                self.project.remove_unnamed(self.annotations)
                self._remember(stored)
        except BaseException:
            self.project.close()
            raise
        self._ui = self.project.read_ui()
        self._origin = source.origin
        self.users = 0
        self.notices: list[Notice] = []
        self.history = History(self.project.undo)
        self.unsaved = 0
        self._told_warnings = 0
        self._remembered = stored is not None
        self.dispatcher = Dispatcher()
        self.saver = Saver()
        # What users do finds all that was tracked before saved, and nothing being saved.
        self.worker = Worker("sam2-widget-engine", before_urgent=self.saver.flush)
        self.queue = TrackQueue(
            lambda task: self.worker.submit(task, urgent=False),
            self._can_track,
            lambda: len(self.video) if self.video.complete else None,
            self.job_moved,
            self._job_failed,
        )
        self.provenance = Provenance(
            self.project,
            lambda task: self.worker.submit(task, urgent=False),
            self._remember_engine,
            options.cleaning,
        )
        self.download = ModelDownload(lambda: self.tell(Change("model")), self.notify)
        self.slot = EngineSlot(self)
        if self.read_only:
            self.notify("warning", self.held_elsewhere)
        try:
            self.video.start()
        except BaseException:
            self.close()
            raise
        if self._origin is not None:
            # Also when nothing differs: the file's time says when the project was opened last.
            self.remember_ui(self._ui)

    @property
    def read_only(self) -> bool:
        """Whether another process holds the project."""
        return not self.project.lock.held

    def check_writable(self) -> None:
        """Refuse to change a project that another process holds.

        Raises
        ------
        ProjectError
            If another process holds it.
        """
        if self.read_only:
            raise ProjectError(
                f"{self.root} is open in another process; close it there, "
                "then press Try again (Session.try_again())."
            )

    @property
    def engine(self) -> Engine | None:
        """The engine in use, None while there is none."""
        return self.slot.engine

    @property
    def status(self) -> ModelStatus:
        """What the user is told of the model."""
        return self.slot.status

    @property
    def regions(self) -> tuple[str, ...]:
        """Region ids, in order."""
        return self.labels.regions

    def put_drawing(self, labels: Labels | None, skeleton: Skeleton | None) -> None:
        """Save other regions, names and colours, or lines between keypoints; for the worker.

        Raises
        ------
        SaveError
            If ``project.json`` cannot be written; nothing is changed.
        """
        with self._lock:
            info = self.project.info
            assert info is not None
            labels = self.labels if labels is None else labels
            skeleton = self.skeleton if skeleton is None else skeleton
            self.project.write_info(replace(info, labels=labels, skeleton=skeleton))
            self.labels, self.skeleton = labels, skeleton

    def set_skeleton(self, skeleton: Skeleton) -> None:
        """Draw other lines between keypoints, from now on and, if this may write, next time too.

        Raises
        ------
        SaveError
            If ``project.json`` cannot be written.
        """
        if skeleton == self.skeleton:
            return
        with self._lock:
            info = self.project.info
            if info is not None and not self.read_only:
                self.project.write_info(replace(info, skeleton=skeleton))
            self.skeleton = skeleton
        self.tell(Change("keypoints"))

    def merge_regions(self, regions: Sequence[str]) -> tuple[str, ...]:
        """Return the regions there are followed by those of `regions` that are new."""
        return _merged(self.regions, regions)

    # -- files changed by others --------------------------------------------------------------

    def reload(self) -> None:
        """Take over what the project's files say now; for the worker.

        A running track ends, and the steps of undo are forgotten.

        Raises
        ------
        ProjectError
            If a file is damaged, of a newer format, or of another video; what is live stays.
        """
        size = self.video.width, self.video.height
        with self._lock, self.project.reading_again():
            stored = self._check_video()
            info = self.project.info
            annotations = self.project.read_prompts(*size)
            keypoints = self.project.read_keypoints(*size)
            before = self.scopes()
            # Last, because it is the one that cannot be taken back.
            self.masks.reload()
            self.annotations, self.keypoints = annotations, keypoints
            if info is not None:
                self.labels, self.skeleton = info.labels, info.skeleton
            self.labels = self._with_saved_regions(self.labels)
        self.end_runs()
        self.history.forget()
        self.slot.start_over({*before, *self.scopes()})
        for kind in ("prompts", "keypoints", "masks", "labels"):
            self.tell(Change(kind), None)
        if self.read_only:
            return
        self.project.remove_unnamed(annotations)
        try:
            self._remember(stored or self.video.stored())
        except SaveError as error:  # all is taken over, and this is written next time
            self.notify("error", str(error))

    def _with_saved_regions(self, labels: Labels) -> Labels:
        """Add regions that prompts or masks have and ``project.json`` does not, as by a kill."""
        return labels.with_regions(_merged(labels.regions, [s.region for s in self.scopes()]))

    def end_runs(self) -> None:
        """End all tracking without another step; for the worker."""
        self.queue.close()
        self.tell(Change("job"))

    def try_again(self) -> None:
        """Become the one that writes, if no other process has the project open; for the worker.

        Raises
        ------
        ProjectError
            If another process has, or a file cannot be taken over; this one only reads still.
        SaveError
            If the folder cannot be written.
        """
        if not self.read_only:
            return
        if not self.project.take_over():
            raise ProjectError(
                f"{self.root} is still open in another process; close it there, then try again."
            )
        try:
            self.reload()
        except BaseException:
            self.project.lock.release()
            raise
        stored = self._check_video()
        self.video.take_over(stored)
        self._remembered = stored is not None
        with self._lock:
            self.notices = [each for each in self.notices if each.text != self.held_elsewhere]
        self._remember(stored)
        self.slot.describe()
        self.video.start()
        self._video_moved()

    @property
    def held_elsewhere(self) -> str:
        """What the user is told while another process holds the project."""
        return (
            f"{self.root} is open in another process, so this one only shows it; close it there, "
            "then press Try again (Session.try_again()) to go on here."
        )

    def job_moved(self) -> None:
        """Tell that a track moved on or ended."""
        self.tell(Change("job"))

    def _job_failed(self, job: TrackJob, error: Exception) -> None:
        self.notify("error", f"{job.text} stopped: {error}")

    def _can_track(self, frame: int) -> bool:
        """Tell whether a frame is stored; raises what keeps it from ever being."""
        ready = self.video.is_ready(frame)
        if not ready and self.video.failure is not None:
            raise self.video.failure
        return ready

    def _remember_engine(self, described: dict[str, Any]) -> None:
        if self.read_only:
            return
        name = described.get("model", "")
        try:
            with self._lock:
                info = self.project.info
                if info is not None and (info.model, info.engine) != (name, described):
                    self.project.write_info(replace(info, model=name, engine=described))
        except SaveError as error:
            self.notify("error", str(error))

    def is_unmade(self, scope: Scope, frame: int) -> bool:
        """Tell whether the mask of a prompted frame was not saved, as a kill may leave it."""
        prompts = self.annotations.at(scope, frame)
        record = self.masks.record(scope, frame)
        if prompts is None:
            return False
        return record is None or record.revision != prompts.revision

    # -- telling ------------------------------------------------------------------------------

    def tell(
        self,
        change: Change,
        frames: Sequence[int] | None = (),
        first: Callable[[], None] | None = None,
    ) -> int:
        """Note a change of what is shown, tell the listeners, and return the new revision.

        What is called `first` has the machine to itself: listeners wake after it.
        """
        revision = self.changes.mark(frames)
        if first is not None:
            first()
        self.dispatcher.tell(change)
        return revision

    def notify(self, level: str, text: str) -> None:
        """Show the user a line."""
        with self._lock:
            number = self.notices[-1].id + 1 if self.notices else 1
            self.notices = [*self.notices, Notice(number, level, text)][-20:]
        self.tell(Change("notice"))

    @property
    def ui(self) -> dict[str, Any]:
        """The frame, scope and mode that were looked at last, as far as they exist."""
        return fitting_ui(self._ui, self.video.known_length, self.regions)

    def remember_ui(self, state: Mapping[str, Any]) -> None:
        """Keep what is looked at; losing it harms nobody, so that no error is raised."""
        self._ui = dict(state)
        if self._origin is not None:
            self._ui["source"] = str(self._origin)
        if not self.read_only:
            with self._lock, contextlib.suppress(SaveError):
                self.project.write_json(self.project.root / "ui.json", self._ui)

    def scopes(self) -> list[Scope]:
        """Return the scopes that hold prompts or masks, in order."""
        return sorted({*self.annotations, *self.masks.scopes()})

    # -- video --------------------------------------------------------------------------------

    def _check_video(self) -> StoredVideo | None:
        return check_video(self.root, self.project.info, self.fingerprint, self.options)

    def _remember(self, stored: StoredVideo | None) -> None:
        """Save ``project.json`` if what it should say differs from what it says."""
        video = describe_video(self.video, self.fingerprint, self.options, stored)
        with self._lock:
            before = self.project.info
            info = ProjectInfo(
                video,
                self.labels,
                before.model if before else "",
                before.extra if before else {},
                before.skeleton if before else (),
                before.engine if before else {},
            )
            if info != before:
                self.project.write_info(info)

    def _video_moved(self) -> None:
        self.tell(Change("video"))
        self.queue.wake()
        if len(self.video.warnings) > self._told_warnings:
            for text in self.video.warnings[self._told_warnings :]:
                self.notify("warning", text)
            self._told_warnings = len(self.video.warnings)
        if self.video.failure is not None:
            self.notify("error", str(self.video.failure))
        elif self.video.complete and not self._remembered and not self.read_only:
            self._remembered = True
            try:
                self._remember(self.video.stored())
            except SaveError as error:
                self.notify("error", str(error))

    # -- end ----------------------------------------------------------------------------------

    def close(self) -> None:
        """End the run between two frames, save, stop all threads and release the folder."""
        closed = ClosedError("The session was closed; track() resumes when it is open again.")
        self.download.give_up()
        self.video.close()
        self.worker.close()
        self.queue.close(closed)
        self.saver.close()
        self.download.close()
        try:
            self.slot.close()
            if not self.read_only:
                self.masks.compact()
        finally:
            self.project.close()
            self.dispatcher.close()


def _merged(regions: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    """Return regions followed by those of more that are new; case does not make a new one."""
    found: dict[str, str] = {}
    for region in (*regions, *more):
        found.setdefault(region.lower(), region)
    return tuple(found.values())
