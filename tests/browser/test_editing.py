"""Editing in the widget: points, boxes, frames and scopes change, and undo takes all of it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.test_main_job import BESIDE, BOX, DISC, SHORT, open_sample

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook
    from tests.browser.widget import Widget

GIVEN_BOX = """[getattr(ann.session.live.annotations.at((1, 'overall'), 0).box, edge)
 for edge in ('x0', 'y0', 'x1', 'y1')]"""

Place = tuple[float, float]


def drag(widget: Widget, start: Place, end: Place, *keys: str) -> None:
    """Drag with the left button from one place in video pixels to another, keys held down."""
    page = widget.notebook.page
    for key in keys:
        page.keyboard.down(key)
    page.mouse.move(*on_page(widget, start))
    page.mouse.down()
    page.mouse.move(*on_page(widget, end), steps=6)
    page.mouse.up()
    for key in keys:
        page.keyboard.up(key)


def on_page(widget: Widget, place: Place) -> Place:
    """Return where a place in video pixels is on the page."""
    return widget.on_page(place)


def is_marker(widget: Widget, place: Place) -> bool:
    """Tell whether the blue of a positive point is painted beside the middle of a place."""
    red, _, blue = widget.colour(place[0] - 2, place[1] - 2, half=0.5)
    return blue - red > 150


def points(nb: Notebook, frame: int = 0) -> Any:
    """Return the points of the first scope on a frame, rounded to whole pixels."""
    return nb.py(
        f"np.round(ann.points.get((1, 'overall'), {{}}).get({frame}, np.zeros((0, 3)))).tolist()"
    )


def select(widget: Widget, place: Place, index: int) -> None:
    """Click on a point that is there."""
    widget.press(*place)
    widget.wait(selected=index)


def test_dragging_a_point_moves_it_in_python_and_on_screen(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    # Nothing is there: the model says where the disc is not.
    widget.click(*BESIDE, button="right")
    before = widget.pixels()

    drag(widget, DISC, BOX)
    widget.wait(pending=0, selected=0)

    (moved, other) = points(nb)
    assert moved == pytest.approx([*BOX, 1], abs=1)
    assert other == pytest.approx([*BESIDE, 0], abs=1)
    assert nb.py("iou(0, 'box')") > 0.8
    assert is_marker(widget, BOX)
    assert not is_marker(widget, DISC)
    nb.screenshot("editing-moved-point", widget.root)

    nb.page.mouse.move(*on_page(widget, (20, 340)))
    nb.page.keyboard.press("u")
    widget.wait(pending=0, selected="")
    assert points(nb)[0] == pytest.approx([*DISC, 1], abs=1)
    assert widget.pixels() == before


def test_a_selected_point_is_deleted_and_a_click_on_a_point_adds_none(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    widget.click(*BESIDE, button="right")
    first = nb.py("ann.masks[1, 'overall'][0].tolist()")

    select(widget, BESIDE, 1)
    nb.screenshot("editing-selected", widget.root)
    nb.page.keyboard.press("Escape")
    widget.wait(selected="", points=2)
    select(widget, BESIDE, 1)
    nb.page.keyboard.press("Delete")
    widget.wait(points=1, pending=0)
    assert points(nb) == [pytest.approx([*DISC, 1], abs=1)]

    nb.page.keyboard.press("u")
    widget.wait(points=2, pending=0)
    assert nb.py("ann.masks[1, 'overall'][0].tolist()") == first
    widget.press(*BESIDE, modifiers=["Alt"])
    widget.wait(points=1, pending=0)
    widget.press(*DISC, modifiers=["Alt"])
    widget.wait(points=0, masks=0, pending=0)
    assert points(nb) == []


def test_a_box_by_ctrl_drag_or_by_the_tool_becomes_a_mask(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*BESIDE, button="right")
    corner, opposite = (DISC[0] - 60, DISC[1] - 60), (DISC[0] + 60, DISC[1] + 60)
    drag(widget, corner, opposite, "Control")
    widget.wait(boxes=1, points=0, masks=1, pending=0)
    assert nb.py("iou(0)") > 0.8
    assert nb.py(GIVEN_BOX) == pytest.approx([*corner, *opposite], abs=1)
    nb.screenshot("editing-box", widget.root)

    # Without a drag, Ctrl+click is a negative point as ever.
    widget.click(*BESIDE, modifiers=["Control"])
    assert points(nb)[0][2] == 0
    nb.page.keyboard.press("u")
    widget.wait(points=0, pending=0)
    nb.page.keyboard.press("u")
    widget.wait(boxes=0, points=1, pending=0)

    nb.page.keyboard.press("b")
    drag(widget, (BOX[0] + 70, BOX[1] + 70), (BOX[0] - 70, BOX[1] - 70))
    widget.wait(boxes=1, points=0, masks=1, pending=0)
    assert nb.py("iou(0, 'box')") > 0.8
    nb.page.keyboard.press("p")
    widget.click(*BOX)
    nb.screenshot("editing-box-and-point", widget.root)


def test_a_cleared_frame_comes_back_with_undo(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    clear = widget.action("clear")
    assert clear.is_disabled()
    assert "nothing on this frame" in (clear.get_attribute("title") or "")
    widget.click(*DISC)
    mask = nb.py("ann.masks[1, 'overall'][0].tolist()")
    clear.click()
    widget.wait(masks=0, points=0, pending=0)
    assert points(nb) == []
    assert "Undo brings it back" in widget.root.locator(".s2w-status").inner_text()
    nb.screenshot("editing-cleared", widget.root)
    nb.page.keyboard.press("u")
    widget.wait(masks=1, points=1, pending=0)
    assert nb.py("ann.masks[1, 'overall'][0].tolist()") == mask
    nb.page.keyboard.press("c")
    widget.wait(masks=0, points=0, pending=0)


def test_undo_brings_back_a_deleted_object_with_its_masks(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook, show=SHORT)
    widget.click(*DISC)
    widget.action("track").click()
    nb.until("len(ann.masks[1, 'overall'].frames) == 15")
    widget.wait(job="idle")
    areas = nb.py("ann.masks[1, 'overall'].areas().tolist()")
    row = widget.root.locator(".s2w-scope")
    assert "1 prompt, 15 masks" in row.inner_text()

    row.get_by_role("button", name="Delete").click()
    widget.wait(masks=0, points=0, pending=0)
    assert nb.py("list(ann.masks)") == []
    assert widget.root.locator(".s2w-status").inner_text() == (
        "Deleted 1 · overall. Undo brings it back."
    )
    nb.screenshot("editing-deleted", widget.root)
    assert "deletion" in (widget.action("undo").get_attribute("title") or "")
    widget.action("undo").click()
    widget.wait(masks=1, points=1, pending=0)
    assert nb.py("ann.masks[1, 'overall'].areas().tolist()") == areas
    row.get_by_text("1 prompt, 15 masks").wait_for()


def test_a_new_region_is_named_in_the_widget_and_selected(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    # Until then the status tells of the model.
    widget.wait(model="ready")
    picker, field = (widget.root.locator(f".s2w-{part}") for part in ("region", "new-region"))
    picker.select_option("New region…")
    field.fill("not allowed")
    field.press("Enter")
    widget.root.locator(".s2w-status", has_text="letters, digits").wait_for()
    nb.screenshot("editing-new-region", widget.root)
    field.press("Escape")
    assert field.is_hidden()
    assert picker.input_value() == "overall"

    picker.select_option("New region…")
    field.fill("tip-2")
    field.press("Enter")
    nb.until("ann.region == 'tip-2'")
    assert picker.input_value() == "tip-2"
    widget.click(*DISC)
    assert nb.py("list(ann.masks) == [(1, 'tip-2')]")
    assert nb.py("'tip-2' in ann.session.regions")


def test_tracking_from_here_forward_leaves_the_frames_before_alone(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    widget.go_to(40)
    widget.action("track-menu").click()
    menu = widget.root.get_by_role("menu")
    nb.screenshot("editing-track-menu", widget.root)
    nb.page.keyboard.press("Escape")
    assert not menu.is_visible()
    widget.action("track-menu").click()
    menu.get_by_role("menuitem", name="From here forward").click()
    nb.until("len(ann.masks[1, 'overall'].frames) == 21")
    widget.wait(job="idle", masks=1)
    assert nb.py("list(ann.masks[1, 'overall'].frames) == [0, *range(40, 60)]")
    widget.go_to(39)
    widget.wait(masks=0)

    widget.action("track-menu").click()
    menu.get_by_role("menuitem", name="Range…").click()
    widget.root.get_by_label("First frame").fill("10")
    widget.root.get_by_label("Last frame").fill("12")
    nb.screenshot("editing-track-range", widget.root)
    nb.page.keyboard.press("Enter")
    nb.until("len(ann.masks[1, 'overall'].frames) == 24")
    assert nb.py("list(ann.masks[1, 'overall'].frames)[:4] == [0, 10, 11, 12]")


@pytest.mark.slow  # only for the eye
def test_editing_looks_right_in_dark_and_in_a_narrow_cell(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    field = widget.root.locator("input.s2w-instance")
    field.fill("2")
    field.press("Enter")
    drag(widget, (BOX[0] - 70, BOX[1] - 70), (BOX[0] + 70, BOX[1] + 70), "Control")
    widget.wait(boxes=1, masks=2, pending=0)
    widget.click(*BOX)
    select(widget, BOX, 0)
    widget.action("track-menu").click()
    popup = widget.root.locator(".s2w-popup:has([role=menu][aria-label='Track'])")
    for theme in ("dark", "light"):
        nb.theme(theme)
        for name, width in (("narrow", "380px"), ("wide", "960px")):
            widget.root.evaluate("(root, width) => { root.style.width = width }", width)
            widget.wait(masks=2, boxes=1)
            if not popup.is_visible():
                widget.action("track-menu").click()
            nb.screenshot(f"editing-{theme}-{name}", widget.root)
            outer, inner = widget.root.bounding_box(), popup.bounding_box()
            assert outer is not None
            assert inner is not None
            assert inner["x"] >= outer["x"]
            assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
            assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]
