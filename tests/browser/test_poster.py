"""The picture that a saved notebook shows where the widget cannot live."""

from __future__ import annotations

import base64
import io
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from tests.browser.notebook import OUTPUTS, SHUT_DOWN
from tests.browser.test_main_job import DISC, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook

PICTURE = "img[src^='data:image/jpeg']"
# What would tell that the widget was made anew, lost the focus, or moved.
PLACE = """(root) => {
  const { x, y, width, height } = root.getBoundingClientRect();
  const next = document.querySelectorAll(".jp-Cell")[1].getBoundingClientRect().y;
  return [root.dataset.view, document.activeElement === root, x, y, width, height, next];
}"""


def picture(nb: Notebook, cell: int = 0) -> str:
    """Return the picture beside the widget, in base64."""
    widget, beside = nb.page.evaluate(OUTPUTS, cell)
    assert "application/vnd.jupyter.widget-view+json" in widget["data"]
    text: str = beside["data"]["image/jpeg"]
    return text.strip()


def tinted(nb: Notebook) -> str:
    """Wait until the disc is tinted in the picture of frame 0, and nothing else is."""
    end = time.monotonic() + 30
    x, y = DISC[0] + 20, DISC[1] + 20
    disc, ground = nb.py(f"[ann.video[0][{y}, {x}].tolist(), ann.video[0][40, 320].tolist()]")
    while is_dot(now := picture(nb)) or np.abs(colour(now, x, y) - disc).max() < 25:
        assert time.monotonic() < end, "The picture shows no mask."
    assert np.abs(colour(now, 320, 40) - ground).max() < 6
    return now


def is_dot(text: str) -> bool:
    """Tell whether it is the dot that stands for a picture until frame 0 is stored."""
    return Image.open(io.BytesIO(base64.b64decode(text))).size == (1, 1)


def colour(text: str, x: int, y: int) -> Any:
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    # Until frame 0 is stored, the picture is a dot.
    return np.asarray(image.getpixel((min(x, image.width - 1), min(y, image.height - 1))), int)


def test_an_export_shows_the_last_annotated_frame_and_the_widget_never_notices(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook, "ann")
    widget.click(*DISC)
    widget.root.locator("[data-lanes='1']").wait_for()
    before = widget.root.evaluate(PLACE)
    shown = tinted(nb)
    assert widget.root.evaluate(PLACE) == before
    assert nb.page.locator(PICTURE).count() == 1
    assert not nb.page.locator(PICTURE).is_visible()
    assert len(shown) < 60_000

    # A frame without annotations comes on screen; a second view is the last expression of a cell.
    nb.page.keyboard.press("End")
    widget.wait(frame=59, masks=0)
    nb.run(2)
    Widget(nb, nth=1).wait(frame=59)
    assert picture(nb, 2) == shown
    nb.save()
    page, _ = HTMLExporter().from_filename(str(nb.folder / "story.ipynb"))
    assert page.count(f"data:image/jpeg;base64,{shown}") == 2

    # The kernel is gone: Jupyter says that it finds no model, and below is the picture.
    nb.page.evaluate(SHUT_DOWN)
    nb.reload()
    nb.page.get_by_text("model not found").first.wait_for()
    assert nb.page.locator(PICTURE).first.is_visible()
    assert nb.page.locator(".s2w-root").count() == 0
    nb.screenshot("poster-reopened")


@pytest.mark.slow
def test_the_exported_page_looks_right(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    tinted(nb)
    nb.save()
    page, _ = HTMLExporter().from_filename(str(nb.folder / "story.ipynb"))
    tab = nb.page.context.new_page()
    tab.set_content(page, wait_until="domcontentloaded")
    tab.locator(PICTURE).wait_for()
    tab.screenshot(path=nb.screenshot("poster-lab").with_name("poster-html.png"))
