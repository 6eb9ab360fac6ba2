"""The main job: run the cell, click the object, track, and have numpy masks in the next cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from tests.browser.widget import Widget

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

SHOW = """import numpy as np
import sam2_widget as sw
from sam2_widget.sample import sample_masks
ann = sw.Annotator(sw.sample_clip(), model="nano")
ann.show()"""

DISC = (128, 108)
BESIDE = (260, 60)

IOU = """
def iou(frame, shape="disc", scope=(1, "overall")):
    a, b = ann.masks[scope][frame], sample_masks()[shape][frame]
    return float((a & b).sum() / (a | b).sum())
"""


def test_a_click_becomes_a_mask_a_png_and_a_numpy_array(notebook: OpenNotebook) -> None:
    nb = notebook([SHOW, IOU])
    nb.run(0)
    nb.run(1)
    widget = Widget(nb)
    widget.wait(frame=0, masks=0)
    plain = widget.colour(*DISC, half=10)

    widget.click(*DISC)
    widget.wait(masks=1, saved="true")

    assert nb.py("iou(0)") > 0.9
    saved = cv2.imread(
        str(nb.folder / "outputs/sample/instance1/masks_overall/00000.png"), cv2.IMREAD_UNCHANGED
    )
    assert saved.shape == (360, 640)
    assert saved.dtype == "uint8"
    assert set(saved.reshape(-1)) == {0, 255}
    assert nb.py("int(ann.masks[1, 'overall'][0].sum())") == (saved == 255).sum()
    assert nb.py("ann.points[1, 'overall'][0].tolist()")[0][2] == 1
    # Beside the marker the disc is tinted, the ground is not.
    tinted = widget.colour(DISC[0] + 20, DISC[1] + 20, half=4)
    assert abs(tinted[1] - plain[1]) > 25
    nb.screenshot("main-job-click")
