"""The part of a session that is about prompts: points, boxes, and masks drawn by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, SupportsIndex

from sam2_widget import brush
from sam2_widget.annotations import Box, FramePrompts, make_point, tidy
from sam2_widget.errors import PromptError
from sam2_widget.session_base import SessionBase

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    import numpy.typing as npt

    from sam2_widget.annotations import Point, Scope
    from sam2_widget.engines.base import Mask
    from sam2_widget.versions import Shown


class PromptSession(SessionBase):
    """Gives, moves and removes prompts, and returns the masks they give; `Session` is one."""

    def add_point(
        self,
        frame: SupportsIndex,
        x: float,
        y: float,
        label: int = 1,
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Add a point and return the mask it gives.

        Parameters
        ----------
        frame : int
            Frame index; negative ones count from the end.
        x, y : float
            Pixels of the stored frame, origin at the top-left corner of the top-left pixel.
        label : int
            1 for inside the object, 0 for outside.
        instance : int
            Instance number, 1 or more.
        region : str, optional
            Region id, by default the first.

        Returns
        -------
        ndarray
            (H, W) bool mask of that frame. It is saved.

        Raises
        ------
        PromptError
            If the point lies outside the frame.
        FrameIndexError
            If there is no such frame.
        """
        return self.add_points(frame, [(x, y, label)], instance, region)

    def add_points(
        self,
        frame: SupportsIndex,
        points: Iterable[tuple[float, float, int]] | npt.NDArray[Any],
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Add points (x, y, label) in order, as one step of undo; see `add_point`."""
        scope, index = self._scope(instance, region), self._frame(frame)
        return self._do(lambda: self._editor.add_points(scope, index, list(points)))

    def add_point_soon(
        self, frame: int, x: float, y: float, label: int, scope: Scope, shown: Shown
    ) -> Future[Mask]:
        """Add a point without waiting; `shown` is called before the PNG is saved."""
        scope = self._scope(*scope)
        index = self._frame(frame)
        return self._submit(lambda: self._editor.add_points(scope, index, [(x, y, label)], shown))

    def move_point(
        self,
        frame: SupportsIndex,
        index: int,
        x: float,
        y: float,
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Move point number `index` of a frame and return the mask; see `add_point`."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> Mask:
            points = list(self._points_at(scope, at, index))
            video = self._live.video
            points[index] = make_point(x, y, points[index].label, video.width, video.height)
            return self._editor.change_points(scope, at, points, "move of a point")

        return self._do(act)

    def remove_point(
        self, frame: SupportsIndex, index: int, instance: int = 1, region: str | None = None
    ) -> Mask:
        """Remove point number `index` of a frame and return the mask; see `add_point`."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> Mask:
            points = list(self._points_at(scope, at, index))
            del points[index]
            return self._editor.change_points(scope, at, points, "removal of a point")

        return self._do(act)

    def set_box(
        self,
        frame: SupportsIndex,
        box: tuple[float, float, float, float],
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Give a box (x0, y0, x1, y1) in the place of the frame's prompts and return the mask.

        Raises
        ------
        PromptError
            If the box is empty or not inside the frame.
        """
        scope, at = self._scope(instance, region), self._frame(frame)
        x0, y0, x1, y1 = (tidy(edge) for edge in box)
        width, height = self._live.video.width, self._live.video.height
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise PromptError(
                f"The box ({x0:g}, {y0:g}, {x1:g}, {y1:g}) is not a box (x0, y0, x1, y1) inside "
                f"the frame of {width} x {height} pixels."
            )
        given = FramePrompts((), Box(x0, y0, x1, y1))
        return self._do(lambda: self._editor.commit(scope, at, given, "box"))

    def clear_box(self, frame: SupportsIndex, instance: int = 1, region: str | None = None) -> Mask:
        """Remove the box of a frame and return the mask of the points that are left."""
        scope, at = self._scope(instance, region), self._frame(frame)

        def act() -> Mask:
            before = self._live.annotations.at(scope, at)
            if before is None or before.box is None:
                return self._live.masks.read(scope, at)
            return self._editor.commit(scope, at, replace(before, box=None), "removal of the box")

        return self._do(act)

    def set_mask(
        self,
        frame: SupportsIndex,
        mask: npt.ArrayLike,
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Give a mask drawn or computed elsewhere in the place of the frame's prompts.

        The frame's mask is this one exactly; tracking follows it, points added later refine it. No
        model is needed.

        Parameters
        ----------
        frame : int
            Frame index; negative ones count from the end.
        mask : array_like
            (H, W) bool, or integers where nonzero is inside. All False says that the object is
            absent.
        instance : int
            Instance number, 1 or more.
        region : str, optional
            Region id, by default the first.

        Returns
        -------
        ndarray
            (H, W) bool mask of that frame. It is saved.

        Raises
        ------
        PromptError
            If the mask has another shape or type.
        FrameIndexError
            If there is no such frame.
        """
        scope, at = self._scope(instance, region), self._frame(frame)
        given = brush.check_mask(mask, self._live.video.height, self._live.video.width)
        return self._do(lambda: self._editor.set_mask(scope, at, given, "mask"))

    def paint(
        self,
        frame: SupportsIndex,
        stroke: Iterable[tuple[float, float]] | npt.NDArray[Any],
        radius: float,
        erase: bool = False,
        instance: int = 1,
        region: str | None = None,
    ) -> Mask:
        """Add a brush stroke to the frame's mask, or take it away; the result is a drawn mask.

        Parameters
        ----------
        frame : int
            Frame index; negative ones count from the end.
        stroke : sequence of (float, float)
            One or more places (x, y) that the line goes through, in pixels of the stored frame;
            they may lie outside it.
        radius : float
            Pixels whose centre lies within this distance of the line are covered.
        erase : bool
            Whether to take away.
        instance : int
            Instance number, 1 or more.
        region : str, optional
            Region id, by default the first.

        Returns
        -------
        ndarray
            (H, W) bool mask of that frame. It is saved; see `set_mask`.

        Raises
        ------
        PromptError
            If the stroke or the radius makes no sense.
        FrameIndexError
            If there is no such frame.
        """
        scope, at = self._scope(instance, region), self._frame(frame)
        places = self._stroke(stroke, radius)
        return self._do(lambda: self._editor.paint(scope, at, places, float(radius), erase))

    def paint_soon(
        self,
        frame: int,
        stroke: Iterable[tuple[float, float]],
        radius: float,
        erase: bool,
        scope: Scope,
        shown: Shown,
    ) -> Future[Mask]:
        """Paint without waiting; `shown` is called before the PNG is saved, if anything changes."""
        scope = self._scope(*scope)
        at, places = self._frame(frame), self._stroke(stroke, radius)
        return self._submit(
            lambda: self._editor.paint(scope, at, places, float(radius), erase, shown)
        )

    def clear_frame(
        self, frame: SupportsIndex, instance: int = 1, region: str | None = None
    ) -> None:
        """Remove the prompts and the mask of a scope on a frame."""
        scope, at = self._scope(instance, region), self._frame(frame)
        self._do(lambda: self._editor.clear_frame(scope, at))

    def delete_scope(self, instance: int, region: str) -> None:
        """Remove all prompts and masks of a scope; undo brings them back."""
        scope = self._scope(instance, region)
        self._do(lambda: self._editor.delete_scope(scope))

    def _stroke(self, stroke: Iterable[Any], radius: float) -> brush.Stroke:
        video = self._live.video
        return brush.check_stroke(stroke, radius, video.width, video.height)

    def _points_at(self, scope: Scope, frame: int, index: int) -> tuple[Point, ...]:
        prompts = self._live.annotations.at(scope, frame) or FramePrompts()
        if not 0 <= index < len(prompts.points):
            raise PromptError(
                f"There is no point {index} on frame {frame} of {scope}; it has "
                f"{len(prompts.points)}."
            )
        return prompts.points
