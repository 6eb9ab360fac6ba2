"""How the widget looks and plays: what may be said of it, and that it lasts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sam2_widget as sw
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import AppearanceError
from sam2_widget.look import DEFAULT_LOOK, check_look, fitting_look
from tests.clips import numbered_frames

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = {
    "opacity": 0.2, "outline": True, "height": 300, "range": [1, 3], "speed": 0.5, "loop": True,
}  # fmt: skip


def annotator(tmp_path: Path) -> sw.Annotator:
    return sw.Annotator(numbered_frames(6), name="clip", output_dir=tmp_path, model=FakeEngine())


def test_a_look_lasts_until_the_project_is_opened_again(tmp_path: Path) -> None:
    ann = annotator(tmp_path)
    assert ann.look == DEFAULT_LOOK
    ann.look = CHANGED
    ann.close()
    again = annotator(tmp_path)
    assert again.look == CHANGED
    again.look = {}
    assert again.look == DEFAULT_LOOK
    again.close()
    assert "look" not in json.loads((tmp_path / "clip" / "ui.json").read_text())


@pytest.mark.parametrize(
    ("look", "problem"),
    [
        ({"opacity": 2}, "opacity is a number from 0 to 1, not 2"),
        ({"opacity": float("nan")}, "opacity is a number"),
        ({"outline": 1}, "outline is True or False"),
        ({"height": 1}, "from 80 to 4000"),
        ({"range": [3, 1]}, "the first and the last frame"),
        ({"range": [0, 6]}, "the first and the last frame"),
        ({"speed": 8}, "from 0.25 to 4"),
        ({"loop": None}, "loop is True or False"),
        ({"colour": "red"}, "A look has no 'colour'"),
    ],
)
def test_a_look_that_cannot_be_is_refused(
    tmp_path: Path, look: dict[str, Any], problem: str
) -> None:
    ann = annotator(tmp_path)
    ann.session.video.wait()
    with pytest.raises(AppearanceError, match=problem):
        ann.look = look
    assert ann.look == DEFAULT_LOOK
    ann.close()


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_whatever_a_file_holds_gives_a_look_that_may_be(value: object) -> None:
    for saved in (value, dict.fromkeys(DEFAULT_LOOK, value)):
        look = fitting_look(saved, 6)
        assert check_look(look, 6) == look
