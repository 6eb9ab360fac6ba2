"""Keypoints in the widget: placed, named, dragged, hidden, copied and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.test_editing import drag, on_page
from tests.browser.test_main_job import BESIDE, BOX, DISC, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook

Place = tuple[float, float]
MIDDLE = (320.0, 180.0)


def keypoint_mode(notebook: OpenNotebook, *more: str) -> tuple[Notebook, Widget]:
    """Open the sample clip and press K."""
    nb, widget = open_sample(notebook, *more)
    nb.page.mouse.move(*on_page(widget, (20, 340)))
    widget.root.focus()
    nb.page.keyboard.press("k")
    widget.wait(mode="keypoint")
    return nb, widget


def name_field(widget: Widget) -> Locator:
    return widget.root.get_by_label("Name of the next keypoint")


def place(widget: Widget, at: Place, name: str | None = None) -> None:
    """Type a name, unless the proposed one will do, click, and wait for the answer."""
    before = int(widget.data("keypoints"))
    if name is not None:
        name_field(widget).fill(name)
        name_field(widget).press("Enter")
    widget.press(*at)
    widget.wait(keypoints=before + 1, pending=0)


def keypoints(nb: Notebook, instance: int = 1) -> Any:
    """Return the keypoints of an instance as [frame, name, x, y, visible], in whole pixels."""
    return nb.py(
        "[[k['frame_index'], k['name'], round(k['x']), round(k['y']), k['visible']] "
        f"for k in ann.keypoints[{instance}]]"
    )


def is_at(found: Any, at: Place) -> bool:
    return bool(abs(found[2] - at[0]) <= 1 and abs(found[3] - at[1]) <= 1)


def is_purple(widget: Widget, at: Place, side: float = -2.2) -> bool:
    """Tell whether the purple of a keypoint is painted between its middle and its edge."""
    red, green, blue = widget.colour(at[0] + side, at[1] + side, half=0.5)
    return blue - green > 100 and red - green > 30


def test_a_named_keypoint_is_placed_by_a_click_and_moved_by_placing_it_again(
    notebook: OpenNotebook,
) -> None:
    nb, widget = keypoint_mode(notebook)
    nb.until("ann.mode == 'keypoint'")
    place(widget, DISC, "tip")
    (tip,) = keypoints(nb)
    assert (tip[0], tip[1], tip[4]) == (0, "tip", True)
    assert is_at(tip, DISC)
    assert is_purple(widget, DISC)
    assert nb.py("ann.points.get((1, 'overall'))") in (None, {})
    # Nothing else has the name: the next keypoint is numbered.
    assert name_field(widget).input_value() == ""
    place(widget, BESIDE)
    assert [found[1] for found in keypoints(nb)] == ["k1", "tip"]
    nb.screenshot("keypoints-two", widget.root)

    name_field(widget).fill("tip")
    name_field(widget).press("Enter")
    widget.press(*BOX)
    widget.wait(keypoint="tip", pending=0, keypoints=2)
    assert is_at(keypoints(nb)[1], BOX)
    status = widget.root.locator(".s2w-status")
    status.filter(has_text="Moved “tip”: a frame has every name once.").wait_for()
    assert is_purple(widget, BOX)
    assert not is_purple(widget, DISC)

    # The next frame gets the same names again, one after the other.
    nb.page.keyboard.press("ArrowRight")
    widget.wait(frame=1, keypoints=0, keypoint="")
    assert name_field(widget).input_value() == "k1"
    place(widget, DISC)
    assert name_field(widget).input_value() == "tip"
    place(widget, BOX)
    assert [found[:2] for found in keypoints(nb)] == [
        [0, "k1"],
        [0, "tip"],
        [1, "k1"],
        [1, "tip"],
    ]
    names, visible = nb.py("[ann.keypoints.array(1)[0], ann.keypoints.array(1)[1][:2, :, 2].sum()]")
    assert (names, visible) == (["k1", "tip"], 4)


def test_a_keypoint_is_dragged_selected_removed_and_all_is_undone(notebook: OpenNotebook) -> None:
    nb, widget = keypoint_mode(notebook)
    place(widget, DISC, "tip")
    place(widget, BESIDE, "wrist")
    nb.page.keyboard.press("Escape")
    nb.page.mouse.move(*on_page(widget, (20, 340)))
    widget.wait(keypoint="")
    before = widget.pixels()

    drag(widget, DISC, BOX)
    widget.wait(pending=0, keypoint="tip")
    assert is_at(keypoints(nb)[0], BOX)
    assert is_purple(widget, BOX)
    assert not is_purple(widget, DISC)
    nb.page.keyboard.press("Delete")
    widget.wait(pending=0, keypoints=1)
    assert [found[1] for found in keypoints(nb)] == ["wrist"]
    widget.press(*BESIDE, modifiers=["Alt"])
    widget.wait(pending=0, keypoints=0)
    assert keypoints(nb) == []

    # Undo goes to where it happened, also from the other mode and another frame.
    nb.page.keyboard.press("k")
    widget.wait(mode="segment")
    nb.py("setattr(ann, 'instance', 3)")
    widget.go_to(30)
    nb.page.keyboard.press("u")
    widget.wait(frame=0, mode="keypoint", keypoints=1, pending=0)
    nb.until("ann.instance == 1 and ann.frame_index == 0")
    nb.page.keyboard.press("Control+z")
    widget.wait(keypoints=2, pending=0)
    nb.page.mouse.move(*on_page(widget, (20, 340)))
    nb.page.keyboard.press("u")
    widget.wait(keypoints=2, pending=0, keypoint="")
    assert is_at(keypoints(nb)[0], DISC)
    assert widget.pixels() == before
    nb.page.keyboard.press("Control+Shift+z")
    widget.wait(pending=0)
    nb.until(f"abs(ann.keypoints[1][0]['x'] - {BOX[0]}) <= 1")
    nb.page.keyboard.press("c")
    widget.wait(keypoints=0, pending=0)
    assert keypoints(nb) == []
    widget.action("undo").click()
    widget.wait(keypoints=2, pending=0)
    assert len(keypoints(nb)) == 2


def test_an_occluded_keypoint_is_hollow_and_the_skeleton_dashed(notebook: OpenNotebook) -> None:
    nb, widget = keypoint_mode(notebook)
    nb.py("ann.session.live.set_skeleton((('tip', 'wrist'), ('wrist', 'base')))")
    name_field(widget).fill("tip")
    name_field(widget).press("Enter")
    places = {"tip": (100.0, 60.0), "wrist": (300.0, 60.0), "base": (500.0, 60.0)}
    for name, at in places.items():
        assert name_field(widget).input_value() == name
        place(widget, at)
    nb.page.keyboard.press("Escape")

    def line(start: float) -> list[bool]:
        return [is_purple(widget, (start + x, 60), side=0) for x in range(60, 140)]

    assert all(line(100))
    assert all(line(300))
    widget.press(*places["base"], button="right")
    nb.until("not ann.keypoints[1][0]['visible']")
    widget.wait(pending=0)
    assert nb.page.locator(".lm-Menu").count() == 0
    assert all(line(100))
    assert 0.1 < sum(line(300)) / 80 < 0.9
    # Between middle and edge the picture shows.
    assert not is_purple(widget, places["base"])
    assert is_purple(widget, places["tip"])
    nb.screenshot("keypoints-skeleton", widget.root)

    widget.press(*places["wrist"])
    widget.wait(keypoint="wrist")
    assert widget.action("occlude").get_attribute("aria-pressed") == "false"
    nb.page.keyboard.press("v")
    widget.wait(pending=0)
    assert [found[4] for found in keypoints(nb)] == [False, True, False]
    assert widget.action("occlude").get_attribute("aria-pressed") == "true"
    widget.action("occlude").click()
    widget.wait(pending=0)
    assert [found[4] for found in keypoints(nb)] == [False, True, True]


def test_keypoints_are_copied_forward_and_the_next_gap_is_found(notebook: OpenNotebook) -> None:
    nb, widget = keypoint_mode(notebook)
    copy = widget.action("copy-keypoints")
    assert copy.is_disabled()
    place(widget, DISC, "tip")
    place(widget, BESIDE, "wrist")
    widget.press(*BESIDE, button="right")
    nb.until("not ann.keypoints[1][1]['visible']")
    nb.py("[ann.session.add_keypoint(f, 9, 9, 'tip') for f in (1, 2, 4)]")
    nb.page.keyboard.press("g")
    widget.wait(frame=3, keypoints=0)
    nb.py("ann.session.remove_keypoint(1, 'tip') or ann.session.remove_keypoint(2, 'tip')")
    nb.page.keyboard.press("Shift+C")
    widget.wait(keypoints=2, pending=0)
    copied = [found for found in keypoints(nb) if found[0] == 3]
    assert [found[1:] for found in copied] == [found[1:] for found in keypoints(nb)[:2]]
    assert not copied[1][4]
    nb.page.keyboard.press("u")
    widget.wait(frame=3, keypoints=0, pending=0)
    copy.click()
    widget.wait(keypoints=2, pending=0)
    widget.action("next-gap").click()
    widget.wait(frame=5, keypoints=0)
    nb.screenshot("keypoints-gap", widget.root)
    nb.py("[ann.session.add_keypoint(f, 9, 9) for f in range(5, 60)] and None")
    nb.page.keyboard.press("g")
    status = widget.root.locator(".s2w-status")
    status.filter(has_text="All later frames have keypoints of instance 1.").wait_for()
    assert widget.data("frame") == "5"


def test_typing_a_name_presses_no_shortcut_and_any_name_is_plain_text(
    notebook: OpenNotebook,
) -> None:
    nb, widget = keypoint_mode(notebook)
    place(widget, BESIDE, "k1")
    widget.wait(model="ready")
    nb.page.keyboard.press("l")
    field = name_field(widget)
    assert field.evaluate("(field) => field === document.activeElement")
    nb.page.keyboard.type("utk cv")
    nb.page.keyboard.press("Delete")
    assert field.input_value() == "utk cv"
    nb.page.keyboard.press("Enter")
    widget.wait(mode="keypoint", job="idle", keypoints=1, playing="false", frame=0)
    assert len(keypoints(nb)) == 1
    assert widget.root.evaluate("(root) => root === document.activeElement")
    hostile = "<img src=x onerror=alert(1)> & “Ünïcode” 骨 " + "x" * 120
    place(widget, DISC, hostile)
    assert [found[1] for found in keypoints(nb)] == [hostile, "k1"]

    nb.page.keyboard.press("ArrowRight")
    widget.wait(frame=1, keypoints=0)
    widget.action("name-menu").click()
    menu = widget.root.get_by_role("menu", name="Names")
    assert menu.get_by_role("menuitem").all_inner_texts() == [hostile, "k1"]
    nb.screenshot("keypoints-names", widget.root)
    nb.page.keyboard.press("End")
    nb.page.keyboard.press("Enter")
    assert field.input_value() == "k1"
    place(widget, DISC)
    assert [found[:2] for found in keypoints(nb)][2:] == [[1, "k1"]]
    assert widget.root.locator("img").count() == 0


def test_the_mode_is_switched_from_a_cell_and_points_and_keypoints_keep_apart(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook, 'ann.mode = "keypoint"', 'ann.mode = "segment"')
    row = widget.root.get_by_role("group", name="Keypoints")
    widget.click(*DISC)
    assert row.is_hidden()
    nb.run(2)
    widget.wait(mode="keypoint")
    assert row.is_visible()
    # The point is seen, and not in the way of a keypoint on the same place.
    place(widget, DISC, "tip")
    widget.wait(points=1, keypoints=1)
    assert nb.py("len(ann.points[1, 'overall'][0])") == 1
    nb.run(3)
    widget.wait(mode="segment", keypoints=1)
    assert row.is_hidden()
    drag(widget, DISC, MIDDLE)
    widget.wait(pending=0, selected=0)
    assert is_at(keypoints(nb)[0], DISC)
    ((x, y, _),) = nb.py("ann.points[1, 'overall'][0].tolist()")
    assert (x, y) == pytest.approx(MIDDLE, abs=1)
    nb.screenshot("keypoints-in-segment-mode", widget.root)
    assert nb.py("[k.name for k in ann.session.live.keypoints.at(1, 0)]") == ["tip"]

    # Next time it opens in the mode it was left in.
    nb.run(2)
    widget.wait(mode="keypoint")
    nb.run(0)
    again = Widget(nb)
    again.wait(mode="keypoint", keypoints=1, frame=0)
    nb.until("ann.mode == 'keypoint'")


@pytest.mark.slow  # only for the eye
def test_keypoints_look_right_in_dark_and_in_a_narrow_cell(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    nb.py("ann.session.live.set_skeleton((('tip', 'wrist'), ('wrist', 'base')))")
    for instance, x in ((1, 0), (2, 90)):
        for name, at in (("tip", (80, 60)), ("wrist", (230, 140)), ("base", (300, 290))):
            nb.py(
                f"ann.session.add_keypoint(0, {at[0] + x}, {at[1]}, {name!r}, "
                f"{name != 'base'}, {instance})"
            )
    nb.py("ann.session.add_keypoint(0, 630, 200, 'a name at the very edge of it')")
    nb.py("setattr(ann, 'mode', 'keypoint')")
    widget.wait(keypoints=7, mode="keypoint")
    widget.press(230, 140)
    widget.wait(keypoint="wrist")
    popup = widget.root.locator(".s2w-names")
    for theme in ("dark", "light"):
        nb.theme(theme)
        for name, width in (("narrow", "380px"), ("wide", "960px")):
            widget.root.evaluate("(root, width) => { root.style.width = width }", width)
            widget.wait(keypoints=7, keypoint="wrist")
            nb.screenshot(f"keypoints-{theme}-{name}", widget.root)
            widget.action("name-menu").click()
            nb.screenshot(f"keypoints-menu-{theme}-{name}", widget.root)
            outer, inner = widget.root.bounding_box(), popup.bounding_box()
            assert outer is not None
            assert inner is not None
            assert inner["x"] >= outer["x"]
            assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
            nb.page.keyboard.press("Escape")
            widget.root.focus()
            row = widget.root.locator(".s2w-keypoint-bar").bounding_box()
            assert row is not None
            assert row["height"] < 40
