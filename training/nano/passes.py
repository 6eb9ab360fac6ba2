"""One pass of the model over a batch: prompts on the first frame, tracking, corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from training.nano.clicks import correction
from training.nano.losses import Loss, mask_loss
from training.nano.network import set_side

if TYPE_CHECKING:
    from training.nano.samples import Batch

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
_FRAMES = 64
"""Length that the model believes a clip has: distances in time are scaled by it."""
_KINDS = ("click", "pair", "mask")
_CLIPS = (0.5, 0.25, 0.25)
"""What starts a clip: a click, a pair of points, or the true mask, for a clean memory."""
_BOXES = 0.7
"""Of all pairs of points; the others are a click and one beside the object."""

Prompts = dict[str, torch.Tensor]


class Pass:
    """Runs a batch through the model and adds up the losses.

    Parameters
    ----------
    model
        A ``SAM2Base``.
    batch
        What to run.
    rng
        Chooses prompts and corrections.
    balance
        See ``mask_loss``.
    """

    def __init__(
        self, model: Any, batch: Batch, rng: np.random.Generator, balance: float = 0.0
    ) -> None:
        self._model, self._rng, self._balance = model, rng, balance
        self._device = next(model.parameters()).device
        self._batch = batch
        self._length = batch.frames.shape[1]
        set_side(model, batch.frames.shape[2])
        self._masks = torch.from_numpy(batch.masks).to(self._device).float() / 255
        self._boxed = rng.random(len(batch.owner)) < _BOXES
        self._losses: list[torch.Tensor] = []
        self.overlaps: dict[str, list[float]] = {}

    def run(self) -> torch.Tensor:
        """Return the mean loss; the overlaps of what was asked are in ``overlaps``."""
        model = self._model
        memory: dict[str, Any] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
        levels, places, sizes = self._encoded()
        owner = torch.from_numpy(self._batch.owner).to(self._device)
        kind = self._kind()
        for time in range(self._length):
            first = time == 0
            index = owner * self._length + time
            level, place = [x[:, index] for x in levels], [x[:, index] for x in places]
            prompts = self._prompts(kind) if first else None
            given = self._given() if first and kind == "mask" else None
            current, heads, fine, seen = model._track_step(
                *(time, first, level, place, sizes, prompts, given, memory, _FRAMES, False, None)
            )
            if given is None:
                name = kind if first else ("next" if time == 1 else "later")
                self._judge(name, heads, time, weight=2.0 if first and self._length > 1 else 1.0)
                prompts, heads = self._corrected(time, prompts, heads, fine, seen)
            if self._length == 1:
                # One image serves both: what a step learns of clicks must not cost it boxes.
                prompts = self._prompts("pair")
                heads = model._forward_sam_heads(seen, prompts, None, fine, False)
                self._judge("pair", heads, 0)
                self._corrected(0, prompts, heads, fine, seen)
            if time < self._length - 1:
                current["pred_masks"], current["pred_masks_high_res"] = heads[3], heads[4]
                current["obj_ptr"] = heads[5]
                model._encode_memory_in_output(
                    *(level, sizes, prompts, True, heads[4], heads[6], current)
                )
                side = "cond_frame_outputs" if first else "non_cond_frame_outputs"
                memory[side][time] = current
        return torch.stack(self._losses).mean()

    def _encoded(self) -> tuple[list[torch.Tensor], list[torch.Tensor], Any]:
        pictures = torch.from_numpy(self._batch.frames).to(self._device).flatten(0, 1)
        mean, std = MEAN.to(self._device), STD.to(self._device)
        pictures = (pictures.permute(0, 3, 1, 2).float() / 255 - mean) / std
        features = self._model.forward_image(pictures)
        _, levels, places, sizes = self._model._prepare_backbone_features(features)
        return levels, places, sizes

    def _kind(self) -> str:
        return "click" if self._length == 1 else str(self._rng.choice(_KINDS, p=_CLIPS))

    def _prompts(self, kind: str) -> Prompts | None:
        batch = self._batch
        count = len(batch.owner)
        if kind == "mask":
            return None
        if kind == "click":
            return self._points(batch.clicks[:, None], np.ones((count, 1)))
        boxed = self._boxed[:, None]
        pairs = np.stack([batch.clicks, batch.beside], 1)
        points = np.where(boxed[..., None], batch.boxes.reshape(count, 2, 2), pairs)
        return self._points(points, np.where(boxed, [2, 3], [1, 0]))

    def _points(self, points: Any, labels: Any) -> Prompts:
        return {
            "point_coords": torch.from_numpy(np.asarray(points, np.float32)).to(self._device),
            "point_labels": torch.from_numpy(np.asarray(labels, np.int32)).to(self._device),
        }

    def _given(self) -> torch.Tensor:
        """Return the true masks of the first frame as prompts, in full size."""
        side = self._model.image_size
        return functional.interpolate((self._masks[0] > 0.5).float()[:, None], size=(side, side))

    def _judge(self, name: str, heads: Any, time: int, weight: float = 1.0) -> None:
        # heads: masks low and high, estimates, best mask low and high, pointer, presence
        loss: Loss = mask_loss(heads[0], self._masks[time], heads[2], heads[6], self._balance)
        self._losses.append(loss.value * weight)
        values = loss.overlap.cpu().numpy()
        groups = {name: values}
        if name == "pair":
            groups = {"box": values[self._boxed], "click and one beside": values[~self._boxed]}
        for group, found in groups.items():
            if np.isfinite(found).any():
                self.overlaps.setdefault(group, []).append(float(np.nanmean(found)))

    def _corrected(
        self, time: int, prompts: Prompts | None, heads: Any, fine: Any, seen: torch.Tensor
    ) -> tuple[Prompts | None, Any]:
        """Give 1 to 3 clicks where the mask is wrong, as users do, with the logits before them."""
        if self._rng.random() >= (0.55 if time == 0 else 0.08):
            return prompts, heads
        rounds = int(self._rng.choice([1, 2, 3])) if self._length == 1 else 1
        model = self._model
        for number in range(rounds):
            extra = self._wrong(heads[3].detach(), time)
            if prompts is not None:
                extra = {
                    name: torch.cat([prompts[name], value], 1) for name, value in extra.items()
                }
            prompts = extra
            before = heads[3].detach().clamp(-32, 32)
            several = model._use_multimask(time == 0, prompts)
            heads = model._forward_sam_heads(seen, prompts, before, fine, several)
            name = f"correction {number + 1}" if time == 0 else "correction later"
            self._judge(name, heads, time)
        return prompts, heads

    def _wrong(self, logits: torch.Tensor, time: int) -> Prompts:
        """Return for each object a click where its mask is wrong."""
        answers = (logits[:, 0] > 0).cpu().numpy()
        targets = (self._masks[time] > 0.5).cpu().numpy()
        scale = self._model.image_size / answers.shape[-1]
        points, labels = [], []
        for target, answer in zip(targets, answers, strict=True):
            x, y, label = self._click(target, answer)
            points.append([[x * scale, y * scale]])
            labels.append([label])
        return self._points(points, labels)

    def _click(self, target: Any, answer: Any) -> tuple[float, float, int]:
        rng = self._rng
        wrong = target ^ answer
        if wrong.any() and rng.random() < 0.5:
            found = correction(target, answer)
            assert found is not None
            return found
        # Anywhere that is wrong; else anywhere in the object; else, with no object, anywhere.
        area = wrong if wrong.any() else target if target.any() else ~target
        rows, columns = np.nonzero(area)
        chosen = rng.integers(len(rows))
        x, y = columns[chosen] + rng.random(), rows[chosen] + rng.random()
        return float(x), float(y), int(target[rows[chosen], columns[chosen]])
