"""The main job: run the cell, click the object, track, and have numpy masks in the next cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from tests.browser.widget import Widget

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook

SHOW = """import numpy as np
import sam2_widget as sw
from sam2_widget.sample import sample_masks
ann = sw.Annotator(sw.sample_clip(), model="nano")
ann.show()"""

IOU = """def iou(frame, shape="disc", scope=(1, "overall")):
    shown = ann.video.source_index(frame)
    a, b = ann.masks[scope][frame], sample_masks()[shape][shown]
    return float((a & b).sum() / (a | b).sum())"""

DISC = (128, 108)
BESIDE = (300, 60)
BOX = (506, 198)


# A quarter of the frames, where fewer will do: tracking is what takes longest in the stories.
SHORT = SHOW.replace('model="nano"', 'model="nano", frame_step=4')


def open_sample(notebook: OpenNotebook, *more: str, show: str = SHOW) -> tuple[Notebook, Widget]:
    """Open the sample clip and wait until frame 0 is painted."""
    nb = notebook([show, IOU, *more])
    nb.run(0)
    nb.run(1)
    widget = Widget(nb)
    widget.wait(frame=0, masks=0, points=0)
    return nb, widget


def png(folder: Path, frame: int, instance: int = 1) -> npt.NDArray[np.uint8]:
    """Read a saved mask as it is."""
    path = folder / f"outputs/sample/instance{instance}/masks_overall/{frame:05d}.png"
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, path
    return picture


def test_a_click_becomes_a_mask_a_png_and_a_numpy_array(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    plain = widget.colour(DISC[0] + 20, DISC[1] + 20, half=4)

    widget.click(*DISC)
    widget.wait(masks=1, saved="true")

    assert nb.py("iou(0)") > 0.9
    saved = png(nb.folder, 0)
    assert saved.shape == (360, 640)
    assert saved.dtype == "uint8"
    assert set(saved.reshape(-1)) == {0, 255}
    assert nb.py("int(ann.masks[1, 'overall'][0].sum())") == (saved == 255).sum()
    ((x, y, label),) = nb.py("ann.points[1, 'overall'][0].tolist()")
    assert (abs(x - DISC[0]) <= 1, abs(y - DISC[1]) <= 1, label) == (True, True, 1)
    # Beside the marker the disc is tinted, the ground is not.
    tinted = widget.colour(DISC[0] + 20, DISC[1] + 20, half=4)
    assert max(abs(a - b) for a, b in zip(tinted, plain, strict=True)) > 25
    nb.screenshot("main-job-click")


def test_click_correct_undo_track_cancel_and_track_again(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    first = nb.py("ann.masks[1, 'overall'][0].tolist()")
    painted = widget.pixels()

    widget.click(*BESIDE, button="right")
    assert nb.page.locator(".lm-Menu").count() == 0
    assert nb.py("ann.points[1, 'overall'][0][:, 2].tolist()") == [1, 0]
    widget.click(*BESIDE, modifiers=["Shift"])
    assert nb.py("ann.points[1, 'overall'][0][:, 2].tolist()") == [1, 0, 0]
    nb.screenshot("main-job-negative", widget.root)
    nb.page.keyboard.press("u")
    widget.wait(points=2, pending=0)
    nb.page.keyboard.press("Control+z")
    widget.wait(points=1, pending=0)
    assert nb.py("ann.masks[1, 'overall'][0].tolist()") == first
    assert widget.pixels() == painted

    nb.page.keyboard.press("ArrowRight")
    widget.wait(frame=1, masks=0, points=0)
    nb.until("ann.frame_index == 1")

    widget.action("track").click()
    widget.wait(job="running")
    nb.screenshot("main-job-tracking", widget.root)
    nb.until("len(ann.masks[1, 'overall'].frames) > 4")
    # The end of the track stays in sight in the narrowest of cells.
    widget.root.evaluate("(root) => { root.style.width = '230px' }")
    nb.screenshot("main-job-tracking-narrow", widget.root)
    edges = "(node) => [node.getBoundingClientRect().left, node.getBoundingClientRect().right]"
    left, right = widget.root.evaluate(edges)
    start, end = widget.action("cancel").evaluate(edges)
    assert left <= start < end <= right
    widget.action("cancel").click()
    widget.root.evaluate("(root) => { root.style.width = '' }")
    widget.wait(job="idle")
    done = nb.py("len(ann.masks[1, 'overall'].frames)")
    assert 4 < done < 60
    widget.wait(frame=1, masks=1)

    widget.action("track").click()
    nb.until("len(ann.masks[1, 'overall'].frames) == 60")
    widget.wait(job="idle")
    assert nb.py("np.mean([iou(f) for f in range(60)])") > 0.95
    for frame in (1, 30, 59):
        assert (png(nb.folder, frame) > 0).sum() == nb.py(
            f"int(ann.masks[1, 'overall'].areas()[{frame}])"
        )
    widget.go_to(45)
    widget.wait(masks=1)
    inside, outside = nb.py(
        "[[int(v) for v in np.argwhere(m)[m.sum() // 2][::-1]] for m in "
        "(ann.masks[1, 'overall'][45], ~sample_masks()['disc'][45])]"
    )
    assert widget.is_tinted(nb, 45, inside)
    assert not widget.is_tinted(nb, 45, outside)
    nb.screenshot("main-job-tracked")


def test_two_instances_are_tracked_together_and_keep_apart(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook, show=SHORT)
    widget.click(*DISC)
    field = widget.root.locator("input.s2w-instance")
    field.fill("2")
    field.press("Enter")
    nb.until("ann.instance == 2")
    widget.click(*BOX)
    widget.wait(masks=2, points=2)
    widget.action("track-all").click()
    nb.until("all(len(ann.masks[i, 'overall'].frames) == 15 for i in (1, 2))")
    widget.wait(job="idle")
    assert nb.py("np.mean([iou(f, 'disc', (1, 'overall')) for f in range(15)])") > 0.95
    assert nb.py("np.mean([iou(f, 'box', (2, 'overall')) for f in range(15)])") > 0.95
    widget.go_to(5)
    widget.wait(masks=2)
    nb.screenshot("main-job-two-instances", widget.root)
