"""MaskTrack: the masks of one scope as a lazy (T, H, W) bool array."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import psutil

from sam2_widget.errors import FrameIndexError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sam2_widget.annotations import Scope
    from sam2_widget.masks import MaskStore
    from sam2_widget.records import Mask


class MaskTrack:
    """Masks of one scope over all frames, read from disk when asked for.

    Indexing with an integer gives a fresh (H, W) bool array, with a slice or an index array another
    lazy MaskTrack. ``np.asarray(track)`` reads everything. Frames that were neither segmented nor
    tracked read as all False; `frames` tells which were.

    Attributes
    ----------
    scope : Scope
        (instance, region).
    """

    def __init__(
        self,
        store: MaskStore,
        scope: Scope,
        length: int,
        index: npt.NDArray[np.intp] | None = None,
    ) -> None:
        self.scope = scope
        self._store = store
        self._index = np.arange(length, dtype=np.intp) if index is None else index

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._index)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, H, W)."""
        return len(self._index), self._store.height, self._store.width

    @property
    def ndim(self) -> int:
        """3."""
        return 3

    @property
    def dtype(self) -> np.dtype[np.bool_]:
        """Bool."""
        return np.dtype(bool)

    @property
    def nbytes(self) -> int:
        """Bytes that ``np.asarray`` would take."""
        frames, height, width = self.shape
        return frames * height * width

    @property
    def frames(self) -> npt.NDArray[np.intp]:
        """Frame indices of the video that were segmented or tracked, also where the mask is empty.

        Returns
        -------
        ndarray
            (N,) int, in the order of this track.
        """
        return self._index[np.isin(self._index, self._store.table(self.scope).frames)]

    def areas(self) -> npt.NDArray[np.int64]:
        """Return the pixels of every mask, (T,) int64, without reading any file."""
        records = self._store.table(self.scope)
        frames = records.frames
        length = int(self._index.max(initial=-1)) + 1
        # In order, so that the first ones are those of the track.
        frames = frames[: np.searchsorted(frames, length)]
        areas = np.zeros(length, dtype=np.int64)
        areas[frames] = records.column("area")[: len(frames)]
        return areas[self._index]

    def __iter__(self) -> Iterator[Mask]:
        """Iterate over the masks, one (H, W) bool array at a time."""
        for frame in self._index.tolist():
            yield self._store.read(self.scope, frame)

    @overload
    def __getitem__(self, key: int | np.integer[Any]) -> Mask: ...
    @overload
    def __getitem__(self, key: slice | list[int] | list[bool] | npt.NDArray[Any]) -> MaskTrack: ...
    def __getitem__(self, key: Any) -> Mask | MaskTrack:
        """Return one mask, or a lazy MaskTrack of several.

        Raises
        ------
        IndexError
            If a frame does not exist or more than one axis is indexed.
        """
        if isinstance(key, tuple):
            raise FrameIndexError(
                "A MaskTrack is indexed by frame alone; index the mask: track[frame][y, x]."
            )
        if isinstance(key, slice | list) or (isinstance(key, np.ndarray) and key.ndim):
            return self._select(key)
        if isinstance(key, bool | np.bool_):
            raise FrameIndexError("A frame index is a number, not True or False.")
        return self._store.read(self.scope, self._frame(key))

    def _frame(self, key: Any) -> int:
        try:
            return int(self._index[operator.index(key)])
        except TypeError:
            raise FrameIndexError(f"A frame index is a whole number, not {key!r:.60}.") from None
        except IndexError:
            raise FrameIndexError(
                f"There is no frame {key}; the track has {len(self)} frames, 0 to {len(self) - 1}."
            ) from None

    def __setitem__(self, key: object, value: object) -> None:
        """Refuse: masks are made by prompts.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            "Masks cannot be assigned; give one as a prompt with set_mask(frame, mask, ...)."
        )

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Read all masks into one (T, H, W) array.

        Raises
        ------
        MemoryError
            If it would not fit into free memory.
        ValueError
            If `copy` is False: the masks are on disk, so that a copy is always made.
        """
        if copy is False:
            raise ValueError("The masks are on disk; an array of them is always a copy.")
        self._check_memory(np.dtype(bool if dtype is None else dtype).itemsize)
        out = np.empty(self.shape, dtype=dtype or bool)
        for i, mask in enumerate(self):
            out[i] = mask
        return out

    def __repr__(self) -> str:
        """Return a line that says what this is."""
        return (
            f"<MaskTrack of {self.scope}: shape {self.shape}, {len(self.frames)} frames with masks>"
        )

    def _select(self, key: slice | list[Any] | npt.NDArray[Any]) -> MaskTrack:
        chosen = np.asarray(key, dtype=np.intp) if isinstance(key, list) and not key else key
        try:
            index = self._index[chosen]
        except (IndexError, TypeError, ValueError) as error:
            raise FrameIndexError(
                f"The index does not fit a track of {len(self)} frames: {error}."
            ) from None
        if index.ndim != 1:
            raise FrameIndexError("Index frames with a one-dimensional array.")
        return MaskTrack(self._store, self.scope, len(index), index)

    def _check_memory(self, itemsize: int) -> None:
        needed, free = self.nbytes * itemsize, psutil.virtual_memory().available
        if needed > free:
            raise MemoryError(
                f"All masks need {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; slice the "
                "track (track[100:200]), take frames one by one, or use .areas()."
            )
