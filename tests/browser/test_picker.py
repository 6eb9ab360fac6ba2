"""The widget without a video: choosing one, uploading one, and going on with a broken upload."""

from __future__ import annotations

import base64
import itertools
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from sam2_widget.sample import sample_clip
from tests.browser.test_main_job import DISC
from tests.browser.widget import Widget

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook import Notebook

SHOW = """import sam2_widget as sw
ann = sw.Annotator(model="nano")
ann.show()"""
AGAIN = SHOW.replace("ann =", "later =").replace("ann.", "later.")
# What Python was told of uploads, in order.
LISTEN = """from sam2_widget import uploads
told = []
for name in ("begin", "chunk"):
    def noting(self, *arguments, _name=name, _do=getattr(uploads.Uploads, name), **named):
        upload = _do(self, *arguments, **named)
        told.append([_name, upload.received, len(arguments[2]) if _name == "chunk" else 0])
        return upload
    setattr(uploads.Uploads, name, noting)"""
# Lets only so many chunks through, then none until told to go on.
STALL = """import threading
from sam2_widget import uploads
gate = threading.Event()
passed = []
def stalling(self, *arguments, _do=uploads.Uploads.chunk):
    if len(passed) >= 3:
        gate.wait()
    passed.append(1)
    return _do(self, *arguments)
uploads.Uploads.chunk = stalling"""
RESTART = """async () => {
  const { sessionContext } = window.jupyterapp.shell.currentWidget.context;
  await sessionContext.session.kernel.restart();
  await sessionContext.session.kernel.info;
}"""
DROP = """async (root, [name, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  for (const type of ["dragenter", "dragover", "drop"]) {
    root.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }
}"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("clips") / "sample.mp4"
    shutil.copyfile(sample_clip(), path)
    return path


@pytest.fixture(scope="module")
def long_clip(clip: Path) -> Path:
    """Return a video of 12 MiB that plays: what follows the frames is ignored."""
    path = clip.with_name("long clip.mp4")
    data = clip.read_bytes()
    padding = bytearray()
    for number in itertools.count():
        if len(data) + len(padding) + 8 >= 12 << 20:
            break
        padding += number.to_bytes(8, "big")
    box = (len(padding) + 8).to_bytes(4, "big") + b"free"
    path.write_bytes(data + box + padding)
    return path


def open_picker(notebook: OpenNotebook, *more: str, clip: Path | None = None) -> Any:
    nb = notebook([SHOW, *more])
    if clip is not None:
        (nb.folder / "videos").mkdir()
        shutil.copyfile(clip, nb.folder / "videos" / clip.name)
    nb.run(0)
    return nb, chooser(nb)


def chooser(nb: Notebook, nth: int = 0) -> Locator:
    """Return a view that shows the picker, its list loaded."""
    root = nb.page.locator(".s2w-root").nth(nth)
    expect(root).to_have_attribute("data-choosing", "true")
    expect(root.locator(".s2w-choices-title").last).to_contain_text("Videos in")
    return root


def row(root: Locator, path: str) -> Locator:
    return root.locator(f".s2w-row[data-path='{path}']")


def test_a_video_of_the_list_is_picked_and_annotated(notebook: OpenNotebook, clip: Path) -> None:
    nb, root = open_picker(notebook, clip=clip)
    assert nb.py("ann.session is None")
    nb.screenshot("picker-list", root)
    row(root, "sample.mp4").click()
    widget = Widget(nb)
    widget.wait(frame=0, masks=0, choosing="false")
    assert nb.py("[ann.session.name, ann.region, len(ann.video)]") == ["sample", "overall", 60]
    widget.click(*DISC)
    widget.wait(masks=1)
    assert nb.py("bool(ann.masks[1, 'overall'][0].any())")
    nb.page.keyboard.press("ArrowRight")
    widget.wait(frame=1)


def test_refresh_finds_what_was_put_there_meanwhile(notebook: OpenNotebook, clip: Path) -> None:
    nb, root = open_picker(notebook)
    expect(root.locator(".s2w-none")).to_contain_text("Put video files into the folder videos")
    nb.screenshot("picker-empty", root)
    (nb.folder / "videos" / "day 2").mkdir(parents=True)
    shutil.copyfile(clip, nb.folder / "videos" / "day 2" / "new.mp4")
    root.get_by_role("button", name="Refresh").click()
    expect(row(root, "day 2/new.mp4")).to_be_visible()
    row(root, "day 2/new.mp4").focus()
    nb.page.keyboard.press("Enter")
    Widget(nb).wait(frame=0, choosing="false")
    assert nb.py("ann.session.name") == "new"


def test_two_views_change_over_together(notebook: OpenNotebook, clip: Path) -> None:
    nb, first = open_picker(notebook, "ann", clip=clip)
    nb.run(1)
    second = chooser(nb, nth=1)
    row(second, "sample.mp4").click()
    for nth in (0, 1):
        Widget(nb, nth=nth).wait(frame=0, choosing="false")
    Widget(nb, nth=1).click(*DISC)
    Widget(nb).wait(masks=1)
    expect(first.locator(".s2w-chooser")).to_have_count(0)


def test_a_recent_project_comes_back_with_its_masks(notebook: OpenNotebook, clip: Path) -> None:
    nb, root = open_picker(notebook, AGAIN, clip=clip)
    row(root, "sample.mp4").click()
    widget = Widget(nb)
    widget.wait(frame=0, choosing="false")
    widget.click(*DISC)
    widget.wait(masks=1, saved="true")
    nb.py("setattr(ann, 'frame_index', 3)")
    nb.py("ann.close()")
    nb.run(1)
    later = nb.page.locator(".s2w-root[data-choosing='true']")
    project = later.locator("section[aria-label='Recent projects'] .s2w-row")
    expect(project).to_have_text("samplejust now")
    project.click()
    nb.until("later.session is not None and later.frame_index == 3")
    assert nb.py("later.masks[1, 'overall'].frames.tolist()") == [0]
    nb.py("setattr(later, 'frame_index', 0)")
    nb.page.locator(".s2w-root[data-masks='1'][data-frame='0']").last.wait_for()


def test_what_cannot_be_opened_says_so_and_another_can_be_picked(
    notebook: OpenNotebook, clip: Path
) -> None:
    nb, root = open_picker(notebook, clip=clip)
    (nb.folder / "videos" / "broken.mp4").write_bytes(b"no video")
    root.get_by_role("button", name="Refresh").click()
    row(root, "broken.mp4").click()
    expect(root.locator(".s2w-chooser [role=alert]")).to_contain_text("not a video that can be")
    nb.screenshot("picker-broken", root)
    row(root, "sample.mp4").click()
    Widget(nb).wait(frame=0, choosing="false")


def test_a_video_is_uploaded_with_progress_and_opens(
    notebook: OpenNotebook, long_clip: Path
) -> None:
    nb, root = open_picker(notebook)
    nb.py("None", setup=STALL)
    root.locator(".s2w-chooser input[type=file]").set_input_files(long_clip)
    bar = root.locator(".s2w-chooser .s2w-sending [role=progressbar]")
    expect(bar).to_have_attribute("aria-valuenow", str(3 << 20))
    expect(root.locator(".s2w-chooser .s2w-sending-name")).to_have_text("long clip.mp4")
    expect(root.locator(".s2w-chooser .s2w-sending .s2w-progress-text")).to_contain_text(
        "3.1 MB of 13 MB"
    )
    nb.screenshot("picker-upload", root)
    nb.py("gate.set()")
    widget = Widget(nb)
    widget.wait(frame=0, choosing="false")
    assert (nb.folder / "videos" / "long clip.mp4").read_bytes() == long_clip.read_bytes()
    assert nb.py("ann.session.name") == "long clip"


def test_an_upload_that_a_reload_broke_goes_on_with_the_rest(
    notebook: OpenNotebook, long_clip: Path
) -> None:
    nb, root = open_picker(notebook)
    nb.py("None", setup=STALL)
    root.locator(".s2w-chooser input[type=file]").set_input_files(long_clip)
    expect(root.locator(".s2w-chooser .s2w-sending [role=progressbar]")).to_have_attribute(
        "aria-valuenow", str(3 << 20)
    )
    nb.save()
    nb.reload()
    root = chooser(nb)
    nb.py("gate.set()", setup=LISTEN)
    root.locator(".s2w-chooser input[type=file]").set_input_files(long_clip)
    Widget(nb).wait(frame=0, choosing="false")
    told = nb.py("told")
    size = long_clip.stat().st_size
    first = next(received for kind, received, _ in told if kind == "begin")
    assert first >= 3 << 20
    sent = sum(length for kind, _, length in told if kind == "chunk")
    # Those of the broken upload that were on their way when it broke may have come too.
    assert size - first <= sent <= size - (3 << 20) + (4 << 20)
    assert sent < size
    files = [path.name for path in (nb.folder / "videos").iterdir()]
    assert files == ["long clip.mp4"]
    assert (nb.folder / "videos" / "long clip.mp4").read_bytes() == long_clip.read_bytes()


def test_an_upload_that_a_killed_kernel_broke_goes_on_with_the_rest(
    notebook: OpenNotebook, long_clip: Path
) -> None:
    nb, root = open_picker(notebook)
    nb.py("None", setup=STALL)
    root.locator(".s2w-chooser input[type=file]").set_input_files(long_clip)
    expect(root.locator(".s2w-chooser .s2w-sending [role=progressbar]")).to_have_attribute(
        "aria-valuenow", str(3 << 20)
    )
    nb.page.evaluate(RESTART)
    (part,) = (nb.folder / "videos").iterdir()
    begun = part.stat().st_size
    assert begun >= 3 << 20
    nb.py("None", setup=LISTEN)
    nb.run(0)
    root = chooser(nb)
    root.locator(".s2w-chooser input[type=file]").set_input_files(long_clip)
    Widget(nb).wait(frame=0, choosing="false")
    told = nb.py("told")
    assert told[0] == ["begin", begun, 0]
    assert sum(length for _, _, length in told) == long_clip.stat().st_size - begun
    assert (nb.folder / "videos" / "long clip.mp4").read_bytes() == long_clip.read_bytes()


def test_a_dropped_file_with_a_hostile_name_lands_safely(
    notebook: OpenNotebook, clip: Path
) -> None:
    nb, root = open_picker(notebook)
    data = base64.b64encode(clip.read_bytes()).decode()
    root.evaluate(DROP, ["..\\..\\evil <b onclick=x>.mp4", data])
    Widget(nb).wait(frame=0, choosing="false")
    (landed,) = (nb.folder / "videos").iterdir()
    assert landed.name == "evil _b onclick=x_.mp4"
    assert landed.read_bytes() == clip.read_bytes()
    assert nb.py("ann.session.name") == "evil _b onclick=x_"
    assert not list(nb.folder.parent.glob("evil*"))


@pytest.mark.slow  # only for the eye
def test_it_looks_right_with_much_in_it_in_dark_and_light_narrow_and_wide(
    notebook: OpenNotebook, clip: Path
) -> None:
    nb, root = open_picker(notebook, clip=clip)
    for number in range(30):
        path = nb.folder / "videos" / f"patient {number % 3 + 1}" / f"recording {number}.mp4"
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(10 ** (3 + number % 8))
    (nb.folder / "videos" / ("a long name " * 15 + ".mp4")).touch()
    nb.py(
        "[s.close() for s in sessions]",
        setup="sessions = [sw.Session('videos/sample.mp4', name=name, model='nano')\n"
        "            for name in ('one', 'two')]",
    )
    gone = nb.folder / "outputs" / "two" / "ui.json"
    gone.write_text('{"source": "/data/patients/2026-03-14/left knee/recording 12.mp4"}')
    root.get_by_role("button", name="Refresh").click()
    expect(root.locator(".s2w-row")).to_have_count(34)
    for theme in ("dark", "light"):
        nb.theme(theme)  # type: ignore[arg-type]
        for name, width in (("narrow", 700), ("wide", 1500)):
            nb.resize(width, 1000)
            scrolls = root.locator(".s2w-choices").evaluate(
                "(e) => e.scrollHeight > e.clientHeight"
            )
            assert scrolls
            assert root.evaluate("(e) => e.scrollWidth <= e.clientWidth")
            nb.screenshot(f"picker-{theme}-{name}")
