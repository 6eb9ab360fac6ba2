"""How the picture is seen: zoom and pan, what lies on it, its size; every tool stays exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.test_brush import HELPERS, draw, holds, size_of
from tests.browser.test_main_job import BOX, DISC, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook
    from tests.browser.test_editing import Place
    from tests.browser.widget import Button

# Videos of unusual shapes: an object on a ground that shows every pixel's place.
SHAPES = """import numpy as np
import sam2_widget as sw

def video(width, height):
    y, x = np.mgrid[:height, :width]
    checks = 60 + 20 * ((x // max(2, width // 16) + y // max(2, height // 16)) % 2)
    frame = np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)
    side = min(width, height)
    disc = (x - width * 0.4) ** 2 + (y - height * 0.45) ** 2 < (side * 0.22) ** 2
    frame[disc] = (235, 150, 60)
    return np.repeat(frame[None], 3, axis=0)

"""


def zoom_in(widget: Widget, at: Place, notches: int) -> None:
    """Turn the wheel with Ctrl at a place of the page."""
    page = widget.notebook.page
    page.mouse.move(*at)
    page.keyboard.down("Control")
    for _ in range(notches):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    percent = round(100 * 1.25**notches * 944 / 640)
    widget.until(lambda: abs(int(widget.data("zoom")) - percent) <= 1)
    widget.wait(image_width=640)


def pan(widget: Widget, by: Place, button: Button = "left") -> Place:
    """Drag over the middle of the canvas and return by how much the picture moved."""
    mouse = widget.notebook.page.mouse
    box = widget.canvas.bounding_box()
    assert box is not None
    x, y = round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)
    before = widget.viewport
    mouse.move(x, y)
    mouse.down(button=button)
    mouse.move(x + by[0], y + by[1], steps=5)
    mouse.up(button=button)
    widget.until(lambda: widget.viewport != before)
    after = widget.viewport
    return after[0] - before[0], after[1] - before[1]


def pinch(widget: Widget, place: Place, factor: int) -> None:
    """Spread two fingers round a place in video pixels."""
    page = widget.notebook.page
    chrome = page.context.new_cdp_session(page)
    x, y = widget.on_page(place)

    def touch(kind: str, *apart: float) -> None:
        fingers = [{"x": x + side * way, "y": y} for way in apart for side in (-1, 1)]
        chrome.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    touch("touchStart", 20)
    for step in range(1, 11):
        touch("touchMove", 20 + step * 2 * (factor - 1))
    touch("touchEnd")


def stored(nb: Notebook, x: int, y: int, frame: int = 0) -> list[int]:
    """Return a pixel of the stored frame."""
    pixel: list[int] = nb.py(f"ann.video[{frame}][{y}, {x}].tolist()")
    return pixel


def difference(a: tuple[float, float, float], b: list[int]) -> float:
    return max(abs(one - other) for one, other in zip(a, b, strict=True))


def test_zoomed_at_the_pointer_clicks_and_strokes_are_exact(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook, HELPERS)
    nb.run(2)
    keyboard = nb.page.keyboard
    widget.root.focus()
    plain = widget.pixels()
    left, top, scale = widget.viewport
    box = widget.canvas.bounding_box()
    assert box is not None
    # A wheel tells whole pixels of the page.
    at = tuple(round(place) for place in widget.on_page((DISC[0] + 35, DISC[1] - 20)))
    corner = ((at[0] - box["x"] - left) / scale, (at[1] - box["y"] - top) / scale)

    zoom_in(widget, at, 10)
    assert widget.on_page(corner) == pytest.approx(at, abs=1)
    # Pixels are squares in their own colour, over all of their area.
    for x, y in ((160, 90), (163, 88), (170, 95)):
        assert difference(widget.colour(x + 0.5, y + 0.5, half=0.4), stored(nb, x, y)) <= 4
    nb.screenshot("canvas-zoomed", widget.root)

    assert pan(widget, (-70, 40), "middle") == (-70, 40)
    keyboard.down("Space")
    assert pan(widget, (30, -25)) == (30, -25)
    keyboard.up("Space")
    assert widget.data("playing") == "false"
    assert widget.data("points") == "0"

    spot = (158.25, 92.5)
    widget.click(*spot)
    assert nb.py("ann.points[1, 'overall'][0].tolist()") == [
        [pytest.approx(spot[0], abs=0.3), pytest.approx(spot[1], abs=0.3), 1]
    ]
    keyboard.press("d")
    while size_of(widget) > 6:
        keyboard.press("[")
    radius = size_of(widget) / 2
    line = ((178.0, 86.0), (205.0, 98.0))
    nb.py("None", f"first = mask(); far = away(*{line})")
    draw(widget, *line)
    widget.wait(pending=0, strokes=0, edited=1)
    assert holds(nb, f"mask()[far < {radius - 0.3}].all()")
    assert holds(nb, f"(mask() == first)[far > {radius + 0.3}].all()")
    nb.screenshot("canvas-zoomed-brush", widget.root)

    keyboard.press("u")
    widget.wait(pending=0, edited=0, points=1)
    keyboard.press("u")
    widget.wait(pending=0, points=0, masks=0)
    keyboard.press("p")
    keyboard.press("f")
    widget.wait(fit="true", zoom=148)
    nb.page.mouse.move(1, 1)
    widget.until(lambda: widget.pixels() == plain)
    keyboard.press("1")
    widget.wait(zoom=100)
    assert widget.viewport == (152, 86, 1)
    keyboard.press("f")
    widget.wait(fit="true")
    pinch(widget, DISC, 4)
    widget.until(lambda: abs(int(widget.data("zoom")) - 4 * 148) < 12)
    assert widget.data("points") == "0"
    keyboard.press("Space")
    widget.wait(playing="true")


def test_opacity_outlines_solo_and_hiding_change_what_is_seen_and_last(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook)
    keyboard = nb.page.keyboard
    inside, other = [DISC[0] + 20, DISC[1] + 20], [BOX[0] + 20, BOX[1] + 20]
    plain = widget.pixels()
    widget.click(*DISC)
    nb.py("None", "ann.instance = 2")
    nb.until("ann.instance == 2")
    widget.click(*BOX)
    widget.wait(masks=2, points=2)
    usual = difference(widget.colour(*inside), stored(nb, *inside))

    widget.action("display").click()
    slider = widget.root.get_by_label("Fill")
    slider.fill("90")
    nb.until("ann.look['opacity'] == 0.9")
    widget.until(lambda: difference(widget.colour(*inside), stored(nb, *inside)) > 1.5 * usual)
    nb.screenshot("canvas-display", widget.root)
    keyboard.press("Escape")
    assert slider.is_hidden()

    keyboard.press("w")
    nb.until("ann.look['outline']")
    widget.until(lambda: not widget.is_tinted(nb, 0, inside))
    edge = nb.py(f"int(np.argmax(ann.masks[1, 'overall'][0][{DISC[1]}])) - 1")
    line = widget.colour(edge + 1, DISC[1] + 0.5, half=0.3)
    assert difference(line, stored(nb, edge, DISC[1])) > 40
    nb.screenshot("canvas-outline", widget.root)
    keyboard.press("w")

    nb.page.mouse.move(1, 1)
    keyboard.down("h")
    widget.wait(veiled="true", masks=0, points=0)
    assert widget.pixels() == plain
    keyboard.up("h")
    widget.wait(veiled="false", masks=2, points=2)

    keyboard.press("s")
    widget.wait(solo="true", masks=1, points=1)
    assert widget.is_tinted(nb, 0, other)
    assert not widget.is_tinted(nb, 0, inside)
    assert nb.py("ann.hidden") == []
    solo = widget.root.get_by_role("button", name="solo")
    assert "2" in solo.locator("xpath=ancestor::*[@class='s2w-object']").inner_text()
    nb.screenshot("canvas-solo", widget.root)
    keyboard.press("s")
    widget.wait(solo="false", masks=2)

    nb.py("None", "ann.close()")
    nb.run(0)
    assert nb.py("(ann.look['opacity'], ann.look['outline'])") == [0.9, False]
    widget.wait(masks=2)
    assert difference(widget.colour(*inside), stored(nb, *inside)) > 1.5 * usual


def test_the_height_is_dragged_and_the_whole_screen_taken(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    page = nb.page
    handle = widget.root.get_by_role("separator", name="Height of the picture")
    fitted = height_of(widget)
    drag_handle(page, widget, -180)
    nb.until(f"ann.look['height'] == {fitted - 180}")
    widget.until(lambda: height_of(widget) == fitted - 180)
    # All of it is still seen, in the middle.
    x, y, scale = widget.viewport
    assert (y, round(2 * x + 640 * scale)) == (0, 944)
    assert scale == pytest.approx((fitted - 180) / 360, abs=0.01)
    widget.click(*DISC)
    assert nb.py("ann.points[1, 'overall'][0].tolist()")[0] == pytest.approx([*DISC, 1], abs=1)
    nb.screenshot("canvas-lower", widget.root)

    handle.focus()
    page.keyboard.press("ArrowDown")
    nb.until(f"ann.look['height'] == {fitted - 180 + 16}")
    assert handle.get_attribute("aria-valuenow") == str(fitted - 180 + 16)
    nb.py("None", "ann.look = {**ann.look, 'height': 700}")
    widget.until(lambda: height_of(widget) == 700)
    handle.dblclick()
    nb.until("ann.look['height'] is None")
    widget.until(lambda: height_of(widget) == fitted)

    widget.root.focus()
    page.keyboard.press("Shift+F")
    widget.wait(fullscreen="true")
    widget.until(lambda: height_of(widget) > fitted + 60)
    widget.click(*BOX)
    assert nb.py("ann.points[1, 'overall'][0].tolist()")[1] == pytest.approx([*BOX, 1], abs=1)
    nb.screenshot("canvas-fullscreen")
    widget.action("full-screen").click()
    widget.wait(fullscreen="false")
    widget.until(lambda: height_of(widget) == fitted)


def height_of(widget: Widget) -> int:
    box = widget.canvas.bounding_box()
    assert box is not None
    return round(box["height"])


def drag_handle(page: Page, widget: Widget, by: float) -> None:
    box = widget.root.locator(".s2w-size-handle").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, round(box["y"] + box["height"] / 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + by, steps=4)
    page.mouse.up()


@pytest.mark.slow  # only for the eye
@pytest.mark.parametrize(
    ("name", "width", "height"),
    [("portrait", 180, 640), ("four-by-three", 640, 480), ("large", 3840, 2160), ("tiny", 64, 64)],
)
def test_videos_of_every_shape_look_right(
    notebook: OpenNotebook, name: str, width: int, height: int
) -> None:
    show = f"ann = sw.Annotator(video({width}, {height}), model='nano')\nann.show()"
    nb = notebook([SHAPES + show])
    nb.run(0)
    widget = Widget(nb, width, height)
    widget.wait(frame=0)
    assert 300 <= height_of(widget) <= 640
    assert min(width, height) * widget.viewport[2] >= 150
    place = (width * 0.4, height * 0.45)
    widget.click(*place)
    widget.wait(masks=1)
    nb.screenshot(f"canvas-{name}", widget.root)
    nb.theme("dark")
    widget.root.evaluate("(root) => { root.style.width = '420px' }")
    widget.until(lambda: widget.canvas.evaluate("(c) => c.clientWidth") < 420)
    nb.screenshot(f"canvas-{name}-narrow", widget.root)
    widget.action("display").click()
    nb.screenshot(f"canvas-{name}-narrow-display", widget.root)
    widget.root.evaluate("(root) => { root.style.width = '' }")
    nb.page.keyboard.press("Escape")
    widget.root.focus()
    nb.page.mouse.move(*widget.on_page(place))
    for _ in range(5):
        nb.page.keyboard.press("+")
    widget.wait(fit="false", image_width=width)
    nb.screenshot(f"canvas-{name}-zoomed", widget.root)
