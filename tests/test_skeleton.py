"""The skeleton: pairs of keypoint names, given once and kept with the project."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sam2_widget.errors import PromptError, SaveError
from sam2_widget.events import Change
from sam2_widget.keypoints import check_skeleton
from tests.projects import files, full_disk, open_project, own_threads, tell_all

if TYPE_CHECKING:
    from pathlib import Path

HAND = (("tip", "wrist"), ("wrist", "Schaft <b>é</b>"))


def saved(folder: Path) -> dict[str, Any]:
    """Return what the project's file says."""
    content: dict[str, Any] = json.loads((folder / "clip" / "project.json").read_text("utf-8"))
    return content


@pytest.mark.parametrize(
    ("given", "skeleton"),
    [
        ([], ()),
        (HAND, HAND),
        ([["tip", " wrist "]], (("tip", "wrist"),)),
        ([("tip", "wrist"), ("wrist", "tip"), ("tip", "wrist")], (("tip", "wrist"),)),
        (zip("ab", "cd", strict=True), (("a", "c"), ("b", "d"))),
    ],
)
def test_pairs_of_names_are_a_skeleton(given: Any, skeleton: object) -> None:
    assert check_skeleton(given) == skeleton


@pytest.mark.parametrize(
    "given",
    [
        5,
        "tip",
        [5],
        ["ab"],
        [()],
        [("tip",)],
        [("a", "b", "c")],
        [("tip", "tip")],
        [("tip", " tip")],
        {"tip": "wrist"},
    ],
)
def test_anything_else_is_refused_with_an_example(given: Any) -> None:
    with pytest.raises(PromptError, match=r"such as \[\('tip', 'wrist'\)\]; .* is no such pair"):
        check_skeleton(given)


@pytest.mark.parametrize("name", ["", None, 5, "a\nb"])
def test_a_name_that_no_keypoint_can_have_is_refused(name: Any, tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="keypoint's name"):
        open_project(tmp_path, skeleton=[("tip", name)])
    assert files(tmp_path) == {}
    assert own_threads() == []


def test_the_skeleton_is_there_again_next_time_until_another_is_given(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        assert session.skeleton == ()
    assert "skeleton" not in saved(tmp_path)
    with open_project(tmp_path, skeleton=HAND) as session:
        assert session.skeleton == HAND
    assert saved(tmp_path)["skeleton"] == [list(pair) for pair in HAND]
    with open_project(tmp_path) as session:
        assert session.skeleton == HAND
        session.add_region("more")
    assert saved(tmp_path)["skeleton"] == [list(pair) for pair in HAND]
    open_project(tmp_path, skeleton=[("a", "b")]).close()
    with open_project(tmp_path) as session:
        assert session.skeleton == (("a", "b"),)
    open_project(tmp_path, skeleton=[]).close()
    assert "skeleton" not in saved(tmp_path)


def test_the_latest_session_s_skeleton_counts_for_all_and_they_are_told(tmp_path: Path) -> None:
    with open_project(tmp_path, skeleton=HAND) as first:
        heard: list[Change] = []
        first.on_change(heard.append)
        before = first.live.changes.revision
        with open_project(tmp_path, skeleton=[("a", "b")]):
            assert first.skeleton == (("a", "b"),)
        tell_all(first)
        assert Change("keypoints") in heard
        assert first.live.changes.revision > before
        with open_project(tmp_path):
            assert first.skeleton == (("a", "b"),)


def test_a_skeleton_that_cannot_be_saved_is_one_clear_error_and_nothing_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_project(tmp_path, skeleton=HAND).close()
    before = files(tmp_path)
    with full_disk(monkeypatch, "project*"), pytest.raises(SaveError):
        open_project(tmp_path, skeleton=[("a", "b")])
    assert files(tmp_path) == before
    assert own_threads() == []
    with open_project(tmp_path) as session:
        assert session.skeleton == HAND
