"""The one engine of a live project: opened, switched for another, closed."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sam2_widget import models
from sam2_widget.checksums import State, state_of
from sam2_widget.choosing import choose, suits
from sam2_widget.engines.base import Engine
from sam2_widget.errors import ModelError, NotSwitchedError
from sam2_widget.events import Change
from sam2_widget.model_download import wait_unless
from sam2_widget.models import ModelSpec

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from sam2_widget.annotations import Annotations, FramePrompts, Scope
    from sam2_widget.model_download import ModelDownload
    from sam2_widget.options import Options
    from sam2_widget.provenance import Provenance
    from sam2_widget.tracking import TrackQueue
    from sam2_widget.video import Video
    from sam2_widget.worker import Worker

_log = logging.getLogger("sam2_widget")

Model = Engine | Sequence[ModelSpec]
"""An engine, or the models to choose from, the largest first."""

_Files = tuple[State | None, ...]


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
    """The engine in use, and what it was made from; `own` where this project closes it.

    `files` tells the states of its files from others, see `_files_of`.
    """

    engine: Engine
    model: Model
    spec: ModelSpec | None
    device: str
    own: bool
    status: ModelStatus
    shown: dict[tuple[Scope, int], FramePrompts]
    files: _Files


class Host(Protocol):
    """What an engine is opened for, and who is told of it: a `Live` is one."""

    options: Options
    video: Video
    annotations: Annotations
    worker: Worker
    queue: TrackQueue
    provenance: Provenance
    download: ModelDownload

    def is_unmade(self, scope: Scope, frame: int) -> bool:
        """Tell whether the mask of a prompted frame was not saved."""

    def tell(self, change: Change) -> int:
        """Note a change, tell the listeners, and return the new revision."""

    def notify(self, level: str, text: str) -> None:
        """Show the user a line."""


class EngineSlot:
    """Opens the engine of a live project, and another in its place.

    Attributes
    ----------
    engine : Engine or None
        The one in use, None while there is none.
    status : ModelStatus
        What the user is told of it.
    shown : dict
        Prompts of corrected frames that the saved masks showed when the engine was opened.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.engine: Engine | None = None
        self.status = ModelStatus("", host.options.device, "waiting")
        self.shown: dict[tuple[Scope, int], FramePrompts] = {}
        self._failure: Exception | None = None
        self._model: Model = ()
        self._opened: Opened | None = None

    def needs(self, model: Model, any_will_do: bool) -> bool:
        """Tell whether a session that asks for a model has to have it opened."""
        if not self._model or self.status.status == "failed":
            return True
        return not any_will_do and not self.is_used(model)

    def is_as_on_disk(self) -> bool:
        """Tell whether the files of the model in use are those it was loaded from."""
        opened = self._opened
        return opened is None or opened.files == _files_of(opened.spec)

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

    def open(self, model: Model, device: str | None = None) -> Future[None]:
        """Have the worker load a model, in the place of another if there is one.

        What was queued before it is answered by the old one, all else by the new. Where it cannot
        be loaded, the old one stays in use and the future has the error.
        """
        self._model = model
        before = self.status.device if self._opened is None else self._opened.device
        self._set_status(ModelStatus(_name_of(model), device or before, "waiting"))
        return self._host.worker.submit(lambda: self._open(model, device or before))

    def download(self, name: str) -> None:
        """Download a model, and use it once it is whole and no track runs.

        If the user chooses another one meanwhile, that stays in use.

        Raises
        ------
        ModelError
            If another one is being downloaded.
        """
        before = self._model

        def use(cancel: threading.Event) -> str:
            while (job := self._host.queue.job) is not None and not cancel.is_set():
                wait_unless(cancel, job.wait)
            if cancel.is_set() or self._model is not before:
                return f"{name} is downloaded; the menu of models has it."
            self.open(models.resolve(name)).result()
            return f"{name} is downloaded and in use."

        self._host.download.start(name, use)

    def ready(self) -> Engine:
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

    def check(self) -> None:
        """Raise what made loading fail, if it did; for the worker."""
        self.ready()

    def tell_not_switched(self, loading: Future[None]) -> None:
        """Tell the user, where nobody waits, that a model could not take the place of another."""
        error = loading.exception()
        if isinstance(error, NotSwitchedError):
            _log.warning("%s", error)
            self._host.notify("error", str(error))

    def start_over(self, scopes: Iterable[Scope]) -> None:
        """Have the engine forget scopes whose files are other ones now; for the worker."""
        if self.engine is not None:
            for scope in scopes:
                self.engine.forget(scope)
        self.shown = self._corrections_shown()

    def close(self) -> None:
        """Close the engine, unless it is the user's own; for the worker, or after its end."""
        if self._opened is not None and self._opened.own:
            self._opened.engine.close()
        self._opened, self.engine, self._failure = None, None, None

    def _open(self, model: Model, device: str) -> None:
        before = self._opened
        if before is not None:
            self._end_run_for(_name_of(model))
        # To weights that were written over there is no way back: they stay until others work.
        keep = before is not None and not self.is_as_on_disk()
        if not keep:
            # First, because two models seldom fit the memory of a GPU.
            self.close()
        try:
            self._load(model, device)
            if before is not None and keep and before.own:
                before.engine.close()
        except Exception as error:  # the session stays usable: another model may load
            # What was half loaded hangs on the frames of the error.
            traceback.clear_frames(error.__traceback__)
            if before is None:
                self._fail(error)
                raise
            self._go_back(model, before, was_closed=not keep)
            raise NotSwitchedError(
                f"{_name_of(model)} could not be loaded, {before.engine.name} stays in use: {error}"
            ) from error

    def _load(self, model: Model, device: str) -> None:
        self.shown = self._corrections_shown()
        self._set_status(ModelStatus(_name_of(model), device, "loading"))
        spec: ModelSpec | None = None
        files: dict[Path, _Files] = {}
        if isinstance(model, Engine):
            engine, own, status = model, False, ModelStatus("", "", "ready")
        else:
            options = replace(self._host.options, device=device)
            # Before they are read: what is written meanwhile counts as changed.
            files = {spec.checkpoint: _files_of(spec) for spec in model}
            engine, spec, status = _make_engine(model, options, self._warn)
            own = True
        try:
            engine.open(self._host.video)
        except BaseException:
            if own:
                engine.close()
            raise
        status = replace(status, name=engine.name, device=engine.device)
        read = files.get(spec.checkpoint, ()) if spec else ()
        self._take(Opened(engine, model, spec, device, own, status, self.shown, read))

    def _warn(self, text: str) -> None:
        self._host.notify("warning", text)

    def _take(self, opened: Opened) -> None:
        self._opened, self.engine, self.shown = opened, opened.engine, opened.shown
        if opened.status.reason:
            _log.info("Model: %s", opened.status.reason)
        self._set_status(opened.status)
        self.describe()

    def describe(self) -> None:
        """Have it written down which engine makes masks."""
        opened = self._opened
        if opened is not None:
            state = opened.files[0] if opened.files else None
            self._host.provenance.engine_opened(opened.engine, state)

    def _go_back(self, failed: Model, before: Opened, *, was_closed: bool) -> None:
        """Have the model of before in use again, after another could not be loaded."""
        if self._model is failed:
            self._model = before.model
        try:
            if before.own and was_closed:
                self._load(before.model, before.device)
            else:
                # It was not closed, and nothing has happened since.
                self._take(before)
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._set_status(replace(self.status, status="failed", note=str(error)))

    def _set_status(self, status: ModelStatus) -> None:
        self.status = status
        self._host.tell(Change("model"))

    def _end_run_for(self, name: str) -> None:
        queue = self._host.queue
        job = queue.job
        queue.close(ModelError("The model was switched; track again to go on with the new."))
        if job is not None:
            self._host.notify(
                "warning",
                f"{job.text} ended because the model is switched to {name}; "
                "Track goes on with what is left.",
            )
            self._host.tell(Change("job"))

    def _corrections_shown(self) -> dict[tuple[Scope, int], FramePrompts]:
        annotations = self._host.annotations
        return {
            (scope, frame): prompts
            for scope in annotations
            for frame, prompts in annotations.of(scope).items()
            if prompts.corrects and not self._host.is_unmade(scope, frame)
        }


def _files_of(spec: ModelSpec | None) -> _Files:
    """Return sizes and times of the checkpoint and the config of a model, None for no file."""
    if spec is None:
        return ()
    paths = spec.checkpoint, Path(spec.config)
    return tuple(state_of(path) if path.is_file() else None for path in paths)


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
