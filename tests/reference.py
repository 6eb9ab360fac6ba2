"""Upstream's own predictor as the reference of tests, and models for it to be compared on.

The reference is ``SAM2VideoPredictor`` with one fresh inference state per scope and direction.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from sam2_widget.engines.sam2.loading import find_config, load_predictor
from sam2_widget.engines.sam2.precision import limit_threads
from sam2_widget.models import ModelSpec, nano

if TYPE_CHECKING:
    from pathlib import Path

Array = npt.NDArray[np.bool_]
Masks = dict[int, Array]
Clicks = dict[int, list[tuple[float, float, int]]]

CPU = torch.device("cpu")
SIZE = 128
"""Pixels of the image that a model with random weights takes: the real config, soon computed."""
RANDOM = {
    "2.1 tiny": ("configs/sam2.1/sam2.1_hiera_t.yaml", 1),
    "2.1 base+": ("configs/sam2.1/sam2.1_hiera_b+.yaml", 3),
    "2.0 tiny": ("configs/sam2/sam2_hiera_t.yaml", 2),
}
"""Configs by name, each with a seed that makes masks neither empty nor full."""
COUNT, WIDTH, HEIGHT = 14, 160, 96


def model_spec(name: str, folder: Path) -> ModelSpec:
    """Return nano, or one of `RANDOM` with its files in a folder."""
    return nano() if name == "nano" else random_model(*RANDOM[name], folder)


def random_model(config: str, seed: int, folder: Path) -> ModelSpec:
    """Return one of sam2's configs with random weights."""
    tree = OmegaConf.load(find_config(config))
    tree.model.image_size = SIZE
    yaml, weights = folder / "random.yaml", folder / "random.pt"
    OmegaConf.save(tree, yaml)
    torch.manual_seed(seed)
    tree.model._target_ = "sam2.modeling.sam2_base.SAM2Base"
    model = instantiate(tree.model, _recursive_=True)
    # Random weights say "no object" as often as not, which makes every mask empty.
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.data.fill_(5.0)
    # In 16 bits, as loading makes them float32 again: half to write and to read.
    torch.save({"model": model.half().state_dict()}, weights)
    return ModelSpec("random", str(yaml), weights)


def moving_discs(count: int = COUNT) -> list[npt.NDArray[np.uint8]]:
    """Return frames on which three discs of different colours move over a pattern."""
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    pattern = 60 + 20 * np.sin(xx / 9) + 20 * np.cos(yy / 7)
    frames = []
    for index in range(count):
        frame = np.repeat(pattern[..., None], 3, axis=2)
        for disc, colour in enumerate([(220, 60, 50), (40, 200, 70), (60, 90, 230)]):
            x, y = disc_centre(disc, index)
            frame[(xx - x) ** 2 + (yy - y) ** 2 <= 144] = colour
        frames.append(frame.astype(np.uint8))
    return frames


def disc_centre(disc: int, frame: int) -> tuple[float, float]:
    """Return where a disc of `moving_discs` is."""
    speed = (5.0, -4.0, 3.0)[disc]
    return float((30 + 50 * disc + speed * frame) % WIDTH), 25.0 + 22 * disc


class Upstream:
    """``SAM2VideoPredictor`` on stored frames: makes as many inference states as are asked for.

    What its image encoder makes of a frame is remembered, as that is the same in all states.
    """

    def __init__(self, spec: ModelSpec, frames: Path) -> None:
        limit_threads(CPU)  # another number of threads adds up in another order
        self.predictor = load_predictor(spec.config, spec.checkpoint, CPU)
        self._frames = frames
        self._encode = self.predictor.forward_image
        self._encoded: dict[int, Any] = {}
        self.predictor.forward_image = self._encode_once

    def state(self) -> dict[str, Any]:
        """Return a fresh state."""
        fresh: dict[str, Any] = {
            key: self._first[key]
            for key in ("images", "num_frames", "offload_video_to_cpu", "offload_state_to_cpu",
                        "video_height", "video_width", "device", "storage_device")
        }  # fmt: skip
        empty = {key: type(value)() for key, value in self._first.items() if key not in fresh}
        return fresh | empty

    @cached_property
    def _first(self) -> dict[str, Any]:
        state: dict[str, Any] = self.predictor.init_state(str(self._frames))
        self.predictor.reset_state(state)
        return state

    def _encode_once(self, image: torch.Tensor) -> Any:
        # Every state holds the same tensor of all frames.
        where = image.data_ptr()
        if where not in self._encoded:
            self._encoded[where] = self._encode(image)
        return self._encoded[where]


class Reference:
    """Upstream's predictor with one inference state, for one scope and one direction."""

    def __init__(self, upstream: Upstream) -> None:
        self.predictor = upstream.predictor
        self.state = upstream.state()

    def click(
        self,
        frame: int,
        points: list[tuple[float, float, int]],
        box: tuple[float, float, float, float] | None = None,
    ) -> Array:
        """Give the prompts of a frame, one call at a time, each with all points so far."""
        for count in range(0 if box is not None else 1, len(points) + 1):
            xy = np.array([(x, y) for x, y, _ in points[:count]], np.float32).reshape(-1, 2)
            labels = np.array([label for *_, label in points[:count]], np.int32)
            _, _, logits = self.predictor.add_new_points_or_box(
                self.state, frame, obj_id=1, points=xy, labels=labels, box=box
            )
        mask: Array = (logits[0, 0] > 0).numpy()
        return mask

    def draw(self, frame: int, mask: Array) -> None:
        """Give a frame a mask."""
        self.predictor.add_new_mask(self.state, frame, obj_id=1, mask=mask)

    def track(self, start: int, *, reverse: bool = False) -> Masks:
        """Propagate from a frame to the end, or to frame 0."""
        found = self.predictor.propagate_in_video(self.state, start, reverse=reverse)
        return {frame: (logits[0, 0] > 0).numpy() for frame, _, logits in found}
