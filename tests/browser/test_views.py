"""The widget as a guest: keys, second views, reloads, re-run cells, busy kernels, themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.test_main_job import DISC, SHOW, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

CELL_COUNT = "() => window.jupyterapp.shell.currentWidget.content.model.cells.length"

THREADS = """sorted(t.name for t in __import__('threading').enumerate()
 if t.name.startswith('sam2-widget') and not any(word in t.name for word in ("read", "picture")))"""


def test_keys_work_in_the_widget_and_never_reach_jupyter(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    cells = nb.page.evaluate(CELL_COUNT)
    widget.click(*DISC)
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        nb.page.keyboard.press(key)
    widget.wait(frame=1)
    # In Jupyter's command mode these add, cut, merge and change cells, and restart the kernel.
    for key in ("b", "a", "x", "m", "y", "0", "0", "d", "d"):
        nb.page.keyboard.press(key)
    nb.page.keyboard.press("End")
    widget.wait(frame=59)
    # The same when a button has the focus, or the crosshair.
    widget.action("track-menu").focus()
    for key in ("m", "y", "0", "0"):
        nb.page.keyboard.press(key)
    widget.root.focus()
    nb.page.keyboard.press("Home")
    widget.wait(frame=0)
    assert nb.page.evaluate(CELL_COUNT) == cells
    assert nb.page.locator(".jp-Dialog").count() == 0

    field = widget.root.locator("input.s2w-instance")
    field.fill("")
    # Digits go into the field; u and b are neither an undo nor a new cell.
    field.press_sequentially("7ub")
    field.press("Enter")
    nb.until("ann.instance == 7")
    assert nb.py("len(ann.points[1, 'overall'][0])") == 1
    assert nb.page.evaluate(CELL_COUNT) == cells


def test_a_right_click_opens_no_menu_and_is_a_negative_point(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    widget.click(400, 60, button="right")
    assert nb.py("ann.points[1, 'overall'][0][:, 2].tolist()") == [1, 0]
    widget.root.locator(".s2w-status").click(button="right")
    assert nb.page.locator(".lm-Menu").count() == 0


def test_two_views_and_a_later_annotator_show_the_same(notebook: OpenNotebook) -> None:
    nb, first = open_sample(
        notebook, "ann", SHOW.replace("ann =", "later =").replace("ann.", "later.")
    )
    first.click(*DISC)
    nb.run(2)
    second = Widget(nb, nth=1)
    second.wait(frame=0, masks=1, points=1)
    second.click(500, 60, button="right")
    first.wait(points=2)
    nb.run(3)
    third = Widget(nb, nth=2)
    third.wait(frame=0, masks=1, points=2)
    assert nb.py("later.session.live is ann.session.live")
    third.click(450, 60, button="right")
    first.wait(points=3)
    second.wait(points=3)
    nb.page.keyboard.press("u")
    first.wait(points=2)


def test_a_reloaded_page_shows_the_same_and_goes_on(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    nb.save()
    nb.reload()
    widget.wait(frame=0, masks=1, points=1)
    widget.click(450, 60, button="right")
    assert nb.py("len(ann.points[1, 'overall'][0])") == 2


def test_running_the_cell_again_leaks_no_thread_model_or_listener(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    threads = nb.py(THREADS)
    for _ in range(3):
        nb.run(0)
        widget.wait(frame=0, masks=1, points=1)
    nb.until("ann.session.live.dispatcher.listeners == 1")
    assert nb.py(THREADS) == threads
    models = "sum(type(o).__name__ == 'SAM2VideoPredictor' for o in __import__('gc').get_objects())"
    assert nb.py(models) == 1
    widget.click(450, 60, button="right")
    assert nb.py("len(ann.points[1, 'overall'][0])") == 2


def test_clicks_and_scrubbing_work_while_a_cell_runs(notebook: OpenNotebook) -> None:
    busy = "import pathlib, time\nwhile not pathlib.Path('stop').exists(): time.sleep(0.01)"
    nb, widget = open_sample(notebook, busy)
    widget.click(*DISC)
    nb.start(2)
    widget.click(450, 60, button="right")
    nb.page.keyboard.press("ArrowRight")
    widget.wait(frame=1, points=0)
    nb.page.keyboard.press("ArrowLeft")
    widget.wait(frame=0, points=2)
    (nb.folder / "stop").touch()
    nb.finish(2)
    assert nb.py("len(ann.points[1, 'overall'][0])") == 2


def test_a_change_in_a_cell_shows_in_the_widget(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    nb.py("ann.session.add_points(0, [(128, 108, 1), (300, 60, 0)]) is not None")
    widget.wait(masks=1, points=2)
    nb.py("ann.session.undo()")
    widget.wait(masks=0, points=0)


def test_the_banner_says_that_nano_is_a_preview_and_how_to_get_more(
    notebook: OpenNotebook,
) -> None:
    nb = notebook([SHOW.replace(', model="nano"', "")])
    nb.run(0)
    widget = Widget(nb)
    widget.wait(frame=0, model="ready")
    banner = widget.root.locator(".s2w-banners")
    assert "preview model" in banner.inner_text()
    assert "sw.models.download" in banner.inner_text()
    nb.screenshot("banner-light", widget.root)
    nb.theme("dark")
    nb.screenshot("banner-dark")


def test_it_looks_right_in_dark_and_light_narrow_and_wide(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    widget.click(DISC[0], 300, button="right")
    for theme in ("dark", "light"):
        nb.theme(theme)  # type: ignore[arg-type]
        for name, width in (("narrow", 700), ("wide", 1900)):
            nb.resize(width, 1000)
            widget.wait(masks=1)
            box = widget.root.bounding_box()
            inner = widget.canvas.bounding_box()
            assert box is not None
            assert inner is not None
            assert inner["x"] >= box["x"]
            assert inner["x"] + inner["width"] <= box["x"] + box["width"] + 1
            assert abs(inner["width"] / inner["height"] - 640 / 360) < 0.02
            nb.screenshot(f"look-{theme}-{name}")


def test_it_plays_at_the_speed_of_the_video_and_stops(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.action("play").click()
    nb.page.wait_for_function(
        "(root) => Number(root.dataset.frame) >= 10", arg=widget.root.element_handle()
    )
    widget.root.focus()
    nb.page.keyboard.press("Space")
    widget.wait(playing="false")
    frame = int(widget.data("frame"))
    assert 10 <= frame < 60
    nb.until(f"ann.frame_index == {frame}")


def test_a_portrait_video_fits(notebook: OpenNotebook) -> None:
    nb = notebook(
        [
            "import numpy as np, sam2_widget as sw\n"
            "frames = np.full((4, 480, 270, 3), 90, np.uint8)\n"
            "frames[:, 100:200, 80:180] = (240, 200, 40)\n"
            "ann = sw.Annotator(frames, model='nano', name='portrait')\n"
            "ann.show()"
        ]
    )
    nb.run(0)
    widget = Widget(nb, 270, 480)
    widget.wait(frame=0)
    widget.click(130, 150)
    widget.wait(masks=1)
    box = widget.canvas.bounding_box()
    assert box is not None
    x, y, scale = widget.viewport
    assert box["height"] == pytest.approx(480 * scale + 2 * y, abs=1)
    assert box["width"] == pytest.approx(270 * scale + 2 * x, abs=1)
    assert box["height"] <= 640
    nb.screenshot("portrait")


def test_a_model_that_cannot_be_loaded_says_why_and_what_to_do(notebook: OpenNotebook) -> None:
    nb = notebook(
        [
            "import pathlib, sam2_widget as sw\n"
            "pathlib.Path('broken.pt').write_bytes(b'not weights')\n"
            "ann = sw.Annotator(sw.sample_clip(), model='broken.pt',\n"
            "                   config='configs/sam2.1/sam2.1_hiera_t.yaml')\n"
            "ann.show()"
        ]
    )
    nb.run(0)
    widget = Widget(nb)
    widget.wait(frame=0, model="failed")
    assert "download it again" in widget.root.locator(".s2w-banners").inner_text()
    widget.press(*DISC)
    toast = widget.root.locator(".s2w-toasts")
    toast.get_by_text("broken.pt").wait_for()
    widget.wait(points=0, pending=0)
    nb.screenshot("model-failed", widget.root)
