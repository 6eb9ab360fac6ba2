"""The user's own keys: what may be said, how it is written, and that the widget has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sam2_widget as sw
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ShortcutError
from sam2_widget.shortcuts import DEFAULTS, check_shortcuts
from tests.clips import numbered_frames
from tests.projects import own_threads

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ("z", "Z"),
        ("Ctrl+Enter", "Mod+Enter"),
        ("cmd+shift+z", "Mod+Shift+Z"),
        ("shift + alt + meta + x", "Mod+Alt+Shift+X"),
        ("left", "ArrowLeft"),
        ("Shift+→", "Shift+ArrowRight"),
        ("pgdn", "PageDown"),
        ("ESC", "Escape"),
        (" ", "Space"),
        ("Shift+Space", "Shift+Space"),
        ("f12", "F12"),
        ("?", "?"),
        ("+", "+"),
        ("Ctrl++", "Mod++"),
        ("ä", "Ä"),
        ("7", "7"),
    ],
)
def test_a_key_is_understood_however_it_is_written(told: str, key: str) -> None:
    assert check_shortcuts({"undo": told}) == {"undo": [key]}


def test_an_action_has_one_key_or_several_or_none() -> None:
    told = {"undo": "z", "track": ["T", "ctrl+enter", "t"], "clear": None, "redo": []}
    assert check_shortcuts(told) == {
        "undo": ["Z"], "track": ["T", "Mod+Enter"], "clear": [], "redo": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"unod": "Z"}, "no action 'unod'; did you mean 'undo'.* There are prev, next"),
        ({5: "Z"}, "no action 5; there are prev"),
        ({"undo": "ctrl"}, "no key 'ctrl', which 'undo' should have: .*ArrowLeft.*after Ctrl"),
        ({"undo": "Hyper+Z"}, "no key 'Hyper\\+Z'"),
        ({"undo": "Ctrl+"}, "no key 'Ctrl\\+'"),
        ({"undo": ""}, "no key ''"),
        ({"undo": "Tab"}, "no key 'Tab'"),
        ({"undo": "ab"}, "no key 'ab'"),
        ({"undo": "ß"}, "no key 'ß'"),
        ({"undo": "Shift+1"}, "write the sign that it types"),
        ({"undo": "Ctrl+W"}, "browser keeps the key 'Ctrl\\+W' for itself"),
        ({"undo": 5}, "keys of 'undo' are a text, a list of texts, or None"),
        ({"undo": ["Z", 5]}, "keys of 'undo' are a text"),
        ({"undo": "Z", "track": ["T", "z"]}, "'undo' and 'track' cannot both have the key Z"),
        (["undo"], "Shortcuts are a dict"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(told: Any, problem: str) -> None:
    with pytest.raises(ShortcutError, match=problem):
        check_shortcuts(told)


def test_every_default_key_can_be_given_as_it_is() -> None:
    assert check_shortcuts(DEFAULTS) == DEFAULTS


@given(st.dictionaries(st.sampled_from(list(DEFAULTS)), st.text(max_size=12) | st.none()))
def test_what_is_accepted_stays_as_it_is(told: dict[str, str | None]) -> None:
    try:
        keys = check_shortcuts(told)
    except ShortcutError:
        return
    assert check_shortcuts(keys) == keys


def test_the_widget_has_them_from_the_start_and_takes_others_later(tmp_path: Path) -> None:
    where: dict[str, Any] = {"name": "clip", "output_dir": tmp_path, "model": FakeEngine()}
    ann = sw.Annotator(numbered_frames(3), shortcuts={"undo": "z"}, **where)
    assert ann.get_state()["shortcuts"] == {"undo": ["Z"]}
    ann.shortcuts = {"undo": "ctrl+z", "clear": None}
    assert ann.shortcuts == {"undo": ["Mod+Z"], "clear": []}
    with pytest.raises(ShortcutError, match="no action"):
        ann.shortcuts = {"fly": "F"}
    assert ann.shortcuts == {"undo": ["Mod+Z"], "clear": []}
    ann.close()


def test_wrong_shortcuts_leave_nothing_open(tmp_path: Path) -> None:
    for video in (numbered_frames(3), None):
        with pytest.raises(ShortcutError, match="no action 'fly'"):
            sw.Annotator(video, output_dir=tmp_path, model=FakeEngine(), shortcuts={"fly": "F"})
    assert own_threads() == []
    assert list(tmp_path.iterdir()) == []
