"""The part of a session that is about keypoints."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, SupportsIndex

from sam2_widget import views
from sam2_widget.errors import PromptError
from sam2_widget.keypoints import free_name, make_keypoint, named, placed, without
from sam2_widget.names import tidy_name
from sam2_widget.registry import release
from sam2_widget.session_base import SessionBase

if TYPE_CHECKING:
    from sam2_widget.keypoints import FrameKeypoints, Keypoint, Skeleton


class KeypointSession(SessionBase):
    """Adds, moves, hides, copies and removes keypoints; `Session` is one."""

    @property
    def keypoints(self) -> views.Keypoints:
        """``keypoints[instance]`` is a list of dicts: frame_index, x, y, name, visible.

        ``keypoints.array(instance)`` is the names, and a (T, K, 3) array of x, y, visible.
        """
        return views.Keypoints(self._live)

    @property
    def skeleton(self) -> Skeleton:
        """Pairs of names between whose keypoints lines are drawn."""
        return self._live.skeleton

    def add_keypoint(
        self,
        frame: SupportsIndex,
        x: float,
        y: float,
        name: str | None = None,
        visible: bool = True,
        instance: int = 1,
    ) -> None:
        """Add a keypoint to an instance, or move it if the frame has one of that name.

        Parameters
        ----------
        frame : int
            Frame index; negative ones count from the end.
        x, y : float
            Pixels of the stored frame, origin at the top-left corner of the top-left pixel.
        name : str, optional
            1 to 300 characters in one line; by default the first of k1, k2, ... that the frame
            does not have yet.
        visible : bool
            False for a keypoint that is occluded.
        instance : int
            Instance number, 1 or more.

        Raises
        ------
        PromptError
            If the keypoint lies outside the frame or cannot be named so.
        FrameIndexError
            If there is no such frame.
        """
        number, at = views.instance_of(instance), self._frame(frame)

        def act() -> None:
            there = self._live.keypoints.at(number, at)
            chosen = free_name(k.name for k in there) if name is None else name
            self._place(number, at, x, y, chosen, visible, "keypoint")

        self._do(act)

    def move_keypoint(
        self, frame: SupportsIndex, name: str, x: float, y: float, instance: int = 1
    ) -> None:
        """Move the keypoint of a name; see `add_keypoint`."""
        number, at = views.instance_of(instance), self._frame(frame)

        def act() -> None:
            before = self._keypoint_at(number, at, name)
            self._place(number, at, x, y, before.name, before.visible, "move of keypoint")

        self._do(act)

    def set_keypoint_visible(
        self, frame: SupportsIndex, name: str, visible: bool, instance: int = 1
    ) -> None:
        """Say whether the keypoint of a name is visible or occluded."""
        number, at = views.instance_of(instance), self._frame(frame)

        def act() -> None:
            k = self._keypoint_at(number, at, name)
            self._place(number, at, k.x, k.y, k.name, visible, "visibility of keypoint")

        self._do(act)

    def remove_keypoint(self, frame: SupportsIndex, name: str, instance: int = 1) -> None:
        """Remove the keypoint of a name."""
        number, at = views.instance_of(instance), self._frame(frame)

        def act() -> None:
            gone = self._keypoint_at(number, at, name).name
            left = without(self._live.keypoints.at(number, at), gone)
            self._editor.commit_keypoints(number, at, left, f"removal of keypoint {gone}")

        self._do(act)

    def clear_keypoints(self, frame: SupportsIndex, instance: int = 1) -> None:
        """Remove all keypoints of an instance on a frame."""
        number, at = views.instance_of(instance), self._frame(frame)
        self._do(lambda: self._editor.commit_keypoints(number, at, (), "clearing of the keypoints"))

    def copy_keypoints(self, frame: SupportsIndex, instance: int = 1) -> None:
        """Copy all keypoints of the last frame before this one that has any.

        They replace those of the same names; others on this frame stay.

        Raises
        ------
        PromptError
            If no frame before this one has keypoints.
        """
        number, at = views.instance_of(instance), self._frame(frame)

        def act() -> None:
            copied = self._live.keypoints.before(number, at)
            if not copied:
                raise PromptError(
                    f"Instance {number} has no keypoints before frame {at}; add some first."
                )
            new = placed(self._live.keypoints.at(number, at), copied)
            self._editor.commit_keypoints(number, at, new, "copy of keypoints")

        self._do(act)

    def next_frame_without_keypoints(self, frame: SupportsIndex, instance: int = 1) -> int | None:
        """Return the next frame after `frame` without keypoints of an instance, None at the end.

        Raises
        ------
        FrameIndexError
            If there is no such frame.
        """
        number, at = views.instance_of(instance), self._frame(frame)
        gap = self._live.keypoints.next_gap(number, at)
        return gap if gap < len(self._open.video) else None

    def _draw_lines(self, skeleton: Skeleton) -> None:
        """Set the skeleton of a session that is being opened; it is closed if that fails."""
        try:
            self._live.set_skeleton(skeleton)
        except BaseException:
            self._closed = True
            release(self._live)
            raise

    def _place(
        self, instance: int, frame: int, x: float, y: float, name: str, visible: bool, text: str
    ) -> None:
        size = self._live.video.width, self._live.video.height
        new = make_keypoint(x, y, name, visible, *size)
        keypoints = placed(self._live.keypoints.at(instance, frame), [new])
        self._editor.commit_keypoints(instance, frame, keypoints, f"{text} {new.name}")

    def _keypoint_at(self, instance: int, frame: int, name: str) -> Keypoint:
        there = self._live.keypoints.at(instance, frame)
        keypoint = named(there, tidy_name(name))
        if keypoint is None:
            raise PromptError(
                f"There is no keypoint {reprlib.repr(name)} on frame {frame} of instance "
                f"{instance}; {_names(there)}."
            )
        return keypoint


def _names(keypoints: FrameKeypoints) -> str:
    names = [reprlib.repr(keypoint.name) for keypoint in keypoints[:8]]
    more = len(keypoints) - len(names)
    rest = [f"{more} more"] if more else []
    return f"it has {', '.join(names + rest)}" if names else "it has none"
