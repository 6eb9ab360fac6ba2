"""Colours of scopes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sam2_widget.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sam2_widget.annotations import Scope

# Okabe and Ito's palette for all kinds of colour vision (jfly.uni-koeln.de/color), less black, with
# the blues last since positive points are blue.
OKABE_ITO = ("#009E73", "#E69F00", "#CC79A7", "#F0E442", "#D55E00", "#56B4E9", "#0072B2")


def color(scope: Scope, regions: Sequence[str]) -> str:
    """Return the colour of a scope: the same whatever other scopes exist.

    Up to seven regions of one instance differ, and so do seven instances in one region.
    """
    place = regions.index(scope.region) if scope.region in regions else len(regions)
    return OKABE_ITO[(place + 3 * (scope.instance - 1)) % len(OKABE_ITO)]


def check_color(color: str) -> str:
    """Return a colour "#rrggbb" in lower case.

    Raises
    ------
    PromptError
        If it is written otherwise.
    """
    if not isinstance(color, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise PromptError(f"A colour is written '#rrggbb', not {color!r:.60}.")
    return color.lower()
