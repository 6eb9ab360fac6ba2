"""Pictures of all that a designer wants to see, in both themes; nothing but pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from tests.browser.test_brush import PORTRAIT
from tests.browser.test_main_job import BOX, DISC, SHOW
from tests.browser.test_timeline import JUMP
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook

ELLIPSE = (240.0, 292.0)
SKELETON = SHOW.replace(
    'model="nano"', 'model="nano", skeleton=[("tip", "wrist"), ("wrist", "base")]'
)
BROKEN = """from pathlib import Path
import sam2_widget as sw
Path("broken.pt").write_bytes(b"not a checkpoint")
ann = sw.Annotator(sw.sample_clip(), model="broken.pt", config="configs/sam2.1/sam2.1_hiera_t.yaml")
ann.show()"""
PLACES = {"tip": (470, 150), "wrist": (510, 200), "base": (560, 240)}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_widget_in_all_its_states(
    notebook: OpenNotebook, theme: Literal["light", "dark"]
) -> None:
    nb = notebook([SKELETON])
    nb.resize(1400, 1100)
    nb.theme(theme)
    nb.run(0)
    widget = Widget(nb)
    widget.wait(frame=0, model="ready")
    shoot(nb, widget, "empty", theme)
    widget.click(*DISC)
    shoot(nb, widget, "first-click", theme)
    for instance, place in ((2, BOX), (3, ELLIPSE)):
        field = widget.root.locator("input.s2w-instance")
        field.fill(str(instance))
        field.press("Enter")
        widget.click(*place)
    widget.action("track-all").click()
    nb.until("len(ann.masks[3, 'overall'].frames) > 25")
    shoot(nb, widget, "tracking", theme)
    widget.wait(job="idle")
    widget.go_to(30)
    widget.wait(masks=3)
    shoot(nb, widget, "tracked", theme)
    widget.click(320, 40, button="right")
    shoot(nb, widget, "stale", theme)
    nb.page.keyboard.press("u")
    widget.wait(pending=0, points=0)
    nb.page.keyboard.press("Home")
    nb.py("setattr(ann, 'instance', 2)")
    nb.py("setattr(ann, 'mode', 'keypoint')")
    for name, (x, y) in PLACES.items():
        nb.py(f"ann.session.add_keypoint(0, {x}, {y}, {name!r}, instance=2)")
    widget.wait(frame=0, keypoints=3)
    shoot(nb, widget, "keypoints", theme)
    widget.root.evaluate("(root) => { root.style.width = '400px' }")
    widget.wait(keypoints=3)
    shoot(nb, widget, "narrow", theme)
    widget.root.evaluate("(root) => { root.style.width = '' }")
    nb.page.keyboard.press("?")
    widget.root.get_by_role("dialog").wait_for()
    nb.screenshot(f"gallery-help-{theme}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_suspect_frame_a_portrait_and_an_error(
    notebook: OpenNotebook, theme: Literal["light", "dark"]
) -> None:
    nb = notebook([JUMP, PORTRAIT, BROKEN])
    nb.resize(1400, 1100)
    nb.theme(theme)
    nb.run(0)
    widget = Widget(nb, width=320, height=240)
    widget.wait(frame=0, masks=0)
    widget.click(70, 80)
    widget.action("track").click()
    nb.until("len(ann.masks[1, 'overall'].frames) == 40")
    widget.until(lambda: widget.action("next-suspect").is_enabled())
    nb.page.keyboard.press("n")
    widget.until(lambda: widget.data("frame") != "0")
    shoot(nb, widget, "suspect", theme)
    nb.run(1)
    portrait = Widget(nb, width=270, height=480, nth=1)
    portrait.wait(frame=0)
    portrait.click(135, 240)
    shoot(nb, portrait, "portrait", theme)
    nb.run(2)
    broken = Widget(nb, nth=2)
    broken.wait(model="failed", frame=0)
    shoot(nb, broken, "error", theme)


def shoot(nb: Notebook, widget: Widget, name: str, theme: str) -> None:
    nb.screenshot(f"gallery-{name}-{theme}", widget.root)
