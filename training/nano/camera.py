"""What a camera makes of a scene: motion, light, blur, noise, and the loss of compression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training.nano.textures import clouds

if TYPE_CHECKING:
    import numpy.typing as npt

    from sam2_widget.images import Pixels
    from training.nano.figures import Matrix

    Picture = npt.NDArray[np.float32]
    """(S, S, 3), about 0 to 255."""


class Motion:
    """A camera that pans, zooms, turns and shakes, and squeezes wide frames to a square.

    Parameters
    ----------
    rng
        Decides everything.
    side
        Of the square frame in pixels.
    """

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self._side = side
        # The model sees 16:9 frames squeezed, and upright ones too.
        squeeze = rng.choice([1.0, 0.75, 0.5625]) if rng.random() < 0.7 else rng.uniform(0.5, 1.0)
        self._squeeze = (squeeze, 1.0) if rng.random() < 0.8 else (1.0, squeeze)
        still = rng.random() < 0.4
        self._pan = np.zeros(2) if still else rng.normal(0, 0.01, 2) * side
        self._zoom = 0.0 if still else rng.normal(0, 0.008)
        self._spin = 0.0 if still else rng.normal(0, 0.006)
        self._shake = 0.0 if rng.random() < 0.6 else rng.uniform(0.001, 0.01)
        self._phases = rng.uniform(0, 2 * np.pi, 4)

    @property
    def squeeze(self) -> tuple[float, float]:
        """How much narrower and lower than a square world it shows things."""
        return self._squeeze

    def at(self, time: float, depth: float = 1.0) -> Matrix:
        """Return the matrix from the world, whose origin is its middle, to pixels of the frame.

        Parameters
        ----------
        time
            In frames.
        depth
            1 for what is near; the ground behind moves less.
        """
        p = self._phases
        shake = (
            self._side
            * self._shake
            * np.array([np.sin(2.1 * time + p[0]), np.sin(1.7 * time + p[1])])
        )
        dx, dy = (self._pan * time + shake) * depth
        zoom = np.exp(self._zoom * time * depth)
        angle = self._spin * time + self._shake * np.sin(1.3 * time + p[2])
        c, s = zoom * np.cos(angle), zoom * np.sin(angle)
        sx, sy = self._squeeze
        half = self._side / 2
        return np.array(
            [[sx * c, -sx * s, half + sx * dx], [sy * s, sy * c, half + sy * dy], [0, 0, 1.0]]
        )


class Lens:
    """Exposure, dappled light, blur, noise, small sensors and JPEG: one set for a clip.

    Parameters
    ----------
    rng
        Decides everything, of each frame too: develop them in order.
    side
        Of the square frame in pixels.
    """

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self._rng, self._side = rng, side
        warmth = rng.normal(0, 0.06)
        self._gain = rng.uniform(0.7, 1.25) * np.array([1 + warmth, 1.0, 1 - warmth], np.float32)
        self._offset = float(rng.uniform(-18, 22))
        self._drift = float(rng.normal(0, 0.01))
        self._gamma = float(rng.uniform(0.75, 1.35)) if rng.random() < 0.4 else 1.0
        self._blur = float(rng.choice([0, 0, 0, 0.6, 1.0, 1.6]))
        self._smear = _line(rng) if rng.random() < 0.15 else None
        self._noise = float(rng.choice([0, 0, 2, 5, 9]))
        self._reduced = float(rng.uniform(0.4, 0.9)) if rng.random() < 0.25 else 1.0
        self._quality = int(rng.integers(25, 96)) if rng.random() < 0.7 else 0
        self._light = None
        if rng.random() < 0.4:
            depth = rng.uniform(0.1, 0.6)
            field = clouds(rng, 64, 0.4)
            sharp = rng.choice([1.0, 1.0, 6.0])  # the hard edges of shadows on everything
            field = np.clip((field - 0.5) * sharp + 0.5, 0, 1)
            whole = cv2.resize(1 - depth * field, (side, side), interpolation=cv2.INTER_CUBIC)
            self._light = np.asarray(whole, np.float32)[..., None]

    def clean(self) -> None:
        """Take away blur, noise and what compression loses, as good cameras do."""
        self._blur = self._noise = 0.0
        self._smear = None
        self._reduced, self._quality = 1.0, 0

    def develop(self, picture: Any, time: float) -> Pixels:
        """Return a frame, (S, S, 3) float32, as (S, S, 3) uint8."""
        rng = self._rng
        if self._light is not None:
            picture = picture * self._light
        picture = picture * (self._gain * np.float32(1 + self._drift * time)) + self._offset
        if self._smear is not None:
            picture = cv2.filter2D(picture, -1, self._smear)
        if self._blur:
            picture = cv2.GaussianBlur(picture, (0, 0), self._blur)
        if self._noise:
            half = rng.standard_normal((self._side, self._side), np.float32)
            tint: Any = rng.standard_normal((self._side // 2, self._side // 2, 3), np.float32)
            tint = cv2.resize(tint, (self._side, self._side))
            picture = picture + self._noise * (0.7 * half[..., None] + 0.5 * tint)
        frame: Pixels = np.clip(picture, 0, 255).astype(np.uint8)
        if self._gamma != 1.0:
            table = (np.linspace(0, 1, 256) ** self._gamma * 255).astype(np.uint8)
            frame = table[frame]
        if self._reduced < 1:
            few = round(self._side * self._reduced)
            small = cv2.resize(frame, (few, few), interpolation=cv2.INTER_AREA)
            frame = np.asarray(cv2.resize(small, (self._side, self._side)), np.uint8)
        if self._quality:
            _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
            frame = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return frame


def _line(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return the kernel of a camera that moved while it exposed."""
    size = int(rng.choice([3, 5, 7]))
    kernel = np.zeros((size, size), np.float32)
    angle, half = rng.uniform(0, np.pi), size / 2
    dx, dy = half * np.cos(angle), half * np.sin(angle)
    start, end = (round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))
    cv2.line(kernel, start, end, 1.0, 1)
    return kernel / max(float(kernel.sum()), 1e-6)
