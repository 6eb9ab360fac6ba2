"""Any sequence of what users do, for tests of what must hold whatever they did."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from sam2_widget.errors import ProjectError, PromptError

if TYPE_CHECKING:
    from sam2_widget.session import Session

REGIONS = ("overall", "shaft")


def disc(x: float, y: float) -> npt.NDArray[np.bool_]:
    """Return a mask of the size of `open_project`'s frames."""
    yy, xx = np.mgrid[0:64, 0:96]
    inside: npt.NDArray[np.bool_] = (xx - x) ** 2 + (yy - y) ** 2 <= 100
    return inside


Doing = Callable[["Session", int, str, float, float], object]

# Each is given a frame, a region and a place, and takes of them what it needs.
DOINGS: tuple[Doing, ...] = (
    lambda s, f, r, x, y: s.add_point(f, x, y, int(x) % 2, region=r),
    lambda s, f, r, x, y: s.add_points(f, [(x, y, 1), (y, x / 2, 0)], region=r),
    lambda s, f, r, x, y: s.move_point(f, 0, x, y, region=r),
    lambda s, f, r, x, y: s.remove_point(f, 0, region=r),
    lambda s, f, r, x, y: s.set_box(f, (x / 2, y / 2, x / 2 + 5, y / 2 + 7), region=r),
    lambda s, f, r, x, y: s.clear_box(f, region=r),
    lambda s, f, r, x, y: s.clear_frame(f, region=r),
    lambda s, f, r, x, y: s.delete_scope(1, r),
    lambda s, f, r, x, y: s.set_mask(f, disc(x, y), region=r),
    lambda s, f, r, x, y: s.paint(f, [(x, y), (y, x)], 1 + x / 20, erase=int(y) % 2 == 0, region=r),
    lambda s, f, r, x, y: s.add_keypoint(f, x, y, f"at {r}"),
    lambda s, f, r, x, y: s.move_keypoint(f, f"at {r}", x, y),
    lambda s, f, r, x, y: s.set_keypoint_visible(f, f"at {r}", int(x) % 2 == 0),
    lambda s, f, r, x, y: s.remove_keypoint(f, f"at {r}"),
    lambda s, f, r, x, y: s.clear_keypoints(f),
    lambda s, f, r, x, y: s.copy_keypoints(f),
    lambda s, f, r, x, y: s.add_region(f"r{int(x)}"),
    lambda s, f, r, x, y: s.track([(1, r)]).wait(),
    lambda s, f, r, x, y: s.track(force=True).wait(),
    lambda s, f, r, x, y: s.undo(),
    lambda s, f, r, x, y: s.redo(),
    lambda s, f, r, x, y: s.save(),
)

doings = st.tuples(
    st.integers(0, len(DOINGS) - 1),
    st.integers(0, 2),
    st.sampled_from(REGIONS),
    st.integers(0, 9599).map(lambda x: x / 100),
    st.integers(0, 6399).map(lambda y: y / 100),
)


def do(session: Session, doing: tuple[int, int, str, float, float]) -> None:
    """Do one of them; what cannot be done is refused and changes nothing."""
    number, *given = doing
    with contextlib.suppress(PromptError, ProjectError):
        DOINGS[number](session, *given)  # type: ignore[arg-type]
