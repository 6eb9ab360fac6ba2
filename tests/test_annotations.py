"""Scopes, prompts and their state as pure values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.annotations import (
    Annotations,
    Box,
    FramePrompts,
    Point,
    Scope,
    make_point,
    tidy,
)
from sam2_widget.errors import PromptError

SHAFT = Scope(1, "shaft")
WRIST = Scope(2, "wrist")
WIDTH, HEIGHT = 96, 64

points = st.builds(
    make_point,
    st.floats(0, WIDTH, exclude_max=True),
    st.floats(0, HEIGHT, exclude_max=True),
    st.sampled_from([0, 1]),
    st.just(WIDTH),
    st.just(HEIGHT),
)
prompts = st.builds(
    FramePrompts,
    st.lists(points, max_size=4).map(tuple),
    st.sampled_from([None, Box(1.0, 2.0, 30.5, 40.25)]),
    st.booleans(),
)
scopes = st.builds(Scope, st.integers(1, 3), st.sampled_from(["overall", "shaft"]))


def given_points(*xy: tuple[float, float]) -> FramePrompts:
    return FramePrompts(tuple(Point(x, y, 1) for x, y in xy))


# Points


@given(
    st.floats(0, WIDTH, exclude_max=True),
    st.floats(0, HEIGHT, exclude_max=True),
    st.sampled_from([0, 1]),
)
def test_every_point_of_the_frame_is_kept_to_two_decimals_inside_it(
    x: float, y: float, label: int
) -> None:
    point = make_point(x, y, label, WIDTH, HEIGHT)
    assert 0 <= point.x < WIDTH
    assert 0 <= point.y < HEIGHT
    assert point.x == round(point.x, 2)
    assert abs(point.x - x) <= 0.01
    assert abs(point.y - y) <= 0.01
    assert (int(point.x), int(point.y)) in {
        (column, row) for column in (int(x), int(x + 0.005)) for row in (int(y), int(y + 0.005))
    }


def test_a_point_on_the_last_hundredth_of_a_pixel_stays_inside_the_frame() -> None:
    assert make_point(95.999, 63.996, 1, WIDTH, HEIGHT) == Point(95.99, 63.99, 1)


def test_minus_zero_is_zero_as_it_will_be_when_read_from_a_file() -> None:
    assert math.copysign(1, tidy(-0.0)) == 1
    assert math.copysign(1, tidy(-0.001)) == 1


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (-0.001, 5),
        (WIDTH, 5),
        (5, -1),
        (5, HEIGHT),
        (math.nan, 5),
        (5, math.inf),
        (1e300, 5),
    ],
)
def test_a_point_outside_the_frame_is_refused(x: float, y: float) -> None:
    with pytest.raises(PromptError, match="96 x 64"):
        make_point(x, y, 1, WIDTH, HEIGHT)


@pytest.mark.parametrize("label", [2, -1, "1", None, 0.5])
def test_a_label_other_than_0_and_1_is_refused(label: object) -> None:
    with pytest.raises(PromptError, match="label"):
        make_point(1, 1, label, WIDTH, HEIGHT)  # type: ignore[arg-type]


def test_numpy_numbers_become_plain_ones() -> None:
    point = make_point(np.float32(1.1), np.int64(2), np.int64(0), WIDTH, HEIGHT)  # type: ignore[arg-type]
    assert point == Point(1.1, 2.0, 0)
    assert (type(point.x), type(point.y), type(point.label)) == (float, float, int)


# Prompts of a frame


def test_the_length_of_prompts_counts_points_and_box() -> None:
    assert len(FramePrompts()) == 0
    assert len(given_points((1, 2), (3, 4))) == 2
    assert len(FramePrompts((Point(1, 2, 1),), Box(0, 0, 4, 4))) == 2


def test_further_points_follow_the_ones_before() -> None:
    first, second = Point(1, 2, 1), Point(3, 4, 0)
    start = FramePrompts((first,), Box(0, 0, 4, 4), corrects=True)
    assert start.with_points((second,)) == FramePrompts((first, second), start.box, corrects=True)
    assert start.points == (first,)


@given(prompts, prompts)
def test_the_revision_of_prompts_differs_exactly_when_they_do(
    one: FramePrompts, other: FramePrompts
) -> None:
    assert (one.revision == other.revision) == (one == other)


def test_the_order_of_points_is_part_of_their_revision() -> None:
    assert given_points((1, 2), (3, 4)).revision != given_points((3, 4), (1, 2)).revision


# The state


@given(st.lists(st.tuples(scopes, st.integers(0, 5), st.none() | prompts), max_size=12))
def test_the_state_is_what_was_put_last(
    changes: list[tuple[Scope, int, FramePrompts | None]],
) -> None:
    state, model = Annotations(), dict[tuple[Scope, int], FramePrompts]()
    for scope, frame, value in changes:
        before = dict(state.scopes)
        after = state.put(scope, frame, value)
        assert dict(state.scopes) == before
        state = after
        model.pop((scope, frame), None)
        if value:
            model[scope, frame] = value
    assert {(s, f): p for s in state for f, p in state.of(s).items()} == model
    assert list(state) == sorted({scope for scope, _ in model})
    for scope in state:
        assert list(state.of(scope)) == sorted(state.of(scope))


def test_a_scope_without_prompts_is_empty_not_an_error() -> None:
    assert Annotations().of(SHAFT) == {}
    assert Annotations().at(SHAFT, 3) is None


def test_a_change_of_one_scope_leaves_the_revision_of_another() -> None:
    state = Annotations().put(SHAFT, 3, given_points((1, 2)))
    changed = state.put(WRIST, 3, given_points((5, 6)))
    assert changed.revision(SHAFT) == state.revision(SHAFT)
    assert changed.revision(WRIST) != state.revision(WRIST)


@given(st.dictionaries(st.integers(0, 5), prompts.filter(bool), min_size=1), prompts.filter(bool))
def test_taking_a_prompt_back_brings_the_revision_of_its_scope_back(
    frames: dict[int, FramePrompts], extra: FramePrompts
) -> None:
    state = Annotations().replace_scope(SHAFT, frames)
    with_extra = state.put(SHAFT, 9, extra)
    assert with_extra.revision(SHAFT) != state.revision(SHAFT)
    assert with_extra.put(SHAFT, 9, None).revision(SHAFT) == state.revision(SHAFT)


def test_the_same_prompts_on_another_frame_are_another_revision() -> None:
    given_ones = given_points((1, 2))
    on_three = Annotations().put(SHAFT, 3, given_ones)
    on_four = Annotations().put(SHAFT, 4, given_ones)
    assert on_three.revision(SHAFT) != on_four.revision(SHAFT)


def test_a_scope_reads_as_words() -> None:
    assert str(SHAFT) == "instance 1, shaft"
