"""What the tests of training share: one thread, textures, a batch, a folder of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch

from training.nano.collect import collect
from training.nano.samples import Batch, make_batch
from training.nano.textures import Textures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


FEW = 40  # textures: each takes some milliseconds to draw


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep torch from waiting for a core that another test has: the tensors are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def textures() -> Textures:
    return Textures(0, FEW)


@pytest.fixture(scope="module")
def batch(textures: Textures) -> Batch:
    return make_batch((0, 1), textures, clips=2, length=3, side=128)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of real pictures out of a package that has a red disc and a landscape."""
    folder = tmp_path_factory.mktemp("photos")
    source = folder / "source"
    (source / "symbols").mkdir(parents=True)
    rng = np.random.default_rng(0)
    disc = np.zeros((400, 300, 4), np.uint8)
    cv2.circle(disc, (150, 200), 100, (40, 30, 220, 255), -1)
    disc[..., :3] += rng.integers(0, 35, (400, 300, 3), np.uint8)
    cv2.imwrite(str(source / "disc.png"), disc)
    cv2.imwrite(str(source / "symbols" / "letter.png"), disc)
    cv2.imwrite(str(source / "speck.png"), disc[:240, :60])
    land = cv2.resize(rng.integers(0, 255, (9, 16, 3), np.uint8), (960, 540))
    cv2.imwrite(str(source / "land.jpg"), land)
    cv2.imwrite(str(source / "icon.jpg"), land[:100])
    assert collect(folder, [source]) == (1, 1)
    return folder
