"""SAM 2 one frame of one scope at a time: prompts replayed, passes tracked, memory kept apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from sam2.utils.misc import concat_points
from torch.nn import functional

from sam2_widget.engines.base import FrameInput, Frames, Mask, Neighbour, Segmentation
from sam2_widget.engines.sam2.constants import compute_constants_once
from sam2_widget.engines.sam2.describing import describe
from sam2_widget.engines.sam2.features import FeatureCache, FrameEncoder
from sam2_widget.engines.sam2.images import LazyImages
from sam2_widget.engines.sam2.loading import load_predictor
from sam2_widget.engines.sam2.memory import (
    Archive,
    Memory,
    Output,
    Prompted,
    ScopeMemory,
)
from sam2_widget.engines.sam2.precision import (
    inference,
    limit_threads,
    pick_device,
    precision_of,
)
from sam2_widget.engines.sam2.propagation import Points, Propagation
from sam2_widget.engines.sam2.recall import Recall

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from pathlib import Path

    from sam2_widget.annotations import FramePrompts


class Sam2Engine:
    """SAM 2 with the masks of ``sam2.sam2_video_predictor.SAM2VideoPredictor``, bit for bit.

    The predictor's own propagation runs all objects to the end or not at all; here each call does
    one frame of one scope, so that clicks and cancelling come in between. What each scope has seen
    is kept apart in `ScopeMemory`, and no scope reads another's. What the image encoder made of a
    frame is kept for all of them.

    Parameters
    ----------
    name : str
        Model name for the user and for the records of masks.
    config : str
        A yaml file, or the name of one that the sam2 package ships.
    checkpoint : Path
        Weights.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    archive_bytes : int
        Host memory for what the model knew of past tracked frames.
    feature_bytes : int, optional
        Host memory for the features of visited frames; by default half of what is free.
    """

    def __init__(
        self,
        name: str,
        config: str,
        checkpoint: Path,
        device: str = "auto",
        archive_bytes: int = 1 << 30,
        feature_bytes: int | None = None,
    ) -> None:
        self.name = name
        self.device = device
        self._config = config
        self._checkpoint = checkpoint
        self.archive = Archive(archive_bytes)
        self._scopes: defaultdict[Hashable, ScopeMemory] = defaultdict(ScopeMemory)
        self._feature_bytes = feature_bytes
        self._model: Any = None
        self._images: LazyImages | None = None

    def open(self, frames: Frames) -> None:
        """Load the model, if that has not been done, and take these frames as the video."""
        if self._model is None:
            self._device = pick_device(self.device)
            self.device = self._device.type
            limit_threads(self._device)
            self._model = load_predictor(self._config, self._checkpoint, self._device)
            self._propagation = Propagation(self._model, compute_constants_once(self._model))
        self._scopes.clear()
        # Another model may have tracked since: what this one knew of past frames is over.
        self.archive = Archive(self.archive.budget)
        self._release_images()
        self._frames = frames
        self._images = LazyImages(frames, self._model.image_size)
        self.cache = FeatureCache(self._feature_bytes, self._device)
        self.encoder = FrameEncoder(self._model, self._images, self.cache, self._device)
        self._recall = Recall(
            self.archive,
            self._propagation,
            self.encoder,
            self._from_mask,
            len(frames),
            self._device,
        )

    def describe(self) -> dict[str, Any]:
        """Return what makes the masks, once it is open: files, device, numbers, versions."""
        return describe(self._config, self._checkpoint, self._device, precision_of(self._device))

    def segment(self, scope: Hashable, frame: int, given: FrameInput) -> Segmentation:
        """Segment a frame from its prompts: each in turn, as if given one call at a time."""
        with inference(self._device):
            return self._result(self._replay(scope, frame, given).output)

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
        with inference(self._device):
            for frame in memory.prompted.keys() - prompted.keys():
                self.forget(scope, frame)
            memory.cond = {
                frame: self._encoded(frame, self._replay(scope, frame, given).output)
                for frame, given in sorted(prompted.items())
            }
            memory.reverse, memory.run, memory.stretch = reverse, run, None
            memory.read[reverse] = memory.cond
            self.cache.begin_pass()
            beside = [n for n in neighbours if n.frame not in memory.cond]
            memory.window = self._recall.window(scope, beside, reverse)

    def step(self, scope: Hashable, frame: int) -> Segmentation:
        """Track the scope into `frame`; a prompted frame gives the mask of its prompts."""
        memory = self._scopes[scope]
        with inference(self._device):
            if frame in memory.cond:
                return self._result(memory.cond[frame])
            features = self.encoder.get(frame, tracking=True)
            self.encoder.go_ahead(frame, -1 if memory.reverse else 1)
            read = Memory(memory.cond, memory.window, len(self._frames), memory.reverse)
            output = self._propagation.track(frame, features, read)
            stretch = self._recall.stretch(memory, frame)
            memory.keep(frame, output, self._propagation.reach)
            self.archive.put(scope, frame, output, memory.run, memory.reverse, stretch)
            return self._result(output)

    def end(self, scope: Hashable) -> None:
        """End the pass; its outputs stay in the archive for corrections."""
        self._scopes[scope].window = {}

    def forget(self, scope: Hashable, frame: int | None = None, run: str = "") -> None:
        """Drop what is known of a scope, or of one frame of it but for that run."""
        if frame is None:
            self.archive.drop(scope)
            self._scopes.pop(scope, None)
            return
        memory = self._scopes[scope]
        prompted = memory.prompted.pop(frame, None)
        past = self.archive.get(scope, frame)
        if past is not None and past.run != run:
            self.archive.drop(scope, frame)
        base = prompted.base if prompted is not None else None
        if base is not None and base.memory is not None:
            memory.bases[frame] = base
            if base.run == run and past is None:
                # Undo of the first correction makes the frame a tracked one again.
                self.archive.put(scope, frame, base.output, base.run, base.memory.reverse)

    def close(self) -> None:
        """Release the model and all memory."""
        self._model = None
        self._scopes.clear()
        self._release_images()
        for name in ("_propagation", "_recall", "encoder", "cache"):
            self.__dict__.pop(name, None)
        self.archive = Archive(self.archive.budget)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _release_images(self) -> None:
        if self._images is not None:
            self.encoder.close()
            self._images.close()
            self._images = None

    # -- prompted frames ----------------------------------------------------------------------

    def _replay(self, scope: Hashable, frame: int, given: FrameInput) -> Prompted:
        """Make the calls of a frame's prompts, except those already made in the same order."""
        memory = self._scopes[scope]
        prompted = memory.prompted.get(frame)
        if prompted is None:
            prompted = Prompted(self._recall.base(scope, memory, frame, given.tracked))
        wanted = [call for call in _calls(given.prompts) if len(call) > given.included]
        same = 0
        for (made, _), call in zip(prompted.calls, wanted, strict=False):
            if made != call:
                break
            same += 1
        done = Prompted(prompted.base, prompted.calls[:same])
        for call in wanted[same:]:
            done.calls.append((call, self._call(frame, call, done)))
        memory.prompted[frame] = done
        return done

    def _call(self, frame: int, prompts: FramePrompts, done: Prompted) -> Output:
        """Do what upstream's ``add_new_mask`` or ``add_new_points_or_box`` does to one object."""
        if prompts.drawn is not None:
            drawn = prompts.drawn.read(self._frames.height, self._frames.width)
            return self._from_mask(frame, drawn, encode=False)
        base = done.base
        previous = None
        if done.calls or base is not None:
            previous = torch.clamp(done.output["pred_masks"].to(self._device), -32.0, 32.0)
        return self._propagation.from_points(
            frame,
            self.encoder.get(frame),
            self._points(prompts),
            previous,
            base.memory if base is not None else None,
        )

    def _points(self, prompts: FramePrompts) -> Points:
        box = prompts.box
        corners = [] if box is None else [(box.x0, box.y0), (box.x1, box.y1)]
        xy = torch.tensor([*corners, *((p.x, p.y) for p in prompts.points)], dtype=torch.float32)
        # SAM's own labels: 2 and 3 are the corners of a box.
        labels = [2, 3][: len(corners)] + [p.label for p in prompts.points]
        size = torch.tensor([self._frames.width, self._frames.height])
        xy = xy / size * self._model.image_size
        kinds = torch.tensor(labels, dtype=torch.int32)
        inputs: Points = concat_points(
            None, xy[None].to(self._device), kinds[None].to(self._device)
        )
        return inputs

    def _encoded(self, frame: int, output: Output) -> Output:
        """Add the memory features of a prompted frame, as upstream does before it propagates."""
        if output["maskmem_features"] is None:
            self._propagation.remember(self.encoder.get(frame), output)
        return output

    def _from_mask(self, frame: int, mask: Mask, *, encode: bool = True) -> Output:
        """Do what upstream's ``add_new_mask`` does, with memory features if they are wanted."""
        size = self._model.image_size
        given = torch.from_numpy(mask)[None, None].float().to(self._device)
        if mask.shape != (size, size):
            given = functional.interpolate(
                given, size=(size, size), mode="bilinear", align_corners=False, antialias=True
            )
            given = (given >= 0.5).float()
        return self._propagation.from_mask(self.encoder.get(frame), given, encode=encode)

    def _result(self, output: Output) -> Segmentation:
        """Return the output with its mask, which whoever asks for it first has made."""
        device, size = self._device, (self._frames.height, self._frames.width)
        masks = output["pred_masks"].to(device)

        def large() -> Mask:
            with inference(device):
                logits = functional.interpolate(masks, size, mode="bilinear", align_corners=False)
                mask: Mask = (logits[0, 0] > 0).cpu().numpy()
            return mask

        return Segmentation(large, float(output["object_score_logits"].reshape(-1)[0]))


def _calls(prompts: FramePrompts) -> list[FramePrompts]:
    """Return the calls of a frame: box or mask alone, then one point more each time."""
    first = 1 if prompts.box is None and prompts.mask is None else 0
    counts = range(first, len(prompts.points) + 1)
    return [replace(prompts, points=prompts.points[:n]) for n in counts]
