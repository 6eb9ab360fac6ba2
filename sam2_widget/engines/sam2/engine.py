"""SAM 2 one frame of one scope at a time: prompts replayed, passes tracked, memory kept apart."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sam2_widget.engines.base import (
    BatchObjects,
    FrameInput,
    Frames,
    Mask,
    Neighbour,
    Segmentation,
)
from sam2_widget.engines.sam2.archive import Archive
from sam2_widget.engines.sam2.batching import Batching
from sam2_widget.engines.sam2.compiling import Compilation
from sam2_widget.engines.sam2.constants import compute_constants_once
from sam2_widget.engines.sam2.describing import describe
from sam2_widget.engines.sam2.disk import DiskTier
from sam2_widget.engines.sam2.features import FeatureCache, FrameEncoder
from sam2_widget.engines.sam2.graphs import Graphs
from sam2_widget.engines.sam2.images import LazyImages
from sam2_widget.engines.sam2.loading import load_predictor
from sam2_widget.engines.sam2.memory import (
    Memory,
    Output,
    Prompted,
    ScopeMemory,
    separate,
)
from sam2_widget.engines.sam2.offloading import move_to_host
from sam2_widget.engines.sam2.precision import (
    cast_weights,
    inference,
    limit_threads,
    pick_device,
    pick_precision,
)
from sam2_widget.engines.sam2.pressure import Pressure, opening, within_memory
from sam2_widget.engines.sam2.prompting import Prompting
from sam2_widget.engines.sam2.propagation import Propagation
from sam2_widget.engines.sam2.recall import Recall
from sam2_widget.engines.sam2.results import bring
from sam2_widget.engines.sam2.switches import OWN_ATTENTION, TF32

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence


class Sam2Engine:
    """SAM 2 with the masks of ``sam2.sam2_video_predictor.SAM2VideoPredictor``, bit for bit.

    The predictor's own propagation runs all objects to the end or not at all; here each call does
    one frame, so that clicks and cancelling come in between. What each scope has seen
    is kept apart in `ScopeMemory`, and no scope reads another's. What the image encoder made of a
    frame is kept for all of them.

    Parameters
    ----------
    name : str
        Model name for the user and for the records of masks.
    config : str
        A yaml file, or the name of one that the sam2 package ships.
    checkpoint : Path or str
        Weights.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    archive_bytes : int
        Host memory for what the model knew of past tracked frames.
    feature_bytes : int, optional
        Host memory for the features of visited frames, and the device's at most; by default half
        of what is free, and a quarter there.
    feature_disk_bytes : int
        Room on the disk for those that leave it.
    precision : str
        ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``; see `pick_precision`.
    compile : bool
        Whether to have the image encoder compiled beside the work.
    batch_objects : bool or "auto"
        Whether objects are tracked in batches, whose masks are not those of the predictor bit for
        bit; see `Batching`.
    warn : callable, optional
        Tells the user what went otherwise than asked for, but did go on.

    Attributes
    ----------
    pressure : Pressure
        How short memory is; whoever has several objects go through the model together asks it
        (`Pressure.fitting`) how many may.
    """

    def __init__(
        self,
        name: str,
        config: str,
        checkpoint: Path | str,
        device: str = "auto",
        archive_bytes: int = 1 << 30,
        feature_bytes: int | None = None,
        feature_disk_bytes: int = 0,
        precision: str = "auto",
        compile: bool = False,
        batch_objects: BatchObjects = "auto",
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._precision = precision
        self._compile = compile
        self._compilation: Compilation | None = None
        self._warn = warn or (lambda text: None)
        self.pressure: Pressure
        self.device = device
        self._config = config
        self._checkpoint = Path(checkpoint)
        self.archive = Archive(archive_bytes)
        self._scopes: defaultdict[Hashable, ScopeMemory] = defaultdict(ScopeMemory)
        self._feature_bytes = feature_bytes
        self._feature_disk_bytes = feature_disk_bytes
        self._batch_objects = batch_objects
        self._model: Any = None
        self._images: LazyImages | None = None

    def open(self, frames: Frames) -> None:
        """Load the model, if that has not been done, and take these frames as the video."""
        if self._model is None:
            self._device = pick_device(self.device)
            self.device = self._device.type
            self._kind = pick_precision(self._precision, self._device)
            limit_threads(self._device)
            self.graphs = Graphs(self._device)
            self._model, self._propagation = opening(self._device, self._loaded)
            if self._device.type == "cuda":
                OWN_ATTENTION.begin(self)
                if self._precision != "float32":
                    TF32.begin(self)
            if self._compile:
                self._compilation = Compilation(
                    self._model, self._device, self._kind, self._warn, self.graphs
                )
            wanted = self._batch_objects if self._propagation.can_batch else False
            self.batching = Batching(wanted, self._device, self.name)
        self._scopes.clear()
        # Another model may have tracked since: what this one knew of past frames is over.
        self.archive = Archive(self.archive.budget)
        self._release_images()
        self._frames = frames
        size = self._model.image_size
        self._images = opening(self._device, lambda: LazyImages(frames, size, self._device))
        room = self._feature_disk_bytes
        disk = DiskTier(room, tell=self._warn) if room else None
        self.cache = FeatureCache(self._feature_bytes, self._device, disk=disk)
        self.encoder = FrameEncoder(
            self._model, self._images, self.cache, self._device, self._kind, self.graphs
        )
        self._prompting = Prompting(frames, self._propagation, self.encoder, size, self._device)
        self._recall = Recall(
            self.archive,
            self._propagation,
            self.encoder,
            self._prompting.from_mask,
            len(frames),
            self._device,
        )
        steps = (
            lambda host: not host and self.graphs.drop(),
            self._keep_fewer_features,
            lambda host: self.pressure.halve_batch(),
            self._offload,
        )
        self.pressure = Pressure(self._device, steps, self._warn)

    def _loaded(self) -> tuple[Any, Propagation]:
        """Return the model on its device, and what takes it through a frame."""
        model = load_predictor(self._config, self._checkpoint, self._device)
        cast_weights(model, self._kind)
        return model, Propagation(model, compute_constants_once(model), self.graphs)

    def describe(self) -> dict[str, Any]:
        """Return what makes the masks, once it is open: files, device, numbers, versions."""
        kind = str(self._kind).removeprefix("torch.")
        asked, found = self._batch_objects, self.batching.batches
        return describe(self._config, self._checkpoint, self._device, kind, asked, found)

    @within_memory
    def segment(self, scope: Hashable, frame: int, given: FrameInput) -> Segmentation:
        """Segment a frame from its prompts: each in turn, as if given one call at a time."""
        with inference(self._device, self._kind):
            return self._result(self._replay(scope, frame, given).output)

    @within_memory
    def begin(
        self,
        scope: Hashable,
        prompted: Mapping[int, FrameInput],
        *,
        reverse: bool,
        run: str,
        neighbours: Sequence[Neighbour],
    ) -> None:
        """Begin a pass that reads the scope's prompted frames and the neighbours, nothing else."""
        memory = self._scopes[scope]
        with inference(self._device, self._kind):
            for frame in memory.prompted.keys() - prompted.keys():
                self.forget(scope, frame)
            memory.cond = {
                frame: self._prompting.encoded(frame, self._replay(scope, frame, given).output)
                for frame, given in sorted(prompted.items())
            }
            memory.reverse, memory.run, memory.stretch = reverse, run, None
            memory.read[reverse] = memory.cond
            self.cache.begin_pass()
            self.batching.interrupt()
            beside = [n for n in neighbours if n.frame not in memory.cond]
            memory.window = self._recall.window(scope, beside, reverse)

    def steps(
        self, scopes: Sequence[Hashable], frame: int
    ) -> Iterator[tuple[Hashable, Segmentation]]:
        """Track scopes into `frame`; a prompted frame gives the mask of its prompts."""
        waiting = list(scopes)
        layouts = {
            scope: self._propagation.layout(frame, self._read(scope))
            for scope in (waiting if self.batching.considers(len(waiting)) else ())
        }
        while waiting:
            # Nobody else's code runs while a batch is under way, nor in inference mode.
            done = self._track(waiting, layouts, frame)
            waiting = [scope for scope in waiting if scope not in done]
            yield from done.items()

    @within_memory
    def _track(
        self, waiting: Sequence[Hashable], layouts: Mapping[Hashable, Hashable], frame: int
    ) -> dict[Hashable, Segmentation]:
        """Track the first of the scopes that wait, and those that go in a batch with it."""
        group = self.batching.choose(waiting, layouts)
        group = group[: self.pressure.fitting(len(group))]
        memories = {scope: self._scopes[scope] for scope in group}
        with inference(self._device, self._kind):
            known = {
                s: memory.cond[frame] for s, memory in memories.items() if frame in memory.cond
            }
            if known:
                return {scope: self._result(output) for scope, output in known.items()}
            features = self.encoder.get(frame, tracking=True)
            self.encoder.go_ahead(frame, -1 if memories[group[0]].reverse else 1)

            def track(scopes: tuple[Hashable, ...]) -> list[Output]:
                read = [self._read(scope) for scope in scopes]
                return separate(self._propagation.track_batch(frame, features, read))

            outputs = dict(zip(group, self.batching.track(group, track), strict=True))
            for scope, output in outputs.items():
                memory = memories[scope]
                stretch = self._recall.stretch(memory, frame)
                self.archive.put(scope, frame, output, memory.run, memory.reverse, stretch)
            results = {scope: self._result(output) for scope, output in outputs.items()}
            # Last: where memory runs out, all before it is done again.
            for scope, output in outputs.items():
                memories[scope].keep(frame, output, self._propagation.reach)
            return results

    def _read(self, scope: Hashable) -> Memory:
        memory = self._scopes[scope]
        return Memory(memory.cond, memory.window, len(self._frames), memory.reverse)

    def end(self, scope: Hashable) -> None:
        """End the pass; its outputs stay in the archive for corrections."""
        self._scopes[scope].window = {}

    @within_memory
    def forget(self, scope: Hashable, frame: int | None = None, run: str = "") -> None:
        """Drop what is known of a scope, or of one frame of it but for that run."""
        if frame is None:
            self.archive.drop(scope)
            self._scopes.pop(scope, None)
            return
        memory = self._scopes[scope]
        prompted = memory.prompted.get(frame)
        past = self.archive.get(scope, frame)
        if past is not None and past.run != run:
            self.archive.drop(scope, frame)
        base = prompted.base if prompted is not None else None
        if base is not None and base.memory is not None:
            memory.bases[frame] = base
            if base.run == run and self.archive.get(scope, frame) is None:
                # Undo of the first correction makes the frame a tracked one again.
                self.archive.put(scope, frame, base.output, base.run, base.memory.reverse)
        memory.prompted.pop(frame, None)

    def close(self) -> None:
        """Release the model and all memory."""
        if self._compilation is not None:
            self._compilation.cancel()
            self._compilation = None
        TF32.end(self)
        OWN_ATTENTION.end(self)
        self._model = None
        self._scopes.clear()
        self._release_images()
        for name in ("graphs", "_propagation", "_prompting", "_recall", "encoder", "cache"):
            self.__dict__.pop(name, None)
        self.archive = Archive(self.archive.budget)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _release_images(self) -> None:
        if self._images is not None:
            self.encoder.close()
            self.cache.close()
            self._images.close()
            self._images = None

    # -- where memory runs short --------------------------------------------------------------

    def settle(self) -> None:
        """Have what was remembered since lie where it belongs."""
        if self.pressure.on_host:
            for memory in self._scopes.values():
                move_to_host(memory)

    def _keep_fewer_features(self, host: bool) -> bool:
        return self.cache.shrink(host=host)

    def _offload(self, host: bool) -> bool:
        """Do without what can be computed again, or move all that waits to the host's memory."""
        if host:
            # Both, and not the second only where the first gave nothing.
            return self.archive.shed() | self.encoder.stay()
        if self.pressure.on_host:
            return False
        self.pressure.on_host = True
        self.cache.offload()
        self.settle()
        return True

    # -- prompted frames ----------------------------------------------------------------------

    def _replay(self, scope: Hashable, frame: int, given: FrameInput) -> Prompted:
        """Make the calls of a frame's prompts, except those already made in the same order."""
        memory = self._scopes[scope]
        prompted = memory.prompted.get(frame)
        if prompted is not None and (prompted.base is None) != (given.tracked is None):
            # Loaded over others: they correct something where those did not, or the reverse.
            if prompted.base is not None and prompted.base.memory is not None:
                memory.bases[frame] = prompted.base
            prompted = None
        if prompted is None:
            prompted = Prompted(self._recall.base(scope, memory, frame, given.tracked))
        memory.prompted[frame] = done = self._prompting.replay(frame, given, prompted)
        return done

    def _result(self, output: Output) -> Segmentation:
        """Return the output with its mask, which whoever asks for it first has made."""
        device, kind, pressure = self._device, self._kind, self.pressure
        size = self._frames.height, self._frames.width
        logits, score = output["pred_masks"], output["object_score_logits"]

        def large() -> tuple[Mask, float]:
            with inference(device, kind):
                return bring(logits.to(device), score, size)

        both = cache(lambda: pressure.survive(large))
        return Segmentation(lambda: both()[0], lambda: both()[1])
