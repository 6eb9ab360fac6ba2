"""A track that is lost is found where it was lost, and one that goes smoothly is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.confidence import CAUSES, Confidence, Floats, Track, assess, peaks

LENGTH = 200


def smooth(length: int = LENGTH, seed: int = 0, noise: float = 0.03, speed: float = 3.0) -> Track:
    """Return an object that was clicked on frame 0 and tracked well from there."""
    random, t = np.random.default_rng(seed), np.arange(length)
    area = 3000 * np.exp(0.3 * np.sin(t / 60) + noise * random.normal(size=length))
    return Track(
        known=np.ones(length, bool),
        by_user=t == 0,
        area=np.round(area),
        x=300 + 200 * np.sin(t * speed / 200) + random.normal(size=length),
        y=200 + 50 * np.cos(t / 50) + random.normal(size=length),
        score=7 + 0.5 * random.normal(size=length),
    )


def changed(track: Track, frames: slice | int, **values: Any) -> Track:
    """Return a track with other values on some frames."""
    arrays = {}
    for name, value in values.items():
        arrays[name] = getattr(track, name).copy()
        arrays[name][frames] = value
    return replace(track, **arrays)


def backwards(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values[::-1].copy()


def worst(confidence: Confidence) -> tuple[int, str]:
    """Return the frame that is most suspect, and its cause."""
    frame = int(np.argmax(confidence.suspicion))
    return frame, CAUSES[confidence.cause[frame]]


# -- what is smooth ---------------------------------------------------------------------------


@given(
    st.integers(0, 400),
    st.integers(0, 2**32 - 1),
    st.floats(0, 0.1),
    st.floats(0, 20),
)
def test_nothing_is_suspect_in_a_smooth_track(
    length: int, seed: int, noise: float, speed: float
) -> None:
    confidence = assess(smooth(length, seed, noise, speed))
    assert confidence.suspicion.max(initial=0) < 0.3
    assert peaks(confidence.suspicion, 0.5) == []


def test_an_object_that_grows_and_hurries_evenly_is_not_suspect() -> None:
    t = np.arange(60)
    zoom = replace(smooth(60), area=np.round(100 * 1.1**t), x=15.0 * t, y=10.0 * t)
    assert assess(zoom).suspicion.max() < 0.1


def test_an_object_that_shrinks_until_it_is_gone_is_hardly_suspect() -> None:
    area = np.concatenate([np.full(20, 3000.0), np.round(3000 * 0.8 ** np.arange(30)), np.zeros(9)])
    track = replace(smooth(len(area)), area=area, score=np.where(area > 0, 7.0, -7.0))
    assert assess(track).suspicion.max() < 0.3


def test_a_speck_of_some_pixels_may_jitter() -> None:
    random = np.random.default_rng(0)
    area = random.integers(4, 10, LENGTH).astype(float)
    assert assess(replace(smooth(), area=area)).suspicion.max() < 0.3


@given(st.data())
def test_numbers_are_sound_whatever_the_track(data: st.DataObject) -> None:
    length = data.draw(st.integers(0, 12))

    def draw(each: st.SearchStrategy[Any], dtype: type) -> npt.NDArray[Any]:
        return np.array(data.draw(st.lists(each, min_size=length, max_size=length)), dtype)

    track = Track(
        draw(st.booleans(), bool),
        draw(st.booleans(), bool),
        draw(st.sampled_from([0, 1, 50, 3000, 2_000_000]), float),
        draw(st.floats(0, 2000), float),
        draw(st.floats(0, 2000), float),
        draw(st.floats(-1000, 1000) | st.just(np.nan), float),
    )
    confidence = assess(track)
    assert ((confidence.suspicion >= 0) & (confidence.suspicion <= 1)).all()
    assert (confidence.suspicion[track.by_user | ~track.known] == 0).all()
    assert ((confidence.cause > 0) == (confidence.suspicion >= 0.1)).all()
    for number in (confidence.area_change, confidence.centroid_jump):
        assert np.isnan(number[~(track.known & (track.area > 0))]).all()
        assert not np.isinf(number).any()


# -- what is lost -----------------------------------------------------------------------------


@given(st.integers(1, LENGTH - 2), st.integers(0, 100), st.integers(1, 30))
def test_a_jump_to_something_alike_is_the_worst_frame(at: int, seed: int, frames: int) -> None:
    stay = slice(at, at + frames)
    track = smooth(seed=seed)
    confidence = assess(changed(track, stay, x=track.x[stay] + 150))
    there = {at, min(at + frames, LENGTH - 1)}
    assert worst(confidence)[0] in there
    assert confidence.suspicion[at] > 0.5
    assert CAUSES[confidence.cause[at]] == "jump"
    # It is found once where it leapt away and once where it leapt back, if it did.
    assert set(peaks(confidence.suspicion, 0.5)) <= there


@given(st.integers(1, LENGTH - 1), st.integers(0, 100))
def test_a_sudden_growth_to_the_whole_frame_is_the_worst_frame(at: int, seed: int) -> None:
    track = changed(smooth(seed=seed), slice(at, None), area=640 * 360, x=320, y=180)
    assert worst(assess(track)) == (at, "area")
    assert peaks(assess(track).suspicion, 0.5) == [at]


@given(st.integers(1, LENGTH - 1), st.integers(0, 100))
def test_a_sudden_vanishing_is_the_worst_frame(at: int, seed: int) -> None:
    track = changed(smooth(seed=seed), slice(at, None), area=0, score=-8)
    assert worst(assess(track)) == (at, "presence")
    assert peaks(assess(track).suspicion, 0.5) == [at]


def test_coming_back_elsewhere_is_more_suspect_than_where_it_was_last() -> None:
    gone = changed(smooth(), slice(90, 100), area=0, score=-8)
    elsewhere = changed(gone, slice(100, None), x=gone.x[100:] + 2500)
    assert 0.5 < assess(gone).suspicion[100] < 0.7 < assess(elsewhere).suspicion[100]


@pytest.mark.parametrize(
    ("score", "least", "most"), [(6, 0, 0.01), (2, 0.1, 0.3), (0, 0.7, 0.9), (-6, 0.95, 1)]
)
def test_a_low_score_is_suspect(score: float, least: float, most: float) -> None:
    confidence = assess(changed(smooth(), 50, score=score))
    assert least <= confidence.suspicion[50] <= most
    assert CAUSES[confidence.cause[50]] == ("low score" if least else "")


def test_a_score_that_is_not_known_says_nothing() -> None:
    assert assess(changed(smooth(), slice(None), score=np.nan)).suspicion.max() < 0.3


def test_an_empty_mask_that_the_model_is_not_sure_of_is_suspect() -> None:
    track = changed(smooth(), slice(100, None), area=0, score=-8)
    unsure = assess(changed(track, 150, score=-0.2))
    assert assess(track).suspicion[150] < 0.01
    assert unsure.suspicion[150] > 0.5


# -- who is to blame --------------------------------------------------------------------------


def test_a_frame_that_the_user_made_is_never_suspect() -> None:
    lost = changed(smooth(), slice(80, None), x=2000, area=99999, score=-3)
    assert assess(changed(lost, slice(80, None), by_user=True)).suspicion[80:].max() == 0


def test_a_correction_makes_the_frame_before_it_suspect_and_the_one_after_it() -> None:
    lost = changed(smooth(), slice(80, None), x=2000)
    corrected = changed(lost, 120, x=smooth().x[120], by_user=True)
    assert peaks(assess(corrected).suspicion, 0.5) == [80, 119, 121]


def test_that_the_user_says_it_is_absent_blames_nobody() -> None:
    track = changed(smooth(), slice(80, None), area=0, score=np.nan)
    assert assess(changed(track, 80, by_user=True)).suspicion.max() < 0.3


@given(st.integers(1, LENGTH - 2))
def test_a_backward_track_is_lost_where_it_went_on_wrong(at: int) -> None:
    forward = changed(smooth(), slice(at, None), x=2000)
    backward = Track(**{name: backwards(getattr(forward, name)) for name in Track.__slots__})
    expected = assess(forward)
    result = assess(backward)
    assert worst(result) == (LENGTH - 1 - at, "jump")
    for name in Confidence.__slots__:
        assert np.allclose(
            backwards(getattr(result, name)), getattr(expected, name), equal_nan=True
        )


def test_a_long_gap_excuses_a_jump_that_a_short_one_does_not() -> None:
    def after(gap: int) -> float:
        track = changed(smooth(), slice(50, 50 + gap), known=False)
        track = changed(track, slice(50 + gap, None), x=track.x[50 + gap :] + 300)
        return float(assess(track).suspicion[50 + gap])

    assert after(1) > 0.9
    assert after(50) < 0.1


def test_the_numbers_mean_what_they_say() -> None:
    nan = np.nan
    track = Track(
        known=np.array([True, True, True, True, False, True]),
        by_user=np.array([False, True, False, False, False, False]),
        area=np.array([100.0, 400, 400, 0, 0, 100]),
        x=np.array([10.0, 20, 26, 0, 0, 26]),
        y=np.array([5.0, 5, 13, 0, 0, 13]),
        score=np.full(6, nan),
    )
    confidence = assess(track)
    # Frame 0 was tracked backward, from frame 1; frame 5 lies three frames on from frame 2.
    expected: tuple[Floats, Floats] = (
        np.array([np.log(1 / 4), nan, 0, nan, nan, np.log(1 / 4) / 3]),
        np.array([10 / 20, nan, 10 / 20, nan, nan, 0]),
    )
    assert np.allclose(confidence.area_change, expected[0], equal_nan=True)
    assert np.allclose(confidence.centroid_jump, expected[1], equal_nan=True)


def test_of_a_run_of_suspect_frames_the_worst_is_named() -> None:
    suspicion = np.array([0.6, 0.9, 0.7, 0.1, 0.5, 0.4, 0.8, 0.8])
    assert peaks(suspicion, 0.5) == [1, 4, 6]
    assert peaks(suspicion, 0.95) == []
    assert peaks(np.zeros(0), 0.5) == []
