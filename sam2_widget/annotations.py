"""Scopes, prompts and the pure state of all prompts; knows no files, no model and no browser."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sam2_widget import bits
from sam2_widget.errors import PromptError


class Scope(NamedTuple):
    """What one object in the model stands for: a region of an instance.

    Attributes
    ----------
    instance : int
        Instance number, 1 or more.
    region : str
        Region id.
    """

    instance: int
    region: str

    def __str__(self) -> str:
        """Return the words the user reads."""
        return f"instance {self.instance}, {self.region}"


@dataclass(frozen=True, slots=True)
class Point:
    """A click in pixels of the stored frame; `label` 1 is inside the object, 0 outside."""

    x: float
    y: float
    label: int


@dataclass(frozen=True, slots=True)
class Box:
    """A box by its edges in pixels of the stored frame, `x0` < `x1` and `y0` < `y1`."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class MaskPrompt:
    """A drawn mask of the size of the frame, as the bytes of its PNG.

    Attributes
    ----------
    png : bytes
        Grey PNG, above 127 where the object is.
    digest : str
        A hash of these bytes.
    """

    png: bytes = field(repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Compute the hash once: it is asked for whenever the prompts are saved."""
        object.__setattr__(self, "digest", hashlib.blake2b(self.png, digest_size=8).hexdigest())

    def read(self, height: int, width: int) -> bits.Mask:
        """Return the mask, a fresh (H, W) bool array.

        Raises
        ------
        PromptError
            If the bytes are no picture of that size.
        """
        mask = bits.from_png(self.png, height, width)
        if mask is None:
            raise PromptError(f"A drawn mask is no PNG of {width} x {height} pixels; draw it anew.")
        return mask


@dataclass(frozen=True, slots=True)
class FramePrompts:
    """The ordered prompts of one scope on one frame: a box or a mask, if any, then the points.

    Attributes
    ----------
    points : tuple of Point
        In the order they were placed.
    box : Box or None
        The box that started the frame.
    corrects : bool
        Whether the frame was tracked before its first prompt, so that the prompts refine that mask.
    mask : MaskPrompt or None
        The drawn mask that started the frame; never beside a box.
    """

    points: tuple[Point, ...] = ()
    box: Box | None = None
    corrects: bool = False
    mask: MaskPrompt | None = None

    def __len__(self) -> int:
        """Return the number of prompts."""
        return len(self.points) + (self.box is not None) + (self.mask is not None)

    @property
    def revision(self) -> str:
        """A hash of these prompts; a clicked mask made under another one is out of date."""
        box = self.box and [self.box.x0, self.box.y0, self.box.x1, self.box.y1]
        content = [self.corrects, box, [[p.x, p.y, p.label] for p in self.points]]
        return _digest([*content, self.mask.digest] if self.mask else content)

    @property
    def drawn(self) -> MaskPrompt | None:
        """The drawn mask where nothing refines it: then it is the frame's mask, as it is."""
        return None if self.points else self.mask

    def with_points(self, points: tuple[Point, ...]) -> FramePrompts:
        """Return these prompts followed by more points."""
        return replace(self, points=self.points + points)


ScopePrompts = Mapping[int, FramePrompts]
"""The prompts of a scope by frame index."""


def tidy(value: float) -> float:
    """Round a coordinate to the 2 decimals that files keep, so that saved equals live."""
    # Adding zero makes -0.0, which files do not keep, 0.0.
    return round(float(value), 2) + 0.0


def make_point(x: float, y: float, label: int, width: int, height: int) -> Point:
    """Return a checked point.

    Raises
    ------
    PromptError
        If the point lies outside the frame or the label is neither 0 nor 1.
    """
    if label not in (0, 1):
        raise PromptError(f"A point's label is 1 (inside) or 0 (outside), not {label!r}.")
    if not (0 <= x < width and 0 <= y < height):
        raise PromptError(
            f"The point ({x:g}, {y:g}) lies outside the frame of {width} x {height} pixels; "
            "give 0 <= x < width and 0 <= y < height."
        )
    # Rounding must not carry a click on the last pixel out of the frame.
    return Point(min(tidy(x), width - 0.01), min(tidy(y), height - 0.01), int(label))


@dataclass(frozen=True, slots=True)
class Annotations:
    """All prompts of a project: an immutable value that every change replaces."""

    scopes: Mapping[Scope, ScopePrompts] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Scope]:
        """Iterate over the scopes that have prompts, in order."""
        return iter(sorted(scope for scope, frames in self.scopes.items() if frames))

    def of(self, scope: Scope) -> ScopePrompts:
        """Return the prompts of a scope by frame, empty when it has none."""
        return self.scopes.get(scope, {})

    def at(self, scope: Scope, frame: int) -> FramePrompts | None:
        """Return the prompts of a scope on a frame."""
        return self.of(scope).get(frame)

    def put(self, scope: Scope, frame: int, prompts: FramePrompts | None) -> Annotations:
        """Return the state with other prompts on one frame; None takes them away."""
        frames = dict(self.of(scope))
        if prompts:
            frames[frame] = prompts
        else:
            frames.pop(frame, None)
        return Annotations({**self.scopes, scope: dict(sorted(frames.items()))})

    def replace_scope(self, scope: Scope, frames: ScopePrompts) -> Annotations:
        """Return the state with other prompts in a whole scope."""
        return Annotations({**self.scopes, scope: dict(sorted(frames.items()))})

    def revision(self, scope: Scope) -> str:
        """Return a hash of all prompts of a scope; masks tracked under another one are stale."""
        return _digest([[frame, p.revision] for frame, p in sorted(self.of(scope).items())])


def _digest(content: object) -> str:
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
