"""For everybody: annotating by keyboard alone, and what axe-core has to say of each state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.test_main_job import BESIDE, BOX, DISC, open_sample
from tests.browser.test_picker import chooser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook
    from tests.browser.widget import Widget

CORNER = (620, 20)
PICKER = "sw.Annotator().show()"
# Lines and icons that tell where something is or how it stands: axe looks at text only.
LINES = [("edge", "bg"), ("edge", "well"), ("focus", "bg"), ("primary", "bg"), ("muted", "well")]
State: TypeAlias = "tuple[str, Callable[[], object], Callable[[], object]]"
STEP = 8
FOCUSED = """() => {
  const { activeElement: e } = document;
  return [e.dataset.action ?? "", e.className, e.getAttribute("role") ?? ""];
}"""


def press(nb: Notebook, *keys: str) -> None:
    for key in keys:
        nb.page.keyboard.press(key)


def go(nb: Notebook, widget: Widget, to: tuple[int, int]) -> None:
    """Move the crosshair to a pixel with arrow keys, in steps first and then pixel by pixel."""
    x, y = (int(part) for part in widget.data("crosshair").split(","))
    for distance, forth, back in (
        (to[0] - x, "ArrowRight", "ArrowLeft"),
        (to[1] - y, "ArrowDown", "ArrowUp"),
    ):
        key = forth if distance > 0 else back
        steps, pixels = divmod(abs(distance), STEP)
        press(nb, *[key] * steps, *[f"Shift+{key}"] * pixels)
    widget.wait(crosshair=f"{to[0]},{to[1]}")


def is_focused(nb: Notebook, what: str) -> bool:
    return what in nb.page.evaluate(FOCUSED)


def test_a_video_is_annotated_by_keyboard_alone(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    spoken = widget.root.locator("> .s2w-spoken")
    # Out of the widget and back into it, as one comes by from the rest of the page.
    widget.root.focus()
    press(nb, "Shift+Tab")
    assert not is_focused(nb, "s2w-root")
    tab_to(nb, "s2w-root")

    press(nb, "a")
    widget.wait(crosshair="320,180")
    assert is_focused(nb, "application")
    plain = widget.colour(*CORNER)
    press(nb, "ArrowLeft", "Shift+ArrowUp")
    widget.wait(crosshair="312,179", frame=0)
    go(nb, widget, DISC)
    # White between dark lines, on the dark disc.
    assert min(widget.colour(DISC[0] + 7, DISC[1] + 0.5, half=0.5)) > 180
    expect(spoken).to_contain_text("x 128, y 108, no mask of 1 · overall")

    press(nb, "Enter")
    widget.wait(points=1, masks=1, pending=0)
    assert nb.py("ann.points[1, 'overall'][0].tolist()") == [[128.5, 108.5, 1]]
    assert nb.py("iou(0)") > 0.9
    assert widget.is_tinted(nb, 0, [DISC[0] + 20, DISC[1] + 20])
    assert widget.colour(*CORNER) == plain
    expect(spoken).to_contain_text("on 1 · overall, at a positive point")
    expect(widget.canvas).to_have_attribute(
        "aria-label", "Frame 0 of 59. 1 · overall: a mask, 1 positive point."
    )
    nb.screenshot("access-crosshair", widget.root)

    go(nb, widget, BESIDE)
    press(nb, "Shift+Enter")
    widget.wait(points=2, pending=0, selected=1)
    assert nb.py("ann.points[1, 'overall'][0][1].tolist()") == [300.5, 60.5, 0]
    press(nb, "Delete")
    widget.wait(points=1, pending=0, selected="")

    # The crosshair keeps the arrow keys; the tools, their names and the menus come by keys too.
    press(nb, "k", "l")
    nb.page.keyboard.type("tip")
    press(nb, "Enter")
    assert is_focused(nb, "application")
    go(nb, widget, BOX)
    press(nb, "Enter")
    widget.wait(keypoints=1, pending=0, keypoint="tip")
    assert nb.py("[(k['name'], k['x'], k['y']) for k in ann.keypoints[1]]") == [
        ["tip", 506.5, 198.5]
    ]
    press(nb, "p", "Escape")
    widget.wait(crosshair="", mode="segment")
    press(nb, "ArrowRight")
    widget.wait(frame=1, masks=0)
    expect(spoken).to_contain_text("Frame 1, no mask of 1 · overall")

    tab_to(nb, "track-menu")
    press(nb, "Enter", "ArrowDown")
    nb.screenshot("access-menu", widget.root)
    press(nb, "Tab")
    # The edge of the picture comes next.
    assert is_focused(nb, "s2w-size-handle")
    press(nb, "t")
    nb.until("len(ann.masks[1, 'overall'].frames) == 60")
    widget.wait(job="idle", masks=1, frame=1)
    expect(spoken).to_contain_text("Tracking has ended.")
    press(nb, "Control+s")
    widget.wait(saved="true")
    expect(widget.root.locator(".s2w-status")).to_contain_text("Saved")
    assert len(list((nb.folder / "outputs/sample/instance1/masks_overall").glob("*.png"))) == 60


def tab_to(nb: Notebook, action: str) -> None:
    """Press Tab until the button of an action has the focus."""
    for _ in range(40):
        if is_focused(nb, action):
            return
        press(nb, "Tab")
    pytest.fail(f"Tab never came to {action}; it ended at {nb.page.evaluate(FOCUSED)}.")


def test_axe_finds_nothing_in_any_state_in_both_themes(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook, PICKER)
    axe.check(widget)
    widget.click(*DISC)
    widget.root.locator(".s2w-instance").fill("2")
    nb.until("ann.instance == 2")
    widget.click(*BOX)
    widget.root.locator(".s2w-scope .s2w-eye").first.click()
    widget.wait(masks=1)
    exported, broken = nb.folder / "all.json", nb.folder / "broken.json"
    exported.write_text(json.dumps(nb.py("ann.session.export_json(pixels=True)")))
    broken.write_text("no JSON")
    (nb.folder / "videos").mkdir()
    (nb.folder / "videos" / "one.mp4").touch()
    nb.run(2)
    picker = chooser(nb, nth=1)
    for theme in ("light", "dark"):
        nb.theme(theme)
        for name, enter, leave in states(widget, exported, broken):
            enter()
            nb.screenshot(f"access-{theme}-{name}", widget.root)
            axe.check(widget)
            leave()
        for width in ("420px", ""):
            widget.root.evaluate("(root, width) => { root.style.width = width }", width)
            assert widget.root.evaluate("(root) => root.scrollWidth <= root.clientWidth")
            nb.screenshot(f"access-{theme}-width-{width}", widget.root)
            axe.check(widget)
        axe.check(picker)
        ratios = dict(zip(LINES, axe.contrast(widget.root, *LINES), strict=True))
        assert {pair: ratio for pair, ratio in ratios.items() if ratio < 3} == {}


def states(widget: Widget, exported: Path, broken: Path) -> list[State]:
    """Return names of states, how to come into each and how to leave it again."""
    nb, root = widget.notebook, widget.root

    def keys(*names: str) -> Callable[[], None]:
        return lambda: press(nb, *names)

    def load(file: Path, shown: str) -> Callable[[], None]:
        def choose() -> None:
            root.locator(".s2w-files input[type=file]").set_input_files(file)
            root.locator(shown).wait_for()

        return choose

    return [
        ("list", root.focus, keys()),
        ("menu", widget.action("track-menu").click, keys("Escape")),
        ("range", keys("Enter", "End", "ArrowUp", "Enter"), keys("Escape")),
        ("export", widget.action("export").click, keys("Escape", "Escape")),
        ("display", widget.action("display").click, keys("Escape")),
        ("help", keys("?"), keys("Escape")),
        ("keypoints", keys("k"), keys("p")),
        ("brush", keys("d"), keys("p")),
        ("crosshair", keys("a"), keys("a")),
        ("load", load(exported, ".s2w-load"), keys("Escape")),
        ("error", load(broken, ".s2w-error"), root.locator(".s2w-toast-close").first.click),
    ]
