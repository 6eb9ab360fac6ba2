"""Files in the widget: save, changes by others, export, load, and a project held elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.test_editing import is_marker
from tests.browser.test_main_job import BESIDE, BOX, DISC, open_sample
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "outputs/sample"

HOLDER = """
import sys
from pathlib import Path
from sam2_widget.locking import ProjectLock

lock = ProjectLock(Path(sys.argv[1]))
print(lock.try_again(), flush=True)
sys.stdin.read()
"""


def status(widget: Widget, text: str) -> None:
    """Wait until the status line holds a text."""
    widget.root.locator(".s2w-status", has_text=text).wait_for()


def item(widget: Widget, menu: str, text: str) -> Locator:
    """Open a menu of files and return one of its items."""
    widget.action(menu).click()
    return widget.root.get_by_role("menuitem", name=text)


def masks(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all masks on disk."""
    found = sorted((folder / PROJECT).glob("instance*/masks_*/*.png"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def export(nb: Notebook, widget: Widget, text: str) -> Path:
    """Export by the menu and return the file that the browser saved."""
    with nb.page.expect_download() as waiting:
        item(widget, "export", text).click()
    path = nb.folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def choose(nb: Notebook, widget: Widget, path: Path) -> Locator:
    """Load a file by the menu and return the panel that asks how."""
    with nb.page.expect_file_chooser() as waiting:
        item(widget, "load", "Load an exported file").click()
    waiting.value.set_files(path)
    panel = widget.root.locator(".s2w-load")
    panel.wait_for()
    return panel


def test_save_tells_where_and_its_key_saves_the_notebook_too(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    widget.action("save").click()
    status(widget, f"Saved in {PROJECT}.")

    widget.click(*BESIDE, button="right")
    before = (nb.folder / "story.ipynb").read_bytes()
    widget.root.focus()
    nb.page.keyboard.press("ControlOrMeta+s")
    status(widget, f"Saved in {PROJECT}.")
    nb.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    assert (nb.folder / "story.ipynb").read_bytes() != before


def test_a_script_that_moves_a_point_wins_over_the_next_click_and_load_shows_it(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    widget.wait(saved="true")
    path = nb.folder / PROJECT / "instance1/points_overall.json"
    content = json.loads(path.read_bytes())
    content["prompts"][0] |= {"x": BOX[0], "y": BOX[1]}
    path.write_text(json.dumps(content))
    theirs = path.read_bytes()

    widget.press(*BESIDE, button="right")
    toast = widget.root.locator(".s2w-toasts [role=alert]")
    toast.wait_for()
    assert "points_overall.json was changed by another program" in toast.inner_text()
    widget.wait(pending=0, points=1)
    nb.screenshot("files-changed", widget.root)
    assert path.read_bytes() == theirs
    assert nb.py("len(ann.points[1, 'overall'][0])") == 1

    item(widget, "load", "Read the project's files again").click()
    status(widget, "read again")
    assert nb.py("ann.points[1, 'overall'][0].tolist()") == [[BOX[0], BOX[1], 1]]
    # The model makes its mask anew, and both are painted when they have come.
    nb.until("iou(0, 'box') > 0.8")
    widget.until(lambda: is_marker(widget, BOX) and not is_marker(widget, DISC))
    widget.wait(points=1, masks=1)
    assert toast.count() == 0
    widget.click(*BESIDE, button="right")


def test_what_was_exported_comes_back_bit_for_bit_after_everything_was_cleared(
    notebook: OpenNotebook,
) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    nb.py("ann.session.track(stop=4).wait()")
    nb.py("ann.session.add_keypoint(0, 20, 30, 'tip')")
    before = masks(nb.folder)
    assert len(before) == 4
    widget.action("export").click()
    widget.shots("files-export-menu")
    widget.action("export").click()
    file = export(nb, widget, "Everything (JSON)")
    status(widget, "Exported sample.json.")
    content: dict[str, Any] = json.loads(file.read_bytes())
    (scope,) = content["scopes"]
    assert len(scope["prompts"]) == 1
    assert [record["frame_index"] for record in scope["records"]] == [0, 1, 2, 3]
    assert content["keypoints"][0]["keypoints"][0]["name"] == "tip"

    nb.py("ann.session.delete_instance(1)")
    widget.wait(points=0, masks=0)
    assert masks(nb.folder) == {}
    widget.action("load").click()
    widget.shots("files-load-menu")
    widget.action("load").click()
    panel = choose(nb, widget, file)
    assert panel.locator(".s2w-load-title").inner_text() == "sample.json, an export of everything."
    assert panel.locator("[aria-label=Merge] li").all_inner_texts() == [
        "Adds 1 point on 1 frame of instance 1, overall.",
        "Adds the masks of 4 frames of instance 1, overall.",
        "Adds 1 keypoint of instance 1.",
    ]
    widget.shots("files-load-panel")
    panel.get_by_role("button", name="Replace").click()
    widget.wait(points=1, masks=1)
    status(widget, "Replaced.")
    assert masks(nb.folder) == before
    assert is_marker(widget, DISC)
    assert nb.py("ann.session.is_stale(3)") is False
    assert not (nb.folder / PROJECT / ".uploads").exists()

    widget.root.focus()
    nb.page.keyboard.press("u")
    widget.wait(points=0, masks=0)
    assert masks(nb.folder) == {}
    status(widget, "Undone: loading of sample.json")


def test_merging_asks_first_keeps_the_rest_and_can_be_given_up(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    prompts = [{"frame_index": 0, "x": BOX[0], "y": BOX[1], "label": 1}]
    file = nb.folder / "<b>points.json"
    file.write_text(json.dumps({"instance_id": 2, "region": "tail", "prompts": prompts}))

    panel = choose(nb, widget, file)
    assert "the prompts of instance 2, tail" in panel.inner_text()
    panel.get_by_role("button", name="Cancel").click()
    panel.wait_for(state="hidden")
    assert nb.py("ann.scopes") == [[1, "overall"]]

    panel = choose(nb, widget, file)
    assert panel.locator("[aria-label=Merge] li").all_inner_texts() == [
        "Adds the region tail.",
        "Adds 1 point on 1 frame of instance 2, tail.",
        "Has the model make the masks of 1 frame of instance 2, tail.",
    ]
    panel.get_by_role("button", name="Merge").click()
    widget.wait(points=2, masks=2)
    status(widget, "Merged.")
    assert nb.py("ann.scopes") == [[1, "overall"], [2, "tail"]]
    assert nb.py("iou(0, 'box', (2, 'tail'))") > 0.8

    file.write_text("{}")
    with nb.page.expect_file_chooser() as waiting:
        item(widget, "load", "Load an exported file").click()
    waiting.value.set_files(file)
    alert = widget.root.locator(".s2w-toasts [role=alert]")
    alert.wait_for()
    assert "holds no annotations" in alert.inner_text()


def test_one_object_is_exported_in_the_original_tools_shape(notebook: OpenNotebook) -> None:
    nb, widget = open_sample(notebook)
    widget.click(*DISC)
    widget.click(*BESIDE, button="right")
    file = export(nb, widget, "This object")
    assert file.name == "sample.instance1.points_overall.json"
    content = json.loads(file.read_bytes())
    assert content["video_id"] == "sample"
    assert (content["instance_id"], content["region"]) == (1, "overall")
    assert content["num_frames"] == nb.py("len(ann.video)")
    (frame,) = content["annotations"].items()
    assert frame[0] == "0"
    assert [frame[1]["pos"][0]["x"], frame[1]["neg"][0]["x"]] == [
        pytest.approx(DISC[0], abs=1),
        pytest.approx(BESIDE[0], abs=1),
    ]


@pytest.fixture
def held(lab: Any, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold the project of this story."""
    name = request.node.name.translate(str.maketrans("[]", "--"))
    folder = lab.root / f"{name}-0-held" / "sample"
    folder.mkdir(parents=True)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder / ".lock")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    child.folder = folder.parent  # type: ignore[attr-defined]
    yield child
    child.kill()
    child.communicate()


def test_a_project_held_elsewhere_is_taken_over_by_try_again(
    notebook: OpenNotebook, held: subprocess.Popen[str]
) -> None:
    folder = held.folder  # type: ignore[attr-defined]
    show = f"""import sam2_widget as sw
ann = sw.Annotator(sw.sample_clip(), model="nano", output_dir={str(folder)!r}, name="sample")
ann.show()"""
    nb = notebook([show])
    nb.run(0)
    widget = Widget(nb)
    banner = widget.root.locator(".s2w-banners .s2w-warning")
    banner.wait_for()
    assert "open in another process" in banner.inner_text()
    assert widget.action("save").is_disabled()
    assert "read-only" in (widget.action("save").get_attribute("title") or "")
    assert item(widget, "load", "Load an exported file").is_disabled()
    nb.screenshot("files-read-only", widget.root)
    nb.page.keyboard.press("Escape")

    banner.get_by_role("button", name="Try again").click()
    widget.root.locator(".s2w-toasts [role=alert]", has_text="still open").wait_for()

    held.kill()
    held.wait()
    banner.get_by_role("button", name="Try again").click()
    banner.wait_for(state="detached")
    status(widget, "you can go on here")
    widget.wait(frame=0, masks=0, points=0)
    widget.click(*DISC)
    widget.wait(masks=1, saved="true")
    assert (folder / "sample/instance1/masks_overall/00000.png").is_file()
    assert not nb.py("ann.session.read_only")
