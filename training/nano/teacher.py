"""A larger model that outlines what is at a point of a photograph: the source of real masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.images import Pixels

    Logits = npt.NDArray[np.float32]

_SIDE = 1024
_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
_STD = np.array([58.395, 57.12, 57.375], np.float32)


class Teacher:
    """A distilled Segment Anything in two ONNX files, as ``README.md`` beside this file names it.

    Parameters
    ----------
    folder
        With ``encoder.onnx`` and ``sam.onnx``.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime  # type: ignore[import-not-found]  # Needed for this alone.

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # Photographs are shared out among processes.
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(folder / name, options)
            for name in ("encoder.onnx", "sam.onnx")
        )

    def see(self, picture: Pixels) -> None:
        """Take a picture, (H, W, 3) uint8 RGB, that the next questions are about."""
        high, wide = picture.shape[:2]
        self._scale = _SIDE / max(high, wide)
        self._size = round(wide * self._scale), round(high * self._scale)
        smooth = cv2.INTER_AREA if self._scale < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(picture, self._size, interpolation=smooth)
        padded = np.zeros((1, 3, _SIDE, _SIDE), np.float32)
        padded[0, :, : self._size[1], : self._size[0]] = ((scaled - _MEAN) / _STD).transpose(
            2, 0, 1
        )
        (self._seen,) = self._encoder.run(None, {"input": padded})

    def ask(
        self, points: Sequence[tuple[float, float, int]], before: Logits | None = None
    ) -> tuple[float, Logits]:
        """Return what points say, x, y and label in pixels of the picture.

        Parameters
        ----------
        points
            Label 1 is in the object, 0 beside it, 2 and 3 are the corners of a box.
        before
            The logits of the answer that the last point corrects.

        Returns
        -------
        tuple
            The overlap that the teacher expects, and logits (h, w) of a quarter of its resolution.
        """
        placed = [[x * self._scale, y * self._scale] for x, y, _ in points]
        boxed = any(label > 1 for *_, label in points)
        padding = [] if boxed else [(0.0, 0.0, -1)]
        mask = np.zeros((1, 1, 256, 256), np.float32)
        if before is not None:
            mask[0, 0, : before.shape[0], : before.shape[1]] = before
        estimate, logits = self._decoder.run(
            ["iou_predictions", "low_res_masks"],
            {
                "image_embeddings": self._seen,
                "point_coords": np.array([placed + [[x, y] for x, y, _ in padding]], np.float32),
                "point_labels": np.array([[p[2] for p in [*points, *padding]]], np.float32),
                "mask_input": mask,
                "has_mask_input": np.array([before is not None], np.float32),
                "orig_im_size": np.array([8, 8], np.float32),
            },
        )
        wide, high = (max(1, round(length / 4)) for length in self._size)
        return float(estimate[0, 0]), logits[0, 0, :high, :wide]
