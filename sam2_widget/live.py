"""The live project: what all sessions on one folder share, opened once and closed by the last."""

from __future__ import annotations

import contextlib
import logging
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sam2_widget import models
from sam2_widget.choosing import choose, suits
from sam2_widget.cleaning import NOTHING, Cleaning
from sam2_widget.engines.base import BatchObjects, Engine
from sam2_widget.errors import (
    ClosedError,
    ModelError,
    NotSwitchedError,
    ProjectError,
    SaveError,
)
from sam2_widget.events import Change, ChangeLog, Dispatcher
from sam2_widget.history import History
from sam2_widget.ids import DEFAULT_REGIONS, MAX_INSTANCE
from sam2_widget.labels import Labels
from sam2_widget.lanes import Lanes
from sam2_widget.look import DEFAULT_LOOK, fitting_look
from sam2_widget.masks import MaskStore
from sam2_widget.model_download import ModelDownload, wait_unless
from sam2_widget.models import ModelSpec
from sam2_widget.project import Project, ProjectInfo
from sam2_widget.provenance import Provenance
from sam2_widget.saver import Saver
from sam2_widget.tracking import TrackJob, TrackQueue
from sam2_widget.video import StoredVideo, Video
from sam2_widget.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from sam2_widget.annotations import FramePrompts, Scope
    from sam2_widget.keypoints import Skeleton
    from sam2_widget.sources import Source

_log = logging.getLogger("sam2_widget")

Model = Engine | Sequence[ModelSpec]
"""An engine, or the models to choose from, the largest first."""
MODES = ("segment", "keypoint")
"""What clicks in the widget make: prompts of a scope, or keypoints of an instance."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What the user is told of the model; `status` is waiting, loading, ready or failed.

    `reason` says why it was chosen where there was a choice, `suits` which size suits the device.
    """

    name: str
    device: str
    status: str
    note: str = ""
    reason: str = ""
    suits: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """The engine in use, and what it was made from; `own` where this project closes it."""

    engine: Engine
    model: Model
    spec: ModelSpec | None
    device: str
    own: bool
    status: ModelStatus
    shown: dict[tuple[Scope, int], FramePrompts]


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user; `level` is info, warning or error."""

    id: int
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments that a second session on the same project must share.

    Of `feature_bytes` and `feature_disk_bytes` those of the session count that has the engine made.
    """

    frame_step: int
    max_side: int | None
    device: str
    feature_bytes: int | None = None
    feature_disk_bytes: int = 0
    cleaning: Cleaning = NOTHING
    precision: str = "auto"
    compile: bool = False
    batch_objects: BatchObjects = "auto"


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
    shown : dict
        Prompts of corrected frames that the saved masks showed when the engine was opened.
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
            self.labels = labels.with_regions(wanted)
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
        self.engine: Engine | None = None
        self.status = ModelStatus("", options.device, "waiting")
        self.notices: list[Notice] = []
        self.shown: dict[tuple[Scope, int], FramePrompts] = {}
        self.history = History(self.project.undo)
        self.unsaved = 0
        self._told_warnings = 0
        self._remembered = stored is not None
        self._failure: Exception | None = None
        self._model: Model = ()
        self._opened: Opened | None = None
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
    def model(self) -> Model:
        """What the engine was made from."""
        return self._model

    @property
    def regions(self) -> tuple[str, ...]:
        """Region ids, in order."""
        return self.labels.regions

    def put_labels(self, labels: Labels) -> None:
        """Save other regions, names and colours; for the worker.

        Raises
        ------
        SaveError
            If ``project.json`` cannot be written; nothing is changed.
        """
        with self._lock:
            info = self.project.info
            assert info is not None
            self.project.write_info(replace(info, labels=labels))
            self.labels = labels

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
        self.end_runs()
        self.history.forget()
        if self.engine is not None:
            for scope in {*before, *self.scopes()}:
                self.engine.forget(scope)
        self.shown = self._corrections_shown()
        if not self.read_only:
            self.project.remove_unnamed(annotations)
            if info is None:
                self._remember(stored or self.video.stored())
        for kind in ("prompts", "keypoints", "masks", "labels"):
            self.tell(Change(kind), None)

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
        if self.engine is not None:
            self.provenance.engine_opened(self.engine)
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

    # -- engine -------------------------------------------------------------------------------

    def needs_engine(self, model: Model, any_will_do: bool) -> bool:
        """Tell whether a session that asks for a model has to have it opened."""
        if not self._model or self.status.status == "failed":
            return True
        return not any_will_do and not self.is_used(model)

    def is_used(self, model: Model, device: str | None = None) -> bool:
        """Tell whether a model is the one in use, or the one that is being loaded."""
        opened = self._opened
        if device is not None and (opened is None or device != opened.device):
            return False
        same = model == self._model or model is self._model
        if opened is None or self._model is not opened.model or isinstance(model, Engine):
            return same
        # "auto" may have come to it, and have something to say about it.
        return same or [replace(spec, note="") for spec in model] == [opened.spec]

    def open_engine(self, model: Model, device: str | None = None) -> Future[None]:
        """Have the worker load a model, in the place of another if there is one.

        What was queued before it is answered by the old one, all else by the new. Where it cannot
        be loaded, the old one stays in use and the future has the error.
        """
        self._model = model
        before = self.status.device if self._opened is None else self._opened.device
        self.set_status(ModelStatus(_name_of(model), device or before, "waiting"))
        return self.worker.submit(lambda: self._open_engine(model, device or before))

    def start_download(self, name: str) -> None:
        """Download a model, and use it once it is whole and no track runs.

        If the user chooses another one meanwhile, that stays in use.

        Raises
        ------
        ModelError
            If another one is being downloaded.
        """
        before = self._model

        def use(cancel: threading.Event) -> str:
            while (job := self.queue.job) is not None and not cancel.is_set():
                wait_unless(cancel, job.wait)
            if cancel.is_set() or self._model is not before:
                return f"{name} is downloaded; the menu of models has it."
            self.open_engine(models.resolve(name)).result()
            return f"{name} is downloaded and in use."

        self.download.start(name, use)

    def ready_engine(self) -> Engine:
        """Return the engine; for the worker.

        Raises
        ------
        Exception
            What made loading fail.
        """
        if self._failure is not None:
            raise self._failure
        assert self.engine is not None
        return self.engine

    def check_engine(self) -> None:
        """Raise what made loading fail, if it did; for the worker."""
        self.ready_engine()

    def set_status(self, status: ModelStatus) -> None:
        """Tell what the model is doing."""
        self.status = status
        self.tell(Change("model"))

    def tell_not_switched(self, loading: Future[None]) -> None:
        """Tell the user, where nobody waits, that a model could not take the place of another."""
        error = loading.exception()
        if isinstance(error, NotSwitchedError):
            _log.warning("%s", error)
            self.notify("error", str(error))

    def _open_engine(self, model: Model, device: str) -> None:
        before = self._opened
        if before is not None:
            self._end_run_for(_name_of(model))
        # First, because two models seldom fit the memory of a GPU.
        self._close_engine()
        try:
            self._load(model, device)
        except Exception as error:  # the session stays usable: another model may load
            # What was half loaded hangs on the frames of the error.
            traceback.clear_frames(error.__traceback__)
            if before is None:
                self._fail(error)
                raise
            self._go_back(model, before)
            raise NotSwitchedError(
                f"{_name_of(model)} could not be loaded, {before.engine.name} stays in use: {error}"
            ) from error

    def _load(self, model: Model, device: str) -> None:
        self.shown = self._corrections_shown()
        self.set_status(ModelStatus(_name_of(model), device, "loading"))
        spec: ModelSpec | None = None
        if isinstance(model, Engine):
            engine, own, status = model, False, ModelStatus("", "", "ready")
        else:
            options = replace(self.options, device=device)
            engine, spec, status = _make_engine(model, options, self._warn)
            own = True
        try:
            engine.open(self.video)
        except BaseException:
            if own:
                engine.close()
            raise
        status = replace(status, name=engine.name, device=engine.device)
        self._take(Opened(engine, model, spec, device, own, status, self.shown))

    def _warn(self, text: str) -> None:
        self.notify("warning", text)

    def _take(self, opened: Opened) -> None:
        self._opened, self.engine, self.shown = opened, opened.engine, opened.shown
        if opened.status.reason:
            _log.info("Model: %s", opened.status.reason)
        self.set_status(opened.status)
        self.provenance.engine_opened(opened.engine)

    def _go_back(self, failed: Model, before: Opened) -> None:
        """Have the model of before in use again, after another could not be loaded."""
        if self._model is failed:
            self._model = before.model
        try:
            if before.own:
                self._load(before.model, before.device)
            else:
                # An engine of the user's own was not closed, and nothing has happened since.
                self._take(before)
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self.set_status(replace(self.status, status="failed", note=str(error)))

    def _end_run_for(self, name: str) -> None:
        job = self.queue.job
        self.queue.close(ModelError("The model was switched; track again to go on with the new."))
        if job is not None:
            self.notify(
                "warning",
                f"{job.text} ended because the model is switched to {name}; "
                "Track goes on with what is left.",
            )
            self.tell(Change("job"))

    def _close_engine(self) -> None:
        if self._opened is not None and self._opened.own:
            self._opened.engine.close()
        self._opened, self.engine, self._failure = None, None, None

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

    def _corrections_shown(self) -> dict[tuple[Scope, int], FramePrompts]:
        return {
            (scope, frame): prompts
            for scope in self.annotations
            for frame, prompts in self.annotations.of(scope).items()
            if prompts.corrects and not self.is_unmade(scope, frame)
        }

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
        kept: dict[str, Any] = {}
        frame, instance = self._ui.get("frame_index"), self._ui.get("instance")
        if type(frame) is int and 0 <= frame < self.video.known_length:
            kept["frame_index"] = frame
        if type(instance) is int and instance >= 1:
            kept["instance"] = instance
        if self._ui.get("region") in self.regions:
            kept["region"] = self._ui["region"]
        if hidden := _scopes_of(self._ui.get("hidden"), self.regions):
            kept["hidden"] = hidden
        look = fitting_look(self._ui.get("look"), self.video.known_length)
        if look != DEFAULT_LOOK:
            kept["look"] = look
        if self._ui.get("mode") in MODES:
            kept["mode"] = self._ui["mode"]
        return kept

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
        info = self.project.info
        if info is None:
            return None
        ours = {"fingerprint": self.fingerprint, **_extraction(self.options)}
        for key, value in ours.items():
            if info.video.get(key) != value:
                what = "another video" if key == "fingerprint" else f"the video with another {key}"
                raise ProjectError(
                    f"{self.root} holds {what}; give name= to keep this one in a folder of its own."
                )
        return _parse_stored(info)

    def _remember(self, stored: StoredVideo | None) -> None:
        """Save ``project.json`` if what it should say differs from what it says."""
        video: dict[str, Any] = {"fingerprint": self.fingerprint, **_extraction(self.options)}
        video |= {"fps": self.video.fps, "width": self.video.width, "height": self.video.height}
        if stored is not None:
            video |= {"frames": stored.count, "times": [round(t, 6) for t in stored.times]}
        if self.video.names is not None:
            video["names"] = self.video.names
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
            self._close_engine()
            if not self.read_only:
                self.masks.compact()
        finally:
            self.project.close()
            self.dispatcher.close()


def _name_of(model: Model) -> str:
    """Return a model's name as far as it is known before it is loaded."""
    if isinstance(model, Engine):
        return model.name
    return model[0].name if len(model) == 1 else "auto"


def _make_engine(
    specs: Sequence[ModelSpec], options: Options, warn: Callable[[str], None]
) -> tuple[Engine, ModelSpec, ModelStatus]:
    # torch takes seconds to import: only the worker waits for it.
    from sam2_widget.engines.sam2 import Sam2Engine
    from sam2_widget.engines.sam2.describing import free_memory
    from sam2_widget.engines.sam2.inferring import infer_config
    from sam2_widget.engines.sam2.precision import pick_device

    device = pick_device(options.device)
    free = free_memory(device)
    spec, reason = choose(specs, device.type, free)
    config, note = (spec.config, spec.note) if spec.config else infer_config(spec.checkpoint)
    engine = Sam2Engine(
        spec.name,
        config,
        spec.checkpoint,
        options.device,
        feature_bytes=options.feature_bytes,
        feature_disk_bytes=options.feature_disk_bytes,
        precision=options.precision,
        compile=options.compile,
        batch_objects=options.batch_objects,
        warn=warn,
    )
    size, _ = suits(device.type, free)
    status = ModelStatus(spec.name, device.type, "ready", note, reason, size)
    return engine, replace(spec, note=""), status


def _extraction(options: Options) -> dict[str, Any]:
    return {"frame_step": options.frame_step, "max_side": options.max_side}


def _merged(regions: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    known = {region.lower() for region in regions}
    return (*regions, *(region for region in more if region.lower() not in known))


def _scopes_of(saved: object, regions: Sequence[str]) -> list[tuple[int, str]]:
    """Return the scopes in a list that ``ui.json`` holds; what else is in it says nothing."""
    return [
        (item[0], item[1])
        for item in (saved if isinstance(saved, list) else [])
        if isinstance(item, list | tuple)
        and len(item) == 2
        and type(item[0]) is int
        and 1 <= item[0] <= MAX_INSTANCE
        and item[1] in regions
    ]


def _parse_stored(info: ProjectInfo) -> StoredVideo | None:
    video = info.video
    if "times" not in video:
        return None
    try:
        times = tuple(float(t) for t in video["times"])
        return StoredVideo(times, int(video["width"]), int(video["height"]))
    except (KeyError, TypeError, ValueError):
        return None
