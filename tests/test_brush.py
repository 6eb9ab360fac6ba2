"""Brush strokes against the plain definition: pixels whose centre is near enough to the line."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget import brush
from sam2_widget.errors import PromptError

WIDTH, HEIGHT = 48, 32
EMPTY = np.zeros((HEIGHT, WIDTH), dtype=bool)
FULL = ~EMPTY

places = st.tuples(st.floats(-60, 110), st.floats(-60, 90))
# On a grid of quarters many centres lie exactly on the edge.
quarters = st.tuples(st.integers(-40, 240), st.integers(-40, 160)).map(
    lambda place: (place[0] / 4, place[1] / 4)
)
strokes = st.lists(places | quarters, min_size=1, max_size=5)
radii = st.floats(0.01, 48) | st.integers(1, 48).map(float)


def distances(stroke: brush.Stroke) -> npt.NDArray[np.float64]:
    """Return how far the centre of every pixel is from a line."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    nearest = np.full((HEIGHT, WIDTH), np.inf)
    for (ax, ay), (bx, by) in pairwise([*stroke, stroke[-1]]):
        length = np.hypot(bx - ax, by - ay)
        # Unit vector first: squares of tiny lengths are zero.
        ux, uy = ((bx - ax) / length, (by - ay) / length) if length else (0.0, 0.0)
        along = np.clip((x - ax) * ux + (y - ay) * uy, 0, length)
        nearest = np.minimum(nearest, np.hypot(x - ax - along * ux, y - ay - along * uy))
    return nearest


@given(strokes, radii)
def test_a_stroke_covers_the_pixels_whose_centre_is_within_the_radius(
    stroke: brush.Stroke, radius: float
) -> None:
    distance = distances(stroke)
    clear = np.abs(distance - radius) > 1e-9
    painted = brush.paint(EMPTY, stroke, radius)
    assert np.array_equal(painted[clear], (distance <= radius)[clear])
    assert np.array_equal(brush.paint(FULL, stroke, radius, erase=True), ~painted)


@pytest.mark.parametrize(
    ("stroke", "radius", "area"),
    [
        ([(10.5, 10.5)], 0.5, 1),
        ([(10.5, 10.5)], 1.0, 5),
        ([(10.5, 10.5)], 5.0, 81),
        ([(10.5, 10.5), (14.5, 10.5)], 1.0, 17),
        ([(10.0, 10.0)], 0.7, 0),
        ([(10.0, 10.0)], 0.71, 4),
    ],
)
def test_pixels_on_the_very_edge_belong_to_the_stroke(
    stroke: brush.Stroke, radius: float, area: int
) -> None:
    assert brush.paint(EMPTY, stroke, radius).sum() == area


def test_painting_leaves_the_mask_it_was_given_alone() -> None:
    given_mask = EMPTY.copy()
    assert brush.paint(given_mask, [(10, 10)], 3).any()
    assert not given_mask.any()


def test_a_stroke_that_passes_by_the_frame_covers_nothing() -> None:
    around = [(-20.0, -20.0), (70.0, -20.0), (70.0, 60.0)]
    assert not brush.paint(EMPTY, around, 10).any()


def test_strokes_add_up_and_the_eraser_takes_only_what_it_covers() -> None:
    first = brush.paint(EMPTY, [(5, 5), (40, 5)], 3)
    both = brush.paint(first, [(5, 25), (40, 25)], 3)
    assert (both & first).sum() == first.sum()
    assert np.array_equal(brush.paint(both, [(5, 25), (40, 25)], 3, erase=True), first)


# What is given


@pytest.mark.parametrize(
    "stroke",
    [
        [],
        [(1.0, np.nan)],
        [(np.inf, 1.0)],
        [(1.0, 1.0), (1e300, 1.0)],
        [(1.0,)],
        [(1.0, 2.0, 3.0)],
        [("left", 1.0)],
        [None],
        None,
        5,
        [(10**400, 1)],
    ],
    ids=lambda stroke: str(stroke)[:30],
)
def test_a_stroke_that_makes_no_sense_is_refused(stroke: object) -> None:
    with pytest.raises(PromptError, match=r"A stroke is a list of one or more pairs"):
        brush.check_stroke(stroke, 3, WIDTH, HEIGHT)  # type: ignore[arg-type]


@pytest.mark.parametrize("radius", [0, -1, WIDTH + 1, np.nan, np.inf])
def test_a_radius_that_makes_no_sense_is_refused(radius: float) -> None:
    with pytest.raises(PromptError, match=r"above 0 and at most 48 pixels"):
        brush.check_stroke([(1, 1)], radius, WIDTH, HEIGHT)


def test_a_stroke_may_be_an_array_and_leave_the_picture() -> None:
    given_stroke = np.array([[-5, 3], [500, 3]])
    assert brush.check_stroke(given_stroke, 2, WIDTH, HEIGHT) == [(-5.0, 3.0), (500.0, 3.0)]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_what_is_not_zero_is_inside(dtype: type) -> None:
    given_mask = np.zeros((HEIGHT, WIDTH), dtype)
    given_mask[3, 4] = 1
    checked = brush.check_mask(given_mask, HEIGHT, WIDTH)
    assert (checked.dtype, checked.sum(), checked[3, 4]) == (bool, 1, True)
    given_mask[:] = 1
    assert checked.sum() == 1


@pytest.mark.parametrize(
    "mask",
    [
        EMPTY.T,
        EMPTY[None],
        EMPTY[:-1],
        EMPTY.astype(float),
        EMPTY.astype(object),
        None,
        "mask",
        [[True], [True, False]],
    ],
    ids=["turned", "3-d", "short", "float", "objects", "none", "text", "ragged"],
)
def test_what_is_no_mask_of_the_frame_is_refused_with_what_to_give(mask: object) -> None:
    with pytest.raises(PromptError, match=r"array of shape \(32, 48\).*bool or of integers"):
        brush.check_mask(mask, HEIGHT, WIDTH)
