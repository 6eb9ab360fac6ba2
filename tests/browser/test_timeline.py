"""The timeline: what it shows of each scope, scrubbing on it, suspect frames, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.test_main_job import BOX, DISC, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook

FRAMES = 60
GREEN, YELLOW = (0, 158, 115), (240, 228, 66)

# A disc moves steadily, and on frame 20 is suddenly elsewhere and much smaller.
JUMP = """import cv2, numpy as np
import sam2_widget as sw
clip = np.full((40, 240, 320, 3), (200, 205, 210), np.uint8)
for i, frame in enumerate(clip):
    at, radius = ((70 + 2 * i, 80), 30) if i < 20 else ((250 - i, 190), 15)
    cv2.circle(frame, at, radius, (220, 50, 40), -1, cv2.LINE_AA)
ann = sw.Annotator(clip, model="nano")
ann.show()"""

# Beside the marks, which lie in the middle of the band of masks.
IN_BAND = """(canvas, [place, y]) => {
  const ratio = canvas.width / canvas.clientWidth;
  const x = Math.floor(place * canvas.width);
  return [...canvas.getContext("2d").getImageData(x, Math.round(y * ratio), 1, 1).data];
}"""
BAND, LANE = 3, 18


class Timeline:
    """The timeline of a view."""

    def __init__(self, widget: Widget, frames: int = FRAMES) -> None:
        self.widget = widget
        self.frames = frames
        self.node: Locator = widget.root.locator(".s2w-timeline")
        self.canvas: Locator = self.node.locator("canvas")
        self.page = widget.notebook.page

    def wait_for_lanes(self, number: int) -> None:
        """Wait until it has so many lanes."""
        self.widget.until(lambda: self.node.get_attribute("data-lanes") == str(number))

    def place(self, frame: int, lane: int = 0) -> tuple[float, float]:
        """Return where on the page a frame is, in the middle of a lane."""
        box = self.canvas.bounding_box()
        assert box is not None
        x = box["x"] + (frame + 0.5) * box["width"] / self.frames
        return x, box["y"] + (lane + 0.5) * LANE

    def has_mask(self, frame: int, lane: int, colour: tuple[int, int, int]) -> bool:
        """Tell whether a lane is of the colour of its scope at a frame."""
        place = (frame + 0.08) / self.frames
        *painted, alpha = self.canvas.evaluate(IN_BAND, [place, lane * LANE + BAND])
        return alpha > 180 and max(abs(a - b) for a, b in zip(painted, colour, strict=True)) < 12

    def ground(self) -> tuple[int, int, int]:
        """Return the colour of the first lane where nothing is drawn on it."""
        red, green, blue, _ = self.canvas.evaluate(IN_BAND, [0.9, LANE - 1])
        return red, green, blue

    def drag(self, start: int, end: int, lane: int = 0) -> None:
        """Press on a frame and pull to another, with the button still down."""
        self.page.mouse.move(*self.place(start, lane))
        self.page.mouse.down()
        self.page.mouse.move(*self.place(end, lane), steps=4)


def test_lanes_fill_while_two_objects_are_tracked_and_scrub(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    timeline = Timeline(widget)
    timeline.wait_for_lanes(1)
    assert not timeline.has_mask(0, 0, GREEN)
    nb.screenshot("timeline-empty", widget.root)
    widget.click(*DISC)
    widget.until(lambda: timeline.has_mask(0, 0, GREEN))
    assert not timeline.has_mask(1, 0, GREEN)
    field = widget.root.locator("input.s2w-instance")
    field.fill("2")
    field.press("Enter")
    nb.until("ann.instance == 2")
    widget.click(*BOX)
    timeline.wait_for_lanes(2)

    widget.action("track-all").click()
    widget.until(lambda: timeline.has_mask(5, 1, YELLOW))
    assert widget.data("job") == "running"
    assert not timeline.has_mask(59, 1, YELLOW)
    nb.screenshot("timeline-tracking", widget.root)
    widget.wait(job="idle")
    widget.until(
        lambda: all(timeline.has_mask(f, i, c) for f in (1, 30, 59) for i, c in LANES_OF_BOTH)
    )

    timeline.drag(10, 40, lane=1)
    widget.wait(frame=40)
    timeline.page.mouse.up()
    nb.until("ann.frame_index == 40")
    tip = timeline.node.locator(".s2w-lane-tip")
    assert tip.inner_text() == "40 · 2.00 s · 2 · overall: tracked"
    playhead = timeline.node.locator(".s2w-playhead").bounding_box()
    assert playhead is not None
    assert abs(playhead["x"] + playhead["width"] / 2 - timeline.place(40)[0]) < 1
    timeline.node.locator(".s2w-lane-label", has_text="1 · overall").click()
    nb.until("ann.instance == 1")

    # A correction makes all other masks of its scope stale, and none of the other's.
    widget.click(300, 60, button="right")
    widget.until(lambda: not timeline.has_mask(20, 0, GREEN))
    assert timeline.has_mask(20, 1, YELLOW)
    assert "1 · overall: masks on 60 of 60 frames, 58 stale, prompts on 2" in str(
        timeline.canvas.get_attribute("aria-label")
    )
    nb.page.keyboard.press("PageUp")
    widget.wait(frame=0)
    nb.page.keyboard.press("PageDown")
    widget.wait(frame=40)
    nb.screenshot("timeline-stale", widget.root)


LANES_OF_BOTH = ((0, GREEN), (1, YELLOW))


def test_a_suspect_frame_is_found_and_named(notebook: OpenNotebook) -> None:
    nb = notebook([JUMP])
    nb.run(0)
    widget = Widget(nb, width=320, height=240)
    widget.wait(frame=0, masks=0)
    timeline = Timeline(widget, frames=40)
    assert widget.action("next-suspect").is_disabled()
    widget.click(70, 80)
    widget.action("track").click()
    nb.until("len(ann.masks[1, 'overall'].frames) == 40")
    widget.wait(job="idle")
    widget.until(lambda: widget.action("next-suspect").is_enabled())

    nb.page.keyboard.press("n")
    widget.until(lambda: widget.data("frame") in {"19", "20", "21"})
    suspect = int(widget.data("frame"))
    status = widget.root.locator(".s2w-status")
    assert status.inner_text().startswith(f"Frame {suspect}: the ")
    assert suspect in nb.py("ann.session.suspects()")
    nb.screenshot("timeline-suspect", widget.root)
    nb.page.keyboard.press("End")
    widget.wait(frame=39)
    assert not status.inner_text().startswith("Frame")
    nb.page.keyboard.press("n")
    assert status.inner_text() == "No suspect frame after this one."
    widget.action("prev-suspect").click()
    widget.until(lambda: int(widget.data("frame")) < 39)

    # The lanes take the colours of another theme at once.
    nb.theme("light")
    widget.until(lambda: min(timeline.ground()) > 200)
    nb.theme("dark")
    widget.until(lambda: max(timeline.ground()) < 100)
    nb.screenshot("timeline-dark", widget.root)


def test_only_the_frames_from_in_to_out_are_tracked(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    timeline = Timeline(widget)
    widget.click(*DISC)
    widget.go_to(3)
    nb.page.keyboard.press("i")
    widget.go_to(20)
    nb.page.keyboard.press("o")
    nb.until("list(ann.look['range']) == [3, 20]")
    handle = timeline.node.locator("[data-edge='out']").bounding_box()
    assert handle is not None
    nb.page.mouse.move(handle["x"] + 2, handle["y"] + 4)
    nb.page.mouse.down()
    nb.page.mouse.move(timeline.place(9)[0], handle["y"] + 4, steps=3)
    nb.page.mouse.up()
    widget.wait(frame=8)
    nb.until("list(ann.look['range']) == [3, 8]")
    nb.screenshot("timeline-range", widget.root)

    widget.action("track-menu").click()
    widget.root.get_by_role("menuitem", name="In to out: 3 to 8").click()
    nb.until("ann.masks[1, 'overall'].frames.tolist() == [0, *range(3, 9)]")
    widget.wait(job="idle")
    widget.until(lambda: timeline.has_mask(8, 0, GREEN))
    assert not timeline.has_mask(9, 0, GREEN)
    nb.page.keyboard.press("x")
    nb.until("ann.look['range'] is None")

    # Zoomed, the same place of the lanes is another frame.
    middle = timeline.place(30)
    nb.page.mouse.move(*middle)
    nb.page.keyboard.down("Control")
    nb.page.mouse.wheel(0, -600)
    nb.page.keyboard.up("Control")
    widget.until(lambda: timeline.node.get_attribute("data-span") != "0.0 60.0")
    nb.page.mouse.click(middle[0] + 60, middle[1])
    widget.until(lambda: int(widget.data("frame")) in range(31, 34))
    nb.page.mouse.dblclick(*middle)
    widget.until(lambda: timeline.node.get_attribute("data-span") == "0.0 60.0")
    widget.wait(frame=30)


MANY = """import numpy as np
session = ann.session
session.add_region("lid")
for i, at in ((1, (128, 108)), (2, (506, 198)), (3, (237, 292))):
    session.add_point(0, *at, instance=i)
session.set_box(25, (400, 100, 560, 300), instance=2)
session.add_point(0, 128, 90, region="lid")
session.track().wait()
for f in range(0, 40, 3):
    session.add_keypoint(f, 100 + f, 100, "tip")
session.add_point(44, 20, 20, label=0)
session.paint(10, [(237, 292), (260, 292)], 9, instance=3)
for i in (4, 5, 6):
    session.add_point(5 * i, 128, 108, instance=i)"""


@pytest.mark.slow  # only for the eye
def test_many_lanes_look_right_in_dark_and_in_a_narrow_cell(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook, MANY)
    nb.run(2)
    timeline = Timeline(widget)
    timeline.wait_for_lanes(8)
    nb.py("setattr(ann, 'look', {**ann.look, 'range': [6, 50]})")
    widget.go_to(30)
    for theme in ("light", "dark"):
        nb.theme(theme)  # type: ignore[arg-type]
        for name, width in (("narrow", 780), ("wide", 1400)):
            nb.resize(width, 1000)
            nb.page.mouse.move(*timeline.place(44, 0))
            timeline.node.locator(".s2w-lane-tip").wait_for()
            nb.screenshot(f"timeline-many-{theme}-{name}", widget.root)
