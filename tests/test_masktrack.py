"""MaskTrack as an array: the NumPy protocol over masks on disk."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam2_widget.annotations import Scope
from sam2_widget.masks import MaskStore
from sam2_widget.masktrack import MaskTrack
from sam2_widget.project import Project
from sam2_widget.records import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPE = Scope(1, "shaft")
LENGTH, HEIGHT, WIDTH = 10, 6, 8
MADE = [1, 2, 5, 9]
EMPTY = 5


def expected() -> npt.NDArray[np.bool_]:
    """Return all masks: four frames were made, one of them empty."""
    masks = np.zeros((LENGTH, HEIGHT, WIDTH), dtype=bool)
    for frame in MADE:
        if frame != EMPTY:
            masks[frame, 1:3, : frame % WIDTH + 1] = True
    return masks


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MaskStore]:
    project = Project(tmp_path_factory.mktemp("project"))
    store = MaskStore(project, WIDTH, HEIGHT)
    for frame in MADE:
        mask = expected()[frame]
        store.write(SCOPE, mask, measure(mask, frame, "track"))
    yield store
    project.close()


@pytest.fixture(scope="module")
def track(store: MaskStore) -> MaskTrack:
    return MaskTrack(store, SCOPE, LENGTH)


# What it is


def test_it_looks_like_a_bool_array(track: MaskTrack) -> None:
    assert track.shape == (LENGTH, HEIGHT, WIDTH)
    assert track.ndim == 3
    assert track.dtype == np.dtype(bool)
    assert track.nbytes == expected().nbytes
    assert len(track) == LENGTH


def test_frames_are_those_made_also_where_the_mask_is_empty(track: MaskTrack) -> None:
    assert track.frames.tolist() == MADE
    assert track.frames.dtype == np.intp


def test_areas_come_from_the_records_not_from_the_files(
    track: MaskTrack, store: MaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "read", lambda *_: pytest.fail("read a file"))
    assert track.areas().tolist() == expected().sum(axis=(1, 2)).tolist()
    assert track.areas().dtype == np.int64
    assert track[[9, 1]].areas().tolist() == [4, 4]


def test_a_scope_without_masks_is_all_false(store: MaskStore) -> None:
    empty = MaskTrack(store, Scope(7, "wrist"), LENGTH)
    assert empty.frames.tolist() == []
    assert not np.asarray(empty).any()
    assert empty.areas().tolist() == [0] * LENGTH


def test_its_line_says_what_it_is(track: MaskTrack) -> None:
    assert repr(track) == (
        "<MaskTrack of instance 1, shaft: shape (10, 6, 8), 4 frames with masks>"
    )


# One frame


@pytest.mark.parametrize(
    "index", [0, 9, -1, -10, np.int64(5), np.uint8(2), np.intp(-2), np.array(2)], ids=repr
)
def test_an_integer_gives_one_mask(track: MaskTrack, index: Any) -> None:
    mask = track[index]
    assert isinstance(mask, np.ndarray)
    assert (mask.dtype, mask.shape) == (np.dtype(bool), (HEIGHT, WIDTH))
    np.testing.assert_array_equal(mask, expected()[index])


@pytest.mark.parametrize("index", [1, 0])
def test_a_mask_is_the_caller_s_own(track: MaskTrack, index: int) -> None:
    track[index][:] = True
    np.testing.assert_array_equal(track[index], expected()[index])


@pytest.mark.parametrize("index", [10, -11, np.int64(10), 10**30], ids=repr)
def test_a_frame_that_does_not_exist_is_an_index_error_with_the_length(
    track: MaskTrack, index: Any
) -> None:
    with pytest.raises(IndexError, match="the track has 10 frames, 0 to 9"):
        track[index]


@pytest.mark.parametrize(
    "index", [1.0, "1", None, ..., np.float64(1), object()], ids=lambda index: type(index).__name__
)
def test_what_is_no_whole_number_is_an_index_error(track: MaskTrack, index: Any) -> None:
    with pytest.raises(IndexError, match="whole number"):
        track[index]


@pytest.mark.parametrize("index", [True, np.True_, np.array(True)], ids=repr)
def test_a_single_bool_is_no_frame(track: MaskTrack, index: Any) -> None:
    with pytest.raises(IndexError, match="number"):
        track[index]


@pytest.mark.parametrize(
    "index", [(1, 2), (1,), (slice(None), 0), (..., 0), (1, slice(None), slice(None))], ids=repr
)
def test_further_axes_are_an_index_error_that_shows_the_way(track: MaskTrack, index: Any) -> None:
    with pytest.raises(IndexError, match=r"track\[frame\]\[y, x\]"):
        track[index]


# Several frames

slices = st.builds(
    slice,
    st.none() | st.integers(-12, 12),
    st.none() | st.integers(-12, 12),
    st.none() | st.integers(-4, 4).filter(bool),
)
indices = st.lists(st.integers(-LENGTH, LENGTH - 1), max_size=6)
bools = st.lists(st.booleans(), min_size=LENGTH, max_size=LENGTH)


@given(
    slices | indices | indices.map(lambda i: np.array(i, np.int32)) | bools | bools.map(np.array)
)
def test_slices_and_index_arrays_select_as_numpy_does(track: MaskTrack, key: Any) -> None:
    selected = track[key]
    assert isinstance(selected, MaskTrack)
    wanted = expected()[key]
    assert selected.shape == wanted.shape
    np.testing.assert_array_equal(np.asarray(selected), wanted)
    in_order = np.arange(LENGTH)[key]
    assert selected.frames.tolist() == [frame for frame in in_order if frame in MADE]


@given(slices, slices, st.integers(-LENGTH, LENGTH - 1))
def test_a_selection_is_selected_from_as_numpy_does(
    track: MaskTrack, first: slice, second: slice, index: int
) -> None:
    wanted = expected()[first][second]
    selected = track[first][second]
    np.testing.assert_array_equal(np.asarray(selected), wanted)
    if -len(wanted) <= index < len(wanted):
        np.testing.assert_array_equal(selected[index], wanted[index])
    else:
        with pytest.raises(IndexError):
            selected[index]


def test_a_selection_reads_nothing_until_asked(
    track: MaskTrack, store: MaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "read", lambda *_: pytest.fail("read a file"))
    assert track[2:8][::2].shape == (3, HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "key",
    [
        [0, 10],
        [-11],
        [True, False],
        np.ones(9, bool),
        [1.5],
        np.array([1.0]),
        [[0, 1], [2, 3]],
        np.ones((10, 6), bool),
        [[0, 1], [2]],
        ["1"],
        [None],
    ],
    ids=repr,
)
def test_an_index_array_that_does_not_fit_is_an_index_error(track: MaskTrack, key: Any) -> None:
    with pytest.raises(IndexError):
        track[key]


def test_iterating_gives_the_masks_one_by_one(track: MaskTrack) -> None:
    np.testing.assert_array_equal(np.stack(list(track)), expected())


# Arrays


def test_numpy_reads_all_masks(track: MaskTrack) -> None:
    array = np.asarray(track)
    assert array.dtype == bool
    np.testing.assert_array_equal(array, expected())
    np.testing.assert_array_equal(np.array(track), expected())
    assert np.sum(track) == expected().sum()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, "int64", bool])
def test_another_dtype_is_converted_to(track: MaskTrack, dtype: npt.DTypeLike) -> None:
    array = np.asarray(track, dtype=dtype)
    assert array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(array, expected().astype(dtype))


def test_an_array_is_always_a_copy(track: MaskTrack) -> None:
    np.asarray(track)[:] = True
    np.testing.assert_array_equal(track.__array__(copy=True), expected())
    with pytest.raises(ValueError, match="always a copy"):
        track.__array__(copy=False)


@pytest.mark.parametrize(("dtype", "fits"), [(bool, True), (np.uint8, True), (np.float64, False)])
def test_an_array_larger_than_free_memory_is_refused_with_a_way_out(
    track: MaskTrack, monkeypatch: pytest.MonkeyPatch, dtype: npt.DTypeLike, fits: bool
) -> None:
    free = SimpleNamespace(available=track.nbytes)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    if fits:
        assert np.asarray(track, dtype=dtype).shape == track.shape
    else:
        with pytest.raises(MemoryError, match=r"slice the track .*\.areas\(\)"):
            np.asarray(track, dtype=dtype)
        assert np.asarray(track[:1], dtype=dtype).shape == (1, HEIGHT, WIDTH)


def test_a_track_far_larger_than_memory_can_be_made_and_sliced(store: MaskStore) -> None:
    long = MaskTrack(store, SCOPE, 10**7)
    assert long[1:3].shape == (2, HEIGHT, WIDTH)


@pytest.mark.parametrize("key", [0, slice(None), (0, 0)], ids=repr)
def test_assignment_names_set_mask(track: MaskTrack, key: Any) -> None:
    with pytest.raises(TypeError, match="set_mask"):
        track[key] = True
