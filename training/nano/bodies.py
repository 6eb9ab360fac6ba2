"""The kinds of figures: single shapes, wires, things, people, animals, vehicles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from training.nano import shapes
from training.nano.builder import Builder
from training.nano.cards import card
from training.nano.figures import Figure, Joint

if TYPE_CHECKING:
    from training.nano.figures import Kind
    from training.nano.sprites import Light, Skin
    from training.nano.textures import Textures

_SHIRT, _TROUSERS, _HEAD, _SHOES = 1, 2, 3, 4


def any_figure(
    rng: np.random.Generator,
    textures: Textures,
    light: Light,
    size: float,
    kind: Kind = "figures",
) -> Figure:
    """Return a random figure.

    Parameters
    ----------
    rng, textures, light, size
        As for ``Builder``.
    kind
        "figures" are of all kinds, with clothes and parts of their own; of "pieces" a click says
        without a doubt what is meant: one body, its limbs covered as it is; "cards" are flat.
    """
    builder = Builder(rng, textures, light, size)
    if kind == "cards":
        card(builder)
        return Figure(builder.parts)
    if textures.photos and rng.random() < 0.5:
        builder.place(textures.photos.cutout(rng, builder.pixels(1.0)))
        return Figure(builder.parts)
    if kind == "pieces":
        _piece(builder)
        return Figure(builder.parts)
    kinds = _single, _thing, _person, _animal, _vehicle, _wire
    kinds[rng.choice(len(kinds), p=[0.34, 0.22, 0.16, 0.13, 0.08, 0.07])](builder)
    return Figure(builder.parts)


def _single(build: Builder) -> None:
    """Build one shape; some have a mark, part of the object and an object of its own."""
    rng = build.rng
    wide = float(rng.uniform(0.35, 1.0))
    rows = build.pixels(1.0)
    mask = shapes.compact(rng, rows, max(6, round(rows * wide)))
    build.add(mask, 1.0, build.skin(1.0))
    if rng.random() < 0.35:
        size = float(rng.uniform(0.15, 0.4)) * wide
        side = build.pixels(size)
        spot = shapes.compact(rng, side, side)
        place = float(rng.normal(0, 0.08)), float(rng.normal(0, 0.08))
        build.add(spot, size, build.skin(size), Joint(*place, parent=0, group=1))


def _piece(build: Builder) -> None:
    """Build one body, sometimes with limbs, all in one skin."""
    rng = build.rng
    skin = build.skin(1.0)
    limbs = int(rng.integers(1, 5)) if rng.random() < 0.3 else 0
    high = 0.65 if limbs else 1.0
    wide = float(rng.uniform(0.35, 1.0)) * high
    rows = build.pixels(high)
    mask = shapes.compact(rng, rows, max(6, round(rows * wide / high)))
    for _ in range(limbs):
        way = rng.uniform(0, 2 * np.pi)
        place = 0.3 * wide * float(np.sin(way)), 0.3 * high * float(np.cos(way))
        swing, pace = float(rng.normal(0, 0.2)), float(rng.uniform(0.1, 0.6))
        joint = Joint(*place, -1, -way, swing, pace, float(rng.uniform(0, 6.28)))
        build.limb(float(rng.uniform(0.3, 0.45)), float(rng.uniform(0.06, 0.16)), skin, joint)
    build.add(mask, high, skin)


def _wire(build: Builder) -> None:
    mask = shapes.thin(build.rng, build.pixels(1.0))
    build.add(mask, 1.0, build.skin(1.0))


def _thing(build: Builder) -> None:
    """Build a body with a few parts attached at its edge: tools, plants, bags."""
    rng = build.rng
    skin = build.skin()
    high, wide = 0.6, float(rng.uniform(0.25, 0.6))
    swing, pace = rng.uniform(0, 0.5), rng.uniform(0.1, 0.6)
    count = int(rng.integers(1, 6))
    rows = build.pixels(high)
    mask = shapes.compact(rng, rows, max(6, round(rows * wide / high)))
    build.add(mask, high, skin)
    for number in range(count):
        way = rng.uniform(0, 2 * np.pi)
        place = 0.42 * wide * float(np.sin(way)), 0.42 * high * float(np.cos(way))
        cover, group = (skin, 0) if rng.random() < 0.4 else (build.skin(0.3), number + 1)
        move = swing * rng.normal()
        joint = Joint(*place, -1, -way, move, pace, rng.uniform(0, 6.28), group)
        if rng.random() < 0.5:
            long = float(rng.uniform(0.2, 0.5))
            build.limb(long, float(rng.uniform(0.03, 0.14)), cover, joint)
        else:
            size = float(rng.uniform(0.12, 0.35))
            build.oval(size, size * float(rng.uniform(0.5, 1)), cover, joint)
    # All hang on the figure itself, so their order is free: some lie behind the body.
    build.parts.insert(int(rng.integers(count + 1)), build.parts.pop(0))


def _person(build: Builder) -> None:
    """Build head, hair, shirt with sleeves, trousers and shoes, in walk or at work."""
    rng = build.rng
    flesh, shirt, trousers = build.skin(0.15), build.skin(0.4), build.skin(0.4)
    hair, shoes = build.skin(0.15), build.skin(0.1)
    width = float(rng.uniform(0.16, 0.27))
    stride, pace = rng.uniform(0.05, 0.6), rng.uniform(0.15, 0.8)
    sleeve = shirt if rng.random() < 0.6 else flesh
    lower = trousers if rng.random() < 0.75 else flesh
    lean = rng.normal(0, 0.12)

    def leg(side: int, phase: float) -> None:
        hip = Joint(side * width * 0.22, 0.04, -1, lean, stride, pace, phase, _TROUSERS)
        upper = build.limb(0.27, width * 0.52, trousers, hip)
        bend, group = abs(rng.normal(0, 0.3)), _TROUSERS if lower is trousers else 0
        knee = Joint(0.0, 0.22, upper, bend, stride * 0.7, pace, phase + 1, group)
        calf = build.limb(0.26, width * 0.4, lower, knee)
        toe = float(rng.choice([-1, 1])) * 0.02
        build.oval(0.055, 0.11, shoes, Joint(toe, 0.23, calf, group=_SHOES))

    def arm(side: int, phase: float) -> None:
        bend = float(rng.normal(0, 0.7))
        group = _SHIRT if sleeve is shirt else 0
        rest = -side * abs(rng.normal(0.15, 0.5))
        shoulder = Joint(side * width * 0.46, -0.25, -1, rest, stride, pace, phase, group)
        upper = build.limb(0.19, width * 0.33, sleeve, shoulder)
        cover = flesh if rng.random() < 0.6 else sleeve
        elbow = Joint(0.0, 0.15, upper, bend, stride, pace, phase)
        fore = build.limb(0.18, width * 0.26, cover, elbow)
        build.oval(0.06, 0.05, flesh, Joint(0.0, 0.16, fore))

    leg(-1, 0.0)
    leg(1, np.pi)
    if rng.random() < 0.7:
        arm(-1, 0.0)
    rows = build.pixels(0.36)
    columns = max(6, round(rows * width / 0.36))
    mask = shapes.limb(rows, columns, float(rng.uniform(0, 0.25)))
    build.add(mask, 0.36, shirt, Joint(0.0, -0.12, group=_SHIRT))
    build.limb(0.08, width * 0.3, flesh, Joint(0.0, -0.34))
    face = Joint(0.0, -0.4, angle=rng.normal(0, 0.2), group=_HEAD)
    head = build.oval(0.16, 0.12, flesh, face)
    if rng.random() < 0.8:
        high, place = float(rng.uniform(0.08, 0.2)), float(rng.normal(0, 0.02))
        build.oval(high, 0.135, hair, Joint(place, -0.05, head, group=_HEAD))
    if rng.random() < 0.9:
        arm(1, np.pi)


def _animal(build: Builder) -> None:
    """Build body, four legs, neck, head and tail, in one coat with patches."""
    rng = build.rng
    coat = build.skin(0.6)
    patch = build.skin(0.3) if rng.random() < 0.6 else coat
    high = float(rng.uniform(0.18, 0.36))
    length = float(rng.uniform(0.15, 0.4))
    stride, pace = rng.uniform(0.05, 0.7), rng.uniform(0.2, 0.9)

    def leg(x: float, phase: float, cover: Skin) -> None:
        swinging = partial(Joint, swing=stride, pace=pace, phase=phase)
        upper = build.limb(length * 0.6, 0.1, cover, swinging(x, high * 0.25))
        bend = rng.normal(0, 0.3)
        knee = swinging(0.0, length * 0.5, upper, bend)
        build.limb(length * 0.6, 0.06, cover, knee)

    far = patch if rng.random() < 0.3 else coat
    leg(-0.26, 0.0, far)
    leg(0.22, 2.0, far)
    raised = rng.uniform(1.2, 2.6)
    tail = Joint(-0.33, -high * 0.2, -1, raised, swing=0.4, pace=0.7)
    build.limb(float(rng.uniform(0.1, 0.4)), 0.05, coat, tail)
    build.oval(high, 0.74, coat, Joint())
    if patch is not coat and rng.random() < 0.6:
        place = float(rng.normal(0, 0.15)), float(rng.normal(0, 0.03))
        build.oval(high * 0.6, float(rng.uniform(0.1, 0.35)), patch, Joint(*place))
    leg(-0.3, np.pi, coat)
    leg(0.27, np.pi + 2, coat)
    rise = float(rng.uniform(1.6, 2.9))
    neck = build.limb(0.24, high * 0.55, coat, Joint(0.3, -high * 0.1, -1, -rise, swing=0.1))
    tilt = float(rng.uniform(0.3, 1.6))
    cover = coat if rng.random() < 0.6 else patch
    head = build.oval(0.24, 0.14, cover, Joint(0.0, 0.18, neck, tilt, group=1))
    build.oval(0.12, 0.06, patch, Joint(0.05, -0.07, head, rng.normal(0.8, 0.5), group=1))


def _vehicle(build: Builder) -> None:
    """Build a box with a cabin, windows and wheels."""
    rng = build.rng
    paint, glass, tyre = build.skin(0.8), build.skin(0.3), build.skin(0.2)
    high = float(rng.uniform(0.18, 0.4))
    rows = build.pixels(high)
    mask = shapes.compact(rng, rows, round(rows / high))
    if rng.random() < 0.6:
        mask[2:-2, 2:-2] = 255
    top = float(rng.uniform(0.14, 0.3))
    cabin = build.pixels(top)
    roof = shapes.limb(cabin, round(cabin * rng.uniform(1.2, 2.5)), 0.0)
    shift = float(rng.normal(0, 0.1))
    build.add(roof, top, paint, Joint(shift, -high * 0.6))
    build.oval(top * 0.5, top, glass, Joint(shift, -high * 0.65, group=1))
    build.add(mask, high, paint)
    size = float(rng.uniform(0.14, 0.26))
    for x in (-0.3, 0.3):
        build.oval(size, size, tyre, Joint(x, high * 0.45, swing=6.0, pace=0.2, group=2))
