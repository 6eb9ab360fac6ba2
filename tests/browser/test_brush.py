"""Correcting a mask by hand: brush and eraser change just what they pass over, and it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.test_editing import Place, on_page
from tests.browser.test_main_job import BESIDE, BOX, DISC, SHORT, SHOW, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook

# How far each pixel is from the line through some places, and what there is of the mask.
HELPERS = """def away(*places):
    y, x = np.mgrid[:ann.video.height, :ann.video.width] + 0.5
    best = np.full(x.shape, np.inf)
    for (ax, ay), (bx, by) in zip(places[:-1], places[1:]):
        along = (x - ax) * (bx - ax) + (y - ay) * (by - ay)
        share = np.clip(along / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
        best = np.minimum(best, np.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay)))
    return best

def mask(frame=0, scope=(1, "overall")):
    return ann.masks[scope][frame]

def source(frame=0):
    table = ann.to_dataframe()
    return table.loc[table["frame"] == frame, "source"].item()
"""

PORTRAIT = """import numpy as np
import sam2_widget as sw
frames = np.full((3, 480, 270, 3), 40, np.uint8)
frames[:, 150:330, 60:210] = (230, 120, 60)
ann = sw.Annotator(frames, model="nano")
ann.show()"""

# Share of the picture that differs from an earlier one, on patches of 8 x 8 pixels: the edge of a
# mask follows the pixels of the video, that of a stroke under way is round.
DIFFERENCE = """async (canvas, before) => {
  const image = new Image();
  image.src = before;
  await image.decode();
  const [width, height] = [canvas.width >> 3, canvas.height >> 3];
  const [a, b] = [image, canvas].map((picture) => {
    const sheet = new OffscreenCanvas(width, height).getContext("2d");
    sheet.imageSmoothingQuality = "high";
    sheet.drawImage(picture, 0, 0, width, height);
    return sheet.getImageData(0, 0, width, height).data;
  });
  let count = 0;
  for (let i = 0; i < a.length; i += 4) {
    if (Math.max(...[0, 1, 2].map((c) => Math.abs(a[i + c] - b[i + c]))) > 24) count++;
  }
  return count / (width * height);
}"""

# Where the mouse of the tests is on the page is rounded to whole pixels now and then.
SLACK = 1.5


def open_with_helpers(notebook: OpenNotebook, show: str = SHOW) -> tuple[Notebook, Widget]:
    nb, widget = open_sample(notebook, HELPERS, show=show)
    nb.run(2)
    return nb, widget


def take(widget: Widget, tool: str, size: int) -> None:
    """Take brush or eraser by its key and make it at least that large by the key for larger."""
    keyboard = widget.notebook.page.keyboard
    widget.root.focus()
    if widget.action(tool).get_attribute("aria-pressed") != "true":
        keyboard.press({"brush": "d", "eraser": "e"}[tool])
    while size_of(widget) < size:
        keyboard.press("]")


def size_of(widget: Widget) -> int:
    return int(widget.root.locator(".s2w-size-text").inner_text().removesuffix(" px"))


def draw(widget: Widget, *places: Place, release: bool = True, button: Any = "left") -> None:
    """Draw a line through places in video pixels."""
    mouse = widget.notebook.page.mouse
    mouse.move(*on_page(widget, places[0]))
    mouse.down(button=button)
    for place in places[1:]:
        mouse.move(*on_page(widget, place), steps=8)
    if release:
        mouse.up(button=button)


def holds(nb: Notebook, condition: str) -> bool:
    """Tell whether a Python expression is true in the kernel."""
    return bool(nb.py(f"bool({condition})"))


def is_marked(widget: Widget) -> bool:
    return "edited by hand" in widget.root.locator(".s2w-facts").inner_text()


def test_the_eraser_takes_away_what_the_circle_passed_over(notebook: OpenNotebook) -> None:
    nb, widget = open_with_helpers(notebook)
    widget.click(*DISC)
    nb.py("None", "first = mask()")
    before = widget.pixels()
    assert not is_marked(widget)

    take(widget, "eraser", 60)
    radius = size_of(widget) / 2
    line = ((40, DISC[1] + 30), (216, DISC[1] + 30))
    draw(widget, *line)
    widget.wait(pending=0, strokes=0, edited=1, points=0)

    nb.py("None", f"second = mask(); far = away(*{line})")
    assert not holds(nb, f"second[far < {radius - SLACK}].any()")
    assert holds(nb, f"(second == first)[far > {radius + SLACK}].all()")
    assert holds(nb, "0.2 < second.sum() / first.sum() < 0.7")
    assert nb.py("source()") == "edit"
    assert widget.is_tinted(nb, 0, [DISC[0] + 20, DISC[1] - 30])
    assert not widget.is_tinted(nb, 0, [DISC[0] + 20, DISC[1] + 30])
    assert is_marked(widget)
    nb.screenshot("brush-erased", widget.root)

    after = widget.pixels()
    nb.page.keyboard.press("u")
    widget.wait(pending=0, edited=0, points=1)
    assert holds(nb, "(mask() == first).all() and source() == 'click'")
    assert widget.pixels() == before
    assert not is_marked(widget)
    nb.page.keyboard.press("Control+Shift+z")
    widget.wait(pending=0, edited=1, points=0)
    assert holds(nb, "(mask() == second).all() and source() == 'edit'")
    assert widget.pixels() == after


def test_the_brush_starts_an_object_and_adds_to_it_stroke_by_stroke(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_with_helpers(notebook)
    take(widget, "brush", 24)
    radius = size_of(widget) / 2
    first, second = ((60, 300), (200, 320), (200, 200)), ((150, 260), (300, 260))
    nb.py("None", f"one = away(*{first}); two = away(*{second})")
    # Quick strokes queue: the second begins before the first is answered.
    draw(widget, *first)
    draw(widget, *second)
    draw(widget, (170, 250), (230, 270), button="right")
    widget.wait(pending=0, strokes=0, masks=1, edited=1)

    nb.py("None", "line = np.minimum(one, two); gone = away((170, 250), (230, 270))")
    assert holds(nb, f"mask()[(line < {radius - SLACK}) & (gone > {radius + SLACK})].all()")
    assert not holds(nb, f"mask()[(line > {radius + SLACK}) | (gone < {radius - SLACK})].any()")
    assert widget.is_tinted(nb, 0, [100, 306])
    assert not widget.is_tinted(nb, 0, [200, 262])
    assert holds(nb, "source() == 'edit' and ann.session.scopes == [(1, 'overall')]")
    nb.screenshot("brush-started", widget.root)

    nb.page.keyboard.press("u")
    widget.wait(pending=0)
    nb.until(f"mask()[line < {radius - SLACK}].all()")
    nb.page.keyboard.press("u")
    widget.wait(pending=0)
    nb.until(f"mask()[one < {radius - SLACK}].all()")
    assert not holds(nb, f"mask()[one > {radius + SLACK}].any()")
    nb.page.keyboard.press("u")
    widget.wait(pending=0, masks=0)
    assert holds(nb, "list(ann.masks) == []")


def test_a_stroke_looks_while_it_is_drawn_as_when_it_is_done(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    take(widget, "brush", 42)
    draw(widget, (120, 200), (320, 320), (420, 60))
    widget.wait(pending=0, strokes=0, edited=1)
    for tool, line in (
        ("brush", ((60, 60), (330, 130), (700, 300))),
        ("eraser", ((100, 330), (500, 20))),
    ):
        plain = widget.pixels()
        take(widget, tool, 42)
        draw(widget, *line, release=False)
        widget.wait(strokes=1)
        drawn = widget.pixels()
        assert widget.canvas.evaluate(DIFFERENCE, plain) > 0.03
        nb.screenshot(f"brush-under-way-{tool}", widget.root)
        nb.page.mouse.up()
        widget.wait(pending=0, strokes=0)
        assert widget.canvas.evaluate(DIFFERENCE, drawn) < 0.01
        nb.screenshot(f"brush-done-{tool}", widget.root)


def test_escape_drops_the_stroke_under_way(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    before = widget.pixels()
    nb.page.keyboard.press("d")
    draw(widget, DISC, BOX, release=False)
    widget.wait(strokes=1)
    assert widget.pixels() != before
    nb.page.keyboard.press("Escape")
    widget.wait(strokes=0)
    nb.page.mouse.up()
    assert widget.pixels() == before
    nb.page.keyboard.press("u")
    widget.wait(masks=0, points=0, pending=0)


def test_tracking_carries_an_edited_frame_on_and_leaves_it_as_it_is(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_with_helpers(notebook, SHORT)
    widget.click(*DISC)
    widget.action("track").click()
    nb.until("len(ann.masks[1, 'overall'].frames) == 15")
    widget.wait(job="idle")
    widget.go_to(8)
    widget.wait(masks=1)
    x, y = nb.py("[int(v) for v in np.argwhere(mask(8)).mean(axis=0)[::-1]]")
    take(widget, "eraser", 42)
    draw(widget, (x - 70, y + 25), (x + 70, y + 25))
    widget.wait(pending=0, edited=1)
    nb.page.keyboard.press("p")
    status = widget.root.locator(".s2w-status")
    status.filter(has_text="Edited by hand: Track (T) carries it on.").wait_for()
    nb.py("None", "edited = mask(8)")
    nb.screenshot("brush-tracked-frame", widget.root)

    nb.page.keyboard.press("t")
    nb.until("not ann.to_dataframe().stale.any()")
    widget.wait(job="idle", edited=1)
    assert holds(nb, "(mask(8) == edited).all() and source(8) == 'edit' and source(9) == 'track'")
    widget.go_to(9)
    widget.wait(masks=1, edited=0)
    assert not is_marked(widget)


def test_the_circle_has_the_size_of_the_brush(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    circle = widget.root.locator(".s2w-brush-cursor")
    nb.page.mouse.move(*on_page(widget, BESIDE))
    assert circle.is_hidden()
    for tool, size in (("brush", 42), ("eraser", 86)):
        take(widget, tool, size)
        assert circle.is_visible()
        box, canvas = circle.bounding_box(), widget.canvas.bounding_box()
        assert box is not None
        assert canvas is not None
        scale = canvas["width"] / widget.size[0]
        assert abs(box["width"] - size_of(widget) * scale) < 1
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expected = on_page(widget, BESIDE)
        assert max(abs(a - b) for a, b in zip(middle, expected, strict=True)) <= 1
    slider = widget.root.get_by_label("Brush size")
    slider.focus()
    nb.page.keyboard.press("ArrowLeft")
    assert size_of(widget) < 86
    nb.until("ann.frame_index == 0")
    nb.page.mouse.move(0, 0)
    assert circle.is_visible()
    nb.page.keyboard.press("p")
    assert circle.is_hidden()


def test_one_finger_paints(notebook: OpenNotebook) -> None:
    nb, widget = open_with_helpers(notebook)
    take(widget, "brush", 42)
    chrome = nb.page.context.new_cdp_session(nb.page)

    def touch(kind: str, *places: Place) -> None:
        points = [dict(zip("xy", on_page(widget, place), strict=True)) for place in places]
        chrome.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (100, 200))
    for x in range(120, 320, 20):
        touch("touchMove", (x, 260))
    touch("touchEnd")
    widget.wait(pending=0, strokes=0, edited=1)
    assert holds(nb, "mask()[260, 120:300].all()")


@pytest.mark.slow  # only for the eye
def test_painting_looks_right_in_dark_narrow_and_portrait(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    take(widget, "brush", 42)
    draw(widget, (DISC[0], DISC[1] + 60), (DISC[0] + 160, DISC[1] + 60))
    widget.wait(pending=0, edited=1)
    for theme in ("dark", "light"):
        nb.theme(theme)
        for name, width in (("narrow", "380px"), ("wide", "960px")):
            widget.root.evaluate("(root, width) => { root.style.width = width }", width)
            nb.page.mouse.move(*on_page(widget, BOX))
            nb.screenshot(f"brush-{theme}-{name}", widget.root)
            outer, inner = (
                widget.root.bounding_box(),
                widget.root.locator(".s2w-size").bounding_box(),
            )
            assert outer is not None
            assert inner is not None
            assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]

    other = notebook([PORTRAIT])
    other.run(0)
    tall = Widget(other, 270, 480)
    tall.wait(frame=0)
    take(tall, "brush", 30)
    draw(tall, (80, 170), (190, 170), (190, 310), (80, 310), (100, 200))
    tall.wait(pending=0, edited=1)
    other.screenshot("brush-portrait", tall.root)
