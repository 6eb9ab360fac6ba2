"""The README's table of what the feature cache needs is what the models really make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from sam2_widget import models
from sam2_widget.engines.sam2.loading import build_model
from sam2_widget.room import parse_size

README = Path(__file__).resolve().parents[1] / "README.md"
TINY, SMALL, BASE, LARGE = (f"configs/sam2.1/sam2.1_hiera_{s}.yaml" for s in ("t", "s", "b+", "l"))
SIDE = 128
"""Pixels of the image that is encoded; what is kept of it grows with the area."""


def bytes_of_a_frame(config: str, *, half: bool) -> int:
    """Encode an image and return what is kept of it at the model's own size."""
    model = build_model(config).eval()
    # bfloat16 as on CUDA; which operators stay in float32 is sam2's choice, and autocast's.
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        levels = model.forward_image(torch.zeros(1, 3, SIDE, SIDE))["backbone_fpn"]
    kept = sum(level.nbytes for level in levels[-model.num_feature_levels :])
    return round(kept * (model.image_size / SIDE) ** 2)


def table() -> dict[int, list[int]]:
    """Return bytes by number of frames: nano, SAM 2.1 on CUDA, SAM 2.1 elsewhere."""
    text = README.read_text("utf-8")
    rows = text[text.index("| frames | nano |") :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {
        int(frames.replace(" ", "")): [parse_size("cell", size) for size in sizes]
        for frames, *sizes in cells
    }


def test_the_table_has_a_frame_and_whole_videos() -> None:
    assert list(table()) == [1, 300, 1000, 3000, 10000]


@pytest.mark.parametrize(
    ("column", "config", "half"),
    [
        (0, models.nano().config, False),
        *((column, config, column == 1) for column in (1, 2) for config in (TINY, SMALL)),
        *(
            pytest.param(column, config, column == 1, marks=pytest.mark.slow)
            for column in (1, 2)
            for config in (BASE, LARGE)
        ),
    ],
)
def test_its_numbers_are_what_the_image_encoder_makes(column: int, config: str, half: bool) -> None:
    each = bytes_of_a_frame(config, half=half)
    for frames, cells in table().items():
        # Two or three digits are given.
        assert cells[column] == pytest.approx(frames * each, rel=0.03)


def test_the_default_and_the_arguments_are_told_beside_it() -> None:
    text = re.sub(r"\s+", " ", README.read_text("utf-8"))
    for told in ("half of the memory that is free", 'feature_cache="8GB"', "feature_cache_disk="):
        assert told in text
