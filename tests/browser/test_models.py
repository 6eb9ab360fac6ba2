"""Models in the widget: switched by the menu, and downloaded, cancelled and failing by it."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from sam2_widget.models import nano
from tests.browser import axe
from tests.browser.test_main_job import BESIDE, BOX, DISC, SHOW, open_sample
from tests.servers import answers, serving, stalls_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook
    from tests.browser.widget import Widget
    from tests.servers import Web

NANO = nano()
TINY = "sam2.1_hiera_tiny"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """Serve nano's weights in the shape in which Meta publishes checkpoints."""
    file = io.BytesIO()
    torch.save({"model": load_file(NANO.checkpoint)}, file)
    with serving(file.getvalue()) as running:
        yield running


def catalogue(web: Web) -> str:
    """Return code that puts what is served into the kernel's catalogue, as its tiny model."""
    entry = web.entry(TINY, config=NANO.config, description="the fastest")
    return f"""import os
from sam2_widget.catalogue import CATALOGUE, Entry
for name in list(os.environ):
    if name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ["SAM2_WIDGET_CHECKPOINTS"] = "weights"
CATALOGUE[{TINY!r}] = {entry!r}
"""


def show(web: Web, notebook: OpenNotebook) -> tuple[Notebook, Widget]:
    code = catalogue(web) + SHOW.replace('model="nano"', 'device="cpu"')
    nb, widget = open_sample(notebook, show=code)
    widget.wait(model="ready", saved="true")
    return nb, widget


def row(widget: Widget, name: str) -> Locator:
    """Open the menu of models and return one of its rows."""
    widget.action("model").click()
    found = widget.root.locator(f".s2w-models [data-model='{name}']")
    found.wait_for()
    return found


def notice(widget: Widget, text: str) -> None:
    widget.root.locator(".s2w-banners .s2w-toast", has_text=text).wait_for()


def test_another_model_is_chosen_in_the_menu_and_answers_the_next_click(
    web: Web, notebook: OpenNotebook
) -> None:
    nb, widget = show(web, notebook)
    weights = nb.folder / "weights"
    weights.mkdir()
    (weights / f"{TINY}.pt").write_bytes(web.content)
    widget.click(*DISC)
    widget.wait(saved="true")

    chosen = row(widget, TINY)
    assert chosen.get_attribute("aria-checked") == "false"
    used = widget.root.locator(".s2w-models [aria-checked=true]")
    assert used.inner_text().split("\n") == ["nano", "in use on cpu"]
    axe.check(widget)
    widget.shots("models-menu")
    # By keys alone: from the model in use up to the other.
    nb.page.keyboard.press("Escape")
    nb.page.keyboard.press("Enter")
    widget.until(lambda: "s2w-item" in str(focused(nb)))
    while TINY not in str(focused(nb)):
        nb.page.keyboard.press("ArrowUp")
    nb.page.keyboard.press("Enter")
    widget.root.locator(".s2w-status", has_text="makes the masks from now on").wait_for()
    widget.root.locator(".s2w-model-name", has_text=f"{TINY} on cpu").wait_for()
    assert nb.py("ann.model") == TINY
    # The mask that is seen is the other's still.
    widget.root.locator(".s2w-facts", has_text="mask by nano").wait_for()

    widget.click(*BESIDE, button="right")
    widget.wait(saved="true", masks=1, points=2)
    assert "mask by" not in widget.root.locator(".s2w-facts").inner_text()
    assert nb.py("ann.to_dataframe()['model'].tolist()") == [TINY]
    assert nb.py("iou(0, 'disc')") > 0.5
    widget.root.focus()
    nb.page.keyboard.press("u")
    widget.wait(points=1)
    widget.root.locator(".s2w-facts", has_text="mask by nano").wait_for()

    # While it tracks, the model is seen and has its menu; another one ends the track.
    widget.action("track").click()
    widget.wait(job="running")
    chosen = row(widget, "nano")
    assert f"{TINY} on cpu" in widget.root.locator(".s2w-facts").inner_text()
    widget.root.locator(".s2w-models", has_text="Another model on disk ends this track").wait_for()
    nb.screenshot("models-tracking", widget.root)
    chosen.click()
    ended = widget.root.locator(
        ".s2w-toast", has_text="ended because the model is switched to nano"
    )
    ended.wait_for()
    widget.wait(job="idle")
    widget.root.locator(".s2w-model-name", has_text="nano on cpu").wait_for()


def focused(nb: Notebook) -> object:
    return nb.page.evaluate("() => document.activeElement?.outerHTML ?? ''")


def test_the_banner_gets_a_model_while_one_goes_on_annotating(
    web: Web, notebook: OpenNotebook
) -> None:
    size = len(web.content)
    nb, widget = show(web, notebook)
    get = widget.root.get_by_role("button", name="Get SAM 2.1 (tiny")
    widget.shots("models-banner")

    web.behaviours.append(answers(404))
    get.click()
    alert = widget.root.locator(".s2w-toasts [role=alert]")
    alert.wait_for()
    assert "HTTP 404" in alert.inner_text()
    alert.get_by_role("button", name="Dismiss").click()

    web.behaviours.append(stalls_after(size // 2))
    get.click()
    bar = widget.root.locator(
        f".s2w-download [role=progressbar][aria-valuenow='{100 * (size // 2) // size}']"
    )
    bar.wait_for()
    assert get.count() == 0
    axe.check(widget)
    widget.click(*DISC)
    assert nb.py("ann.to_dataframe()['model'].tolist()") == ["nano"]
    assert row(widget, TINY).is_disabled()
    widget.shots("models-download")
    nb.page.keyboard.press("Escape")
    widget.action("cancel-download").click()
    notice(widget, "was cancelled")
    assert nb.py("ann.model") == "nano"

    get.click()
    notice(widget, f"{TINY} is downloaded and in use.")
    widget.root.locator(".s2w-model-name", has_text=TINY).wait_for()
    assert web.ranges[-1] == f"bytes={size // 2}-"
    whole = (nb.folder / "weights" / f"{TINY}.pt").read_bytes()
    assert hashlib.sha256(whole).digest() == hashlib.sha256(web.content).digest()
    assert get.count() == 0
    widget.click(*BOX)
    assert nb.py("ann.to_dataframe()['model'].tolist()") == [TINY]
