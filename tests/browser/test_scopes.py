"""The list of scopes: instances and regions are added, named, coloured, hidden and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.test_main_job import BESIDE, BOX, DISC, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook

HOSTILE = 'Left <img src=x onerror="boom()"> & "hand"'
SAVED = "__import__('json').loads((ann.session.folder / 'project.json').read_text('utf-8'))"
INSIDE = (DISC[0] + 20, DISC[1] + 20)
STATE = "[int(ann.masks[s].areas().sum()) for s in ann.scopes]"


def scope(widget: Widget, instance: int, region: str = "overall") -> Locator:
    """Return the line of a scope in the list."""
    name = widget.root.locator(".s2w-object").filter(
        has=widget.root.page.get_by_role("button", name=f"Delete instance {instance}", exact=True)
    )
    return name.locator(".s2w-scope").filter(has_text=region)


def head(widget: Widget, instance: int) -> Locator:
    """Return the head of an instance in the list."""
    return widget.root.locator(".s2w-object-head").filter(
        has=widget.root.page.get_by_role("button", name=f"Delete instance {instance}", exact=True)
    )


def take(widget: Widget, instance: int) -> None:
    """Type the number of an instance."""
    field = widget.root.locator("input.s2w-instance")
    field.fill(str(instance))
    field.press("Enter")
    widget.notebook.until(f"ann.instance == {instance}")


def status(widget: Widget) -> Locator:
    return widget.root.locator(".s2w-status")


def test_an_instance_is_added_by_typing_and_named_with_markup(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    nb.screenshot("scopes-one", widget.root)
    take(widget, 2)
    assert scope(widget, 2).get_by_text("nothing yet").is_visible()
    widget.click(*BOX)
    scope(widget, 2).get_by_text("1 prompt, 1 mask").wait_for()

    widget.root.focus()
    nb.page.keyboard.press("F2")
    field = widget.root.get_by_label("Name of instance 2")
    field.wait_for()
    # The keys of the widget are the field's now: no undo, no track, no clearing.
    nb.page.keyboard.type("utc")
    nb.page.keyboard.press("Escape")
    field.wait_for(state="detached")
    assert nb.py("ann.session.instance_names") == {}
    assert nb.py("len(ann.scopes)") == 2

    head(widget, 2).get_by_role("button", name="Rename").click()
    field.fill(HOSTILE)
    nb.screenshot("scopes-renaming", widget.root)
    field.press("Enter")
    field.wait_for(state="detached")
    head(widget, 2).get_by_text(HOSTILE).wait_for()
    assert widget.root.locator("img").count() == 0
    assert nb.py("ann.session.instance_names") == {"2": HOSTILE}
    assert nb.py(f"{SAVED}['instances']") == [{"id": 2, "name": HOSTILE}]
    beside = widget.root.locator(".s2w-instance-name")
    assert (beside.inner_text(), beside.get_attribute("title")) == (HOSTILE, HOSTILE)
    nb.screenshot("scopes-named", widget.root)

    nb.page.keyboard.press("u")
    status(widget).get_by_text("Undone: name of instance 2").wait_for()
    assert nb.py("ann.session.instance_names") == {}
    nb.until("'instances' not in " + SAVED)
    nb.page.keyboard.press("Control+Shift+z")
    head(widget, 2).get_by_text(HOSTILE).wait_for()
    # A cell can do it too.
    nb.py("ann.session.rename_instance(2, 'Right')")
    head(widget, 2).get_by_text("Right").wait_for()


def test_a_region_is_named_from_its_picker(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    picker = widget.root.locator(".s2w-region")
    picker.select_option("Rename region…")
    field = widget.root.get_by_label("Name of the region overall")
    field.fill("x" * 301)
    field.press("Enter")
    status(widget).get_by_text("up to 300 characters").wait_for()
    field.fill("Ganzes Gerät")
    field.press("Enter")
    field.wait_for(state="detached")
    assert picker.locator("option:checked").inner_text() == "Ganzes Gerät"
    assert nb.py("ann.session.region_names['overall']") == "Ganzes Gerät"
    nb.until("ann.region == 'overall'")
    # Files keep the id.
    assert (nb.folder / "outputs/sample/instance1/masks_overall/00000.png").is_file()
    widget.root.locator(".s2w-scope-name").focus()
    nb.page.keyboard.press("F2")
    field.fill("")
    field.press("Enter")
    nb.until("ann.session.region_names['overall'] == 'overall'")


def test_a_colour_of_ones_own_is_painted_and_taken_back(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    painted, before = widget.pixels(), widget.colour(*INSIDE, half=4)
    row = scope(widget, 1)
    reset = row.get_by_role("button", name="Default colour")
    assert not reset.is_visible()

    row.get_by_role("textbox", name="Colour of").fill("#ff0000")
    nb.until("ann.session.color(1, 'overall') == '#ff0000'")
    reset.wait_for()
    nb.page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before",
        arg=[widget.canvas.element_handle(), painted],
    )
    after = widget.colour(*INSIDE, half=4)
    assert after[0] > before[0] + 20
    assert after[1] < before[1] - 20
    assert nb.py(f"{SAVED}['colors']") == [{"instance": 1, "region": "overall", "color": "#ff0000"}]
    nb.screenshot("scopes-colour", widget.root)
    # Keys are the widget's again.
    nb.page.keyboard.press("ArrowRight")
    widget.wait(frame=1, masks=0)
    nb.page.keyboard.press("ArrowLeft")
    widget.wait(frame=0, masks=1)

    reset.click()
    reset.wait_for(state="hidden")
    nb.page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() === before",
        arg=[widget.canvas.element_handle(), painted],
    )


def test_what_is_hidden_stays_hidden_in_a_new_kernel(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    place = [int(INSIDE[0]), int(INSIDE[1])]
    assert widget.is_tinted(nb, 0, place)
    scope(widget, 1).get_by_role("button", name="Hide").click()
    widget.wait(masks=0, points=0)
    assert not widget.is_tinted(nb, 0, place)
    nb.until("ann.hidden == [(1, 'overall')]")
    nb.screenshot("scopes-hidden", widget.root)

    nb.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()"
    )
    nb.run(0)
    again = Widget(nb)
    again.wait(frame=0, masks=0, points=0, model="ready")
    nb.until("ann.hidden == [(1, 'overall')]")
    assert nb.py("len(ann.points[1, 'overall'][0])") == 1
    assert not again.is_tinted(nb, 0, place)
    scope(again, 1).get_by_role("button", name="Show").click()
    again.wait(masks=1, points=1)
    assert again.is_tinted(nb, 0, place)
    nb.py("setattr(ann, 'hidden', [(1, 'overall')])")
    again.wait(masks=0)


def test_undo_brings_back_a_deleted_instance_on_screen_and_on_disk(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    picker = widget.root.locator(".s2w-region")
    picker.select_option("shaft")
    widget.click(*BOX)
    nb.py("ann.session.add_keypoint(3, 50, 60, 'tip')")
    nb.py("ann.session.rename_instance(1, 'Tool')")
    take(widget, 2)
    widget.click(*BESIDE, button="right")
    scope(widget, 1, "overall").get_by_role("button", name="Annotate").click()
    nb.until("(ann.instance, ann.region) == (1, 'overall')")
    head(widget, 1).get_by_text("Tool").wait_for()
    painted, before = widget.pixels(), nb.py(STATE)
    shown = {key: widget.data(key) for key in ("masks", "points")}
    folder = nb.folder / "outputs/sample/instance1"
    pngs = {path: path.read_bytes() for path in folder.rglob("*.png")}
    assert len(pngs) == 2

    head(widget, 1).get_by_role("button", name="Delete instance 1").click()
    status(widget).get_by_text("Deleted instance 1 Tool. Undo brings it back.").wait_for()
    widget.wait(pending=0, points=1)
    assert nb.py("[list(ann.scopes), list(ann.keypoints)]") == [[[2, "shaft"]], []]
    assert not any(path.exists() for path in pngs)
    nb.screenshot("scopes-deleted", widget.root)

    nb.page.keyboard.press("u")
    widget.wait(pending=0, **shown)
    status(widget).get_by_text("Undone: deletion of instance 1").wait_for()
    assert nb.py(STATE) == before
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == pngs
    assert nb.py("ann.keypoints[1][0]['name']") == "tip"
    head(widget, 1).get_by_text("Tool").wait_for()
    nb.until("(ann.instance, ann.region) == (1, 'overall')")
    assert widget.pixels() == painted


def test_undoing_a_new_region_leaves_it_in_the_widget_and_in_python(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook)
    widget.wait(model="ready")
    widget.root.locator(".s2w-region").select_option("New region…")
    field = widget.root.locator(".s2w-new-region")
    field.fill("tip-2")
    field.press("Enter")
    nb.until("ann.region == 'tip-2'")
    nb.page.keyboard.press("u")
    nb.until("ann.region == 'overall'")
    assert nb.py("'tip-2' in ann.session.regions") is False
    nb.page.keyboard.press("Control+y")
    nb.until("ann.region == 'tip-2'")


MANY = """names = ['Left hand', '', 'x' * 300, '\\u05d9\\u05d3', '\\U0001f9a0' * 40]
for i in range(1, 11):
    for n, region in enumerate(ann.session.regions if i < 4 else ann.session.regions[:1]):
        ann.session.add_point(0, 40 + 20 * i, 60 + 60 * n, instance=i, region=region)
    ann.session.rename_instance(i, names[i % 5])
ann.session.rename_region('shaft', 'Schaft mit einem langen Namen, der nirgends ganz hineinpasst')
ann.session.set_color(2, 'wrist', '#ff00aa')
ann.session.track([(1, 'overall'), (2, 'overall'), (2, 'shaft')], stop=3).wait()
ann.session.add_point(0, 300, 300, instance=2, region='shaft')
ann.hidden = [(3, 'overall'), (3, 'shaft'), (3, 'wrist'), (3, 'gripper')]"""


def fits(widget: Widget) -> None:
    """Check that nothing of the list leaves the widget, and that it is no taller than it may be."""
    outer = widget.root.bounding_box()
    inner = widget.root.locator(".s2w-list").bounding_box()
    assert outer is not None
    assert inner is not None
    assert inner["height"] <= 242
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    wide = "(list) => list.scrollWidth - list.clientWidth"
    assert widget.root.locator(".s2w-list").evaluate(wide) == 0


def test_ten_instances_make_a_list_that_scrolls_and_switches_at_once(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook, MANY)
    nb.run(2)
    scope(widget, 10).wait_for(state="attached")
    assert widget.root.locator(".s2w-object").count() == 10
    assert widget.root.locator(".s2w-scope").count() == 19
    for theme in ("dark", "light"):
        nb.theme(theme)  # type: ignore[arg-type]
        for name, width in (("narrow", "380px"), ("wide", "960px")):
            widget.root.evaluate("(root, width) => { root.style.width = width }", width)
            widget.wait(frame=0)
            fits(widget)
            nb.screenshot(f"scopes-many-{theme}-{name}", widget.root)
    scope(widget, 2, "Schaft").get_by_text("2 stale").wait_for()
    assert "fresh" in scope(widget, 2, "overall").inner_text()

    # A click selects, and the row is in sight when the choice is made elsewhere.
    scope(widget, 2, "wrist").get_by_role("button", name="Annotate").click()
    nb.until("(ann.instance, ann.region) == (2, 'wrist')")
    nb.py("setattr(ann, 'instance', 10) or setattr(ann, 'region', 'overall')")
    row = scope(widget, 10)
    nb.page.wait_for_function(
        "(row) => row.dataset.current === 'true' && "
        "row.getBoundingClientRect().bottom <= "
        "row.closest('.s2w-list').getBoundingClientRect().bottom",
        arg=row.element_handle(),
    )
    nb.screenshot("scopes-many-last", widget.root)

    # By keys: up from the last to the one before.
    row.get_by_role("button", name="Annotate").focus()
    nb.page.keyboard.press("ArrowUp")
    nb.page.keyboard.press("Enter")
    nb.until("ann.instance == 9")

    eye = head(widget, 3).get_by_role("button", name="Show all of instance 3")
    eye.click()
    nb.until("ann.hidden == []")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_one_object_takes_one_line(notebook: OpenNotebook, theme: str) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    nb.theme(theme)  # type: ignore[arg-type]
    for name, width in (("narrow", "380px"), ("wide", "960px")):
        widget.root.evaluate("(root, width) => { root.style.width = width }", width)
        widget.wait(masks=1)
        fits(widget)
        box = widget.root.locator(".s2w-list").bounding_box()
        assert box is not None
        assert box["height"] <= 32
        nb.screenshot(f"scopes-one-{theme}-{name}", widget.root)
