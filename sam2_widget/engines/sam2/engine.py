"""Drives Meta's video predictor one frame of one scope at a time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from sam2.utils.misc import concat_points
from torch.nn import functional

from sam2_widget.engines.base import FrameInput, Frames, Mask, Neighbour, Segmentation
from sam2_widget.engines.sam2.images import LazyImages
from sam2_widget.engines.sam2.loading import load_predictor
from sam2_widget.engines.sam2.memory import (
    POINTERS,
    Archive,
    Base,
    Output,
    Prompted,
    ScopeMemory,
    move,
    output_dict,
)
from sam2_widget.engines.sam2.precision import inference, limit_threads, pick_device

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from pathlib import Path

    from sam2_widget.annotations import FramePrompts


class Sam2Engine:
    """SAM 2 through the methods of ``sam2.sam2_video_predictor.SAM2VideoPredictor``.

    The predictor's own propagation runs all objects to the end or not at all; here each call does
    one frame of one scope, so that clicks and cancelling come in between. What each scope has seen
    is kept apart in `ScopeMemory`, and no scope reads another's.

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
        Host memory for past tracked frames.
    """

    def __init__(
        self,
        name: str,
        config: str,
        checkpoint: Path,
        device: str = "auto",
        archive_bytes: int = 1 << 30,
    ) -> None:
        self.name = name
        self.device = device
        self._config = config
        self._checkpoint = checkpoint
        self._archive = Archive(archive_bytes)
        self._scopes: defaultdict[Hashable, ScopeMemory] = defaultdict(ScopeMemory)
        self._predictor: Any = None
        self._images: LazyImages | None = None
        self._state: dict[str, Any] = {}

    def open(self, frames: Frames) -> None:
        """Load the model, if that has not been done, and take these frames as the video."""
        if self._predictor is None:
            self._device = pick_device(self.device)
            self.device = self._device.type
            limit_threads(self._device)
            self._predictor = load_predictor(self._config, self._checkpoint, self._device)
        self._scopes.clear()
        self._release_images()
        self._images = LazyImages(frames, self._predictor.image_size)
        self._state = {
            "images": self._images,
            "num_frames": len(frames),
            "video_height": frames.height,
            "video_width": frames.width,
            "device": self._device,
            "storage_device": self._device,
            "cached_features": {},
            "constants": {},
        }

    def segment(self, scope: Hashable, frame: int, given: FrameInput) -> Segmentation:
        """Segment a frame from its prompts: each in turn, as if given one call at a time."""
        self._state["num_frames"] = len(self._state["images"])
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
        self._state["num_frames"] = len(self._state["images"])
        with inference(self._device):
            for frame in memory.prompted.keys() - prompted.keys():
                self.forget(scope, frame)
            memory.cond = {
                frame: self._encoded(frame, self._replay(scope, frame, given).output)
                for frame, given in sorted(prompted.items())
            }
            memory.reverse, memory.run = reverse, run
            memory.window = {
                n.frame: self._recall(scope, n, reverse)
                for n in neighbours
                if n.frame not in memory.cond
            }

    def step(self, scope: Hashable, frame: int) -> Segmentation:
        """Track the scope into `frame`; a prompted frame gives the mask of its prompts."""
        memory = self._scopes[scope]
        with inference(self._device):
            if frame in memory.cond:
                return self._result(memory.cond[frame])
            if self._images is not None:
                self._images.read_ahead(frame - 1 if memory.reverse else frame + 1)
            output, _ = self._predictor._run_single_frame_inference(
                self._state,
                output_dict(memory.cond, memory.window),
                frame,
                batch_size=1,
                is_init_cond_frame=False,
                point_inputs=None,
                mask_inputs=None,
                reverse=memory.reverse,
                run_mem_encoder=True,
            )
            memory.keep(frame, output)
            self._archive.put(scope, frame, output, memory.run, memory.reverse)
            return self._result(output)

    def end(self, scope: Hashable) -> None:
        """End the pass; its outputs stay in the archive for corrections."""
        self._scopes[scope].window = {}

    def forget(self, scope: Hashable, frame: int | None = None, run: str = "") -> None:
        """Drop what is known of a scope, or of one frame of it but for that run."""
        if frame is None:
            self._archive.drop(scope)
            self._scopes.pop(scope, None)
            return
        memory = self._scopes[scope]
        prompted = memory.prompted.pop(frame, None)
        memory.cond.pop(frame, None)
        past = self._archive.get(scope, frame)
        if past is not None and past.run != run:
            self._archive.drop(scope, frame)
        base = prompted.base if prompted is not None else None
        if base is not None and base.memory is not None:
            # Undo of the first correction makes the frame a tracked one again.
            self._archive.put(scope, frame, base.output, base.run, base.reverse)

    def close(self) -> None:
        """Release the model and all memory."""
        self._predictor = None
        self._scopes.clear()
        self._state = {}
        self._release_images()
        self._archive = Archive(self._archive.budget)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _release_images(self) -> None:
        if self._images is not None:
            self._images.close()
            self._images = None

    # -- prompted frames ----------------------------------------------------------------------

    def _replay(self, scope: Hashable, frame: int, given: FrameInput) -> Prompted:
        """Make the calls of a frame's prompts, except those already made in the same order."""
        memory = self._scopes[scope]
        prompted = memory.prompted.get(frame)
        if prompted is None:
            prompted = Prompted(self._base(scope, frame, given.tracked))
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
            height, width = self._state["video_height"], self._state["video_width"]
            return self._from_mask(frame, prompts.drawn.read(height, width), encode=False)
        base = done.base
        previous = None
        if done.calls or base is not None:
            previous = torch.clamp(done.output["pred_masks"].to(self._device), -32.0, 32.0)
        corrects = base is not None and base.memory is not None
        output, _ = self._predictor._run_single_frame_inference(
            self._state,
            base.memory if base is not None and corrects else output_dict({}, {}),
            frame,
            batch_size=1,
            is_init_cond_frame=not corrects,
            point_inputs=self._point_inputs(prompts),
            mask_inputs=None,
            reverse=base.reverse if base is not None else False,
            run_mem_encoder=False,
            prev_sam_mask_logits=previous,
        )
        return dict(output)

    def _point_inputs(self, prompts: FramePrompts) -> dict[str, torch.Tensor]:
        box = prompts.box
        corners = [] if box is None else [(box.x0, box.y0), (box.x1, box.y1)]
        xy = torch.tensor([*corners, *((p.x, p.y) for p in prompts.points)], dtype=torch.float32)
        # SAM's own labels: 2 and 3 are the corners of a box.
        labels = [2, 3][: len(corners)] + [p.label for p in prompts.points]
        size = torch.tensor([self._state["video_width"], self._state["video_height"]])
        xy = xy / size * self._predictor.image_size
        kinds = torch.tensor(labels, dtype=torch.int32)
        inputs: dict[str, torch.Tensor] = concat_points(
            None, xy[None].to(self._device), kinds[None].to(self._device)
        )
        return inputs

    def _encoded(self, frame: int, output: Output) -> Output:
        """Add the memory features of a prompted frame, as upstream does before it propagates."""
        if output["maskmem_features"] is None:
            size = self._predictor.image_size
            masks = functional.interpolate(
                output["pred_masks"], size=(size, size), mode="bilinear", align_corners=False
            )
            features, positions = self._predictor._run_memory_encoder(
                self._state,
                frame,
                batch_size=1,
                high_res_masks=masks,
                object_score_logits=output["object_score_logits"],
                is_mask_from_pts=True,
            )
            output["maskmem_features"], output["maskmem_pos_enc"] = features, positions
        return output

    # -- past frames --------------------------------------------------------------------------

    def _base(self, scope: Hashable, frame: int, tracked: Neighbour | None) -> Base | None:
        if tracked is None:
            return None
        past = self._archive.get(scope, frame)
        if past is None or past.run != tracked.run:
            return Base(self._from_mask(frame, tracked.load()))
        memory = self._scopes[scope]
        beside = range(frame - POINTERS, frame + POINTERS + 1)
        kept = {f: self._archive.get(scope, f) for f in beside}
        window = {
            f: move(item.output, self._device)
            for f, item in kept.items()
            if item is not None and item.reverse == past.reverse and f not in memory.cond
        }
        snapshot = output_dict(dict(memory.cond), window)
        return Base(past.output, snapshot, past.reverse, past.run)

    def _recall(self, scope: Hashable, neighbour: Neighbour, reverse: bool) -> Output:
        past = self._archive.get(scope, neighbour.frame)
        if past is not None and past.run == neighbour.run and past.reverse == reverse:
            return move(past.output, self._device)
        return self._from_mask(neighbour.frame, neighbour.load())

    def _from_mask(self, frame: int, mask: Mask, *, encode: bool = True) -> Output:
        """Do what upstream's ``add_new_mask`` does, with memory features if they are wanted."""
        size = self._predictor.image_size
        given = torch.from_numpy(mask)[None, None].float().to(self._device)
        if mask.shape != (size, size):
            given = functional.interpolate(
                given, size=(size, size), mode="bilinear", align_corners=False, antialias=True
            )
            given = (given >= 0.5).float()
        output, _ = self._predictor._run_single_frame_inference(
            self._state,
            output_dict({}, {}),
            frame,
            batch_size=1,
            is_init_cond_frame=True,
            point_inputs=None,
            mask_inputs=given,
            reverse=False,
            run_mem_encoder=encode,
        )
        return dict(output)

    def _result(self, output: Output) -> Segmentation:
        _, logits = self._predictor._get_orig_video_res_output(self._state, output["pred_masks"])
        mask = (logits[0, 0] > 0).cpu().numpy()
        return Segmentation(mask, float(output["object_score_logits"].reshape(-1)[0]))


def _calls(prompts: FramePrompts) -> list[FramePrompts]:
    """Return the calls of a frame: box or mask alone, then one point more each time."""
    first = 1 if prompts.box is None and prompts.mask is None else 0
    counts = range(first, len(prompts.points) + 1)
    return [replace(prompts, points=prompts.points[:n]) for n in counts]
