"""Figures: parts that hang on joints, which swing as time goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from sam2_widget.images import Pixels

    Matrix = npt.NDArray[np.float64]
    """(3, 3), of homogeneous coordinates."""

Kind = Literal["figures", "pieces", "cards"]
"""What plays in a clip: figures of all kinds, those of one piece, or flat cards. Seeds of
held-out clips go by their order."""


@dataclass(frozen=True)
class Joint:
    """Where and how a part hangs. Lengths are in units of the figure, whose longer side is about 1.

    Parameters
    ----------
    x, y
        Measured from the parent's joint.
    parent
        Number of the parent in the figure's list; -1 is the figure itself.
    angle
        Rest angle in radians.
    swing, pace, phase
        The angle swings by ``swing * sin(pace * time + phase)``.
    group
        Parts with the same number belong together and can be annotated as one: a shirt.
    """

    x: float = 0.0
    y: float = 0.0
    parent: int = -1
    angle: float = 0.0
    swing: float = 0.0
    pace: float = 0.0
    phase: float = 0.0
    group: int = 0

    def at(self, time: float) -> Matrix:
        """Return the matrix from the part's directions to the parent's."""
        angle = self.angle + self.swing * np.sin(self.pace * time + self.phase)
        c, s = np.cos(angle), np.sin(angle)
        return np.array([[c, -s, self.x], [s, c, self.y], [0, 0, 1.0]])


@dataclass(frozen=True)
class Part:
    """A sprite on a joint.

    Parameters
    ----------
    picture
        (H, W, 4) uint8.
    scale
        Units of the figure per pixel of the picture.
    anchor
        Which point (x, y) of the picture, in pixels, is on the joint.
    joint
        What it hangs on.
    """

    picture: Pixels
    scale: float
    anchor: tuple[float, float]
    joint: Joint


@dataclass(frozen=True)
class Figure:
    """An object of a scene: its parts in the order they are drawn."""

    parts: list[Part] = field(default_factory=list)

    def places(self, time: float) -> list[Matrix]:
        """Return for each part the matrix from pixels of its picture to units of the figure."""
        frames: list[Matrix] = []
        placed = []
        for part in self.parts:
            own = part.joint.at(time)
            frame = own if part.joint.parent < 0 else frames[part.joint.parent] @ own
            frames.append(frame)
            s, (x, y) = part.scale, part.anchor
            placed.append(frame @ np.array([[s, 0, -s * x], [0, s, -s * y], [0, 0, 1.0]]))
        return placed
