"""Makes the parts that figures are built of, drawn at the size they will be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.nano import shapes
from training.nano.figures import Joint, Part
from training.nano.sprites import Light, Skin, random_skin, sprite

if TYPE_CHECKING:
    from sam2_widget.images import Pixels
    from training.nano.textures import Textures

_CENTRE = 0.5, 0.5
_LARGEST = 224


class Builder:
    """Collects the parts of one figure.

    Parameters
    ----------
    rng
        Decides everything.
    textures
        What parts are covered with.
    light
        The scene's.
    size
        The figure's longer side on the first frame, in pixels.
    """

    def __init__(
        self, rng: np.random.Generator, textures: Textures, light: Light, size: float
    ) -> None:
        self.rng = rng
        self.parts: list[Part] = []
        self._textures, self._light, self._size = textures, light, size

    def pixels(self, length: float) -> int:
        """Return how many pixels a length in units of the figure has."""
        return int(np.clip(length * self._size, 6, _LARGEST))

    def skin(self, length: float = 0.6) -> Skin:
        """Return a random skin for parts up to a length."""
        return random_skin(self.rng, self._textures, max(16, self.pixels(length)))

    def add(
        self,
        mask: Pixels,
        length: float,
        skin: Skin,
        joint: Joint | None = None,
        anchor: tuple[float, float] = _CENTRE,
    ) -> int:
        """Add a part and return its number.

        Parameters
        ----------
        mask
            Its shape.
        length
            The height of the mask in units of the figure.
        skin
            What covers it.
        joint
            What it hangs on; by default the middle of the figure.
        anchor
            Which point of the mask is there, in shares of width and height.
        """
        joint = joint or Joint()
        high, wide = mask.shape
        picture = sprite(self.rng, mask, skin, self._light, joint.angle)
        place = anchor[0] * wide, anchor[1] * high
        self.parts.append(Part(picture, length / high, place, joint))
        return len(self.parts) - 1

    def place(self, picture: Pixels) -> int:
        """Add a finished picture, (H, W, 4), whose longer side is the figure's."""
        high, wide = picture.shape[:2]
        anchor = wide / 2, high / 2
        self.parts.append(Part(picture, 1 / max(high, wide), anchor, Joint()))
        return len(self.parts) - 1

    def limb(self, long: float, wide: float, skin: Skin, joint: Joint) -> int:
        """Add a limb that hangs from its joint."""
        high = self.pixels(long)
        taper = float(self.rng.uniform(0, 0.4))
        mask = shapes.limb(high, max(4, round(high * wide / long)), taper)
        return self.add(mask, long, skin, joint, (0.5, wide / long / 2))

    def oval(self, high: float, wide: float, skin: Skin, joint: Joint) -> int:
        """Add an ellipse about its centre."""
        rows = self.pixels(high)
        mask = shapes.ellipse(rows, max(4, round(rows * wide / high)))
        return self.add(mask, high, skin, joint)
