"""When the picture beside the widget is drawn anew, and where there is one."""

from __future__ import annotations

import base64
import io
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from sam2_widget import annotator as annotator_module
from sam2_widget import poster as poster_module
from sam2_widget.annotator import Annotator
from sam2_widget.poster import Poster, is_wanted
from tests.projects import PATIENCE
from tests.test_annotator import annotator

if TYPE_CHECKING:
    from pathlib import Path

WIDGET = "application/vnd.jupyter.widget-view+json"


class Notebook:
    """What is displayed, as a notebook would keep it."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.updates: list[str] = []
        self.updated = threading.Semaphore(0)

    def publish(
        self, data: dict[str, Any], transient: dict[str, str], update: bool = False, **_: object
    ) -> None:
        if update:
            self.updates.append(data["image/jpeg"])
            self.updated.release()
            for output in self.outputs:
                if output["id"] == transient["display_id"]:
                    output.update(data)
        else:
            self.outputs.append({**data, "id": transient["display_id"]})

    def display(self, data: dict[str, Any], metadata: dict[str, Any], **_: object) -> None:
        self.outputs.append({**data, "id": None, "metadata": metadata})

    def wait(self) -> None:
        """Wait for one update."""
        assert self.updated.acquire(timeout=PATIENCE)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    kept = Notebook()
    monkeypatch.setattr(poster_module, "publish_display_data", kept.publish)
    monkeypatch.setattr(poster_module, "PAUSE", 0.05)
    monkeypatch.setattr(annotator_module, "display", kept.display)
    monkeypatch.setattr(annotator_module, "is_wanted", lambda: True)
    return kept


class Pictures:
    """Draws a grey picture, lighter every time."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self) -> Any:
        self.drawn += 1
        return np.full((9, 16, 3), 20 * self.drawn, np.uint8)


def grey(jpeg: str) -> int:
    return int(np.asarray(Image.open(io.BytesIO(base64.b64decode(jpeg)))).mean())


def test_a_picture_that_is_not_shown_is_not_drawn(notebook: Notebook) -> None:
    pictures = Pictures()
    poster = Poster(pictures)
    poster.touch()
    poster.close()
    assert (pictures.drawn, notebook.outputs, notebook.updates) == (0, [], [])


def test_many_changes_make_one_picture_when_they_end(notebook: Notebook) -> None:
    pictures = Pictures()
    poster = Poster(pictures)
    poster.show()
    for _ in range(100):
        poster.touch()
    notebook.wait()
    assert pictures.drawn == 2
    assert len(notebook.updates) == 1
    assert grey(notebook.outputs[0]["image/jpeg"]) == 40
    poster.touch()
    notebook.wait()
    assert grey(notebook.outputs[0]["image/jpeg"]) == 60
    poster.close()


def test_a_second_display_shows_the_same_and_both_follow(notebook: Notebook) -> None:
    poster = Poster(Pictures())
    poster.show()
    poster.show()
    assert notebook.outputs[0]["id"] == notebook.outputs[1]["id"]
    poster.touch()
    notebook.wait()
    assert [grey(output["image/jpeg"]) for output in notebook.outputs] == [60, 60]


def test_what_looks_the_same_is_not_told_again(notebook: Notebook) -> None:
    picture = np.zeros((9, 16, 3), np.uint8)
    drawn = threading.Semaphore(0)

    def draw() -> Any:
        drawn.release()
        return picture

    poster = Poster(draw)
    poster.show()
    poster.touch()
    assert drawn.acquire(timeout=PATIENCE)
    assert drawn.acquire(timeout=PATIENCE)
    poster.close()
    assert notebook.updates == []


def test_closing_does_not_lose_the_last_change(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poster_module, "PAUSE", 3600)
    poster = Poster(Pictures())
    poster.show()
    poster.touch()
    poster.close()
    assert len(notebook.updates) == 1
    poster.touch()
    poster.close()
    assert len(notebook.updates) == 1


def test_a_picture_that_cannot_be_drawn_breaks_nothing(
    notebook: Notebook, caplog: pytest.LogCaptureFixture
) -> None:
    def draw() -> Any:
        raise OSError("disk full")

    Poster(draw).show()
    assert "could not be drawn" in caplog.text
    with Image.open(io.BytesIO(base64.b64decode(notebook.outputs[0]["image/jpeg"]))) as image:
        assert image.size == (1, 1)


def test_the_annotator_shows_widget_and_picture_and_the_picture_follows(
    notebook: Notebook, tmp_path: Path
) -> None:
    ann = annotator(tmp_path)
    ann.show()
    widget, picture = notebook.outputs
    assert widget[WIDGET]["model_id"] == ann.model_id
    assert widget["text/plain"] == "Annotator of clip: run this cell to annotate."
    before = picture["image/jpeg"]
    ann.session.add_point(0, 50, 40)
    notebook.wait()
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["image/jpeg"]))), int)
    assert picture["image/jpeg"] != before
    assert np.abs(shown - ann.overlay(0)).mean() < 6
    assert np.abs(shown - ann.video[0])[30:50, 40:60].mean() > 20
    ann.hidden = [(1, "overall")]
    notebook.wait()
    assert picture["image/jpeg"] == before
    ann.close()


def test_the_last_expression_of_a_cell_displays_the_same(
    notebook: Notebook, tmp_path: Path
) -> None:
    ann = annotator(tmp_path)
    ann._ipython_display_()
    assert [WIDGET in output for output in notebook.outputs] == [True, False]
    ann.close()


def test_show_without_a_picture_displays_the_widget_alone(
    notebook: Notebook, tmp_path: Path
) -> None:
    ann = annotator(tmp_path)
    ann.show(picture=False)
    ann.session.add_point(0, 50, 40)
    ann.close()
    assert [WIDGET in output for output in notebook.outputs] == [True]
    assert notebook.updates == []


def test_what_colab_needs_to_find_the_widget_goes_with_it(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = annotator(tmp_path)
    hint = {WIDGET: {"colab": {"custom_widget_manager": {"url": "somewhere"}}}}
    monkeypatch.setattr(Annotator, "_repr_mimebundle_", lambda _: ({WIDGET: {}}, hint))
    ann.show()
    assert notebook.outputs[0]["metadata"] == hint
    ann.close()


def test_outside_a_notebook_there_is_no_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_wanted()
    ann = annotator(tmp_path)
    with pytest.raises(NotImplementedError):
        ann._ipython_display_()
    ann.show()
    assert "Annotator" in capsys.readouterr().out
    ann.close()


def test_voila_keeps_no_outputs_so_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        kernel = object()

    monkeypatch.setattr(poster_module, "get_ipython", Shell)
    assert is_wanted()
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.13")
    assert not is_wanted()
