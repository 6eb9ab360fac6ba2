"""Every message between Python and the browser, parsed at the door, encoded on the way out.

The browser sends requests; Python sends answers and nothing else. A push (progress, a mask that
tracking just saved) is the answer to a pending ``listen`` request, so nothing reaches the browser
without its credit. Twin: ``frontend/src/messages.ts``; the golden files in ``tests/messages`` are
read by both test suites, so the two cannot drift apart.

On the wire a message is a JSON object with ``id``, ``view`` and ``kind`` beside the fields below.
Pixels and masks travel as binary buffers, never in the JSON.
"""

from __future__ import annotations

import dataclasses
import math
import reprlib
import types
import typing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

Direction = Literal["both", "forward", "backward"]
ScopeId = tuple[int, str]
"""Instance number and region id."""
_MAX_INTEGER = 2**53 - 1
"""JavaScript's largest exact integer."""


class MessageError(ValueError):
    """A message that is not of the agreed form."""


# ---------------------------------------------------------------------------------------------
# Requests: browser to Python
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """What every request carries: its number and the view that waits for the answer."""

    kind: ClassVar[str]
    id: int
    view: str


@dataclass(frozen=True, slots=True)
class Hello(Request):
    """A view was drawn; answered at once with the whole `State`."""

    kind = "hello"


@dataclass(frozen=True, slots=True)
class Listen(Request):
    """Answered with a `State` as soon as its revision is past `since`: the credit for one push."""

    kind = "listen"
    since: int


@dataclass(frozen=True, slots=True)
class Bye(Request):
    """The view is gone; its pending `Listen` is dropped."""

    kind = "bye"


@dataclass(frozen=True, slots=True)
class Ping(Request):
    """Answered with `Done`: is the kernel there, and how far away."""

    kind = "ping"


@dataclass(frozen=True, slots=True)
class GetFrame(Request):
    """A frame as JPEG, at most `max_width` pixels wide; answered with `Frame` or `NotReady`."""

    kind = "frame"
    frame: int
    max_width: int


@dataclass(frozen=True, slots=True)
class GetTimes(Request):
    """Seconds of every frame that is extracted; answered with `Times`."""

    kind = "times"


@dataclass(frozen=True, slots=True)
class GetOverlay(Request):
    """All masks and prompts of a frame; answered with `Overlay`."""

    kind = "overlay"
    frame: int


@dataclass(frozen=True, slots=True)
class AddPoint(Request):
    """A click: `x`, `y` in pixels of the stored frame, `label` 1 or 0; answered with `Overlay`."""

    kind = "add_point"
    frame: int
    instance: int
    region: str
    x: float
    y: float
    label: int


@dataclass(frozen=True, slots=True)
class MovePoint(Request):
    """Point number `index` of a frame goes to `x`, `y`; answered with `Overlay`."""

    kind = "move_point"
    frame: int
    instance: int
    region: str
    index: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class RemovePoint(Request):
    """Point number `index` of a frame goes away; answered with `Overlay`."""

    kind = "remove_point"
    frame: int
    instance: int
    region: str
    index: int


@dataclass(frozen=True, slots=True)
class SetBox(Request):
    """A box takes the place of a frame's prompts; edges in pixels; answered with `Overlay`."""

    kind = "set_box"
    frame: int
    instance: int
    region: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class ClearFrame(Request):
    """Prompts and mask of a scope on a frame go away; answered with `Overlay`."""

    kind = "clear_frame"
    frame: int
    instance: int
    region: str


@dataclass(frozen=True, slots=True)
class DeleteScope(Request):
    """All prompts and masks of a scope go away; answered with `Done`."""

    kind = "delete_scope"
    instance: int
    region: str


@dataclass(frozen=True, slots=True)
class AddRegion(Request):
    """The project gets one more region; answered with `Done`."""

    kind = "add_region"
    region: str


@dataclass(frozen=True, slots=True)
class AddKeypoint(Request):
    """A keypoint at `x`, `y` in pixels, `name` null for k1, k2, ...; answered with `Overlay`."""

    kind = "add_keypoint"
    frame: int
    instance: int
    x: float
    y: float
    name: str | None


@dataclass(frozen=True, slots=True)
class MoveKeypoint(Request):
    """The keypoint of a name goes to `x`, `y`; answered with `Overlay`."""

    kind = "move_keypoint"
    frame: int
    instance: int
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class RemoveKeypoint(Request):
    """The keypoint of a name goes away; answered with `Overlay`."""

    kind = "remove_keypoint"
    frame: int
    instance: int
    name: str


@dataclass(frozen=True, slots=True)
class SetKeypointVisible(Request):
    """The keypoint of a name is visible or occluded; answered with `Overlay`."""

    kind = "set_keypoint_visible"
    frame: int
    instance: int
    name: str
    visible: bool


@dataclass(frozen=True, slots=True)
class ClearKeypoints(Request):
    """The keypoints of an instance on a frame go away; answered with `Overlay`."""

    kind = "clear_keypoints"
    frame: int
    instance: int


@dataclass(frozen=True, slots=True)
class CopyKeypoints(Request):
    """The keypoints of the last frame before that has any; answered with `Overlay`."""

    kind = "copy_keypoints"
    frame: int
    instance: int


@dataclass(frozen=True, slots=True)
class Undo(Request):
    """Take back the last step; answered with the `Overlay` of the frame concerned."""

    kind = "undo"


@dataclass(frozen=True, slots=True)
class Redo(Request):
    """Do the last undone step again; answered with the `Overlay` of the frame concerned."""

    kind = "redo"


@dataclass(frozen=True, slots=True)
class Track(Request):
    """Start tracking; `scopes` null is every scope with prompts. Answered with `Done`."""

    kind = "track"
    scopes: list[ScopeId] | None = None
    start: int | None = None
    stop: int | None = None
    direction: Direction = "both"
    force: bool = False


@dataclass(frozen=True, slots=True)
class Cancel(Request):
    """Stop tracking after the frame at hand; answered with `Done`."""

    kind = "cancel"


# ---------------------------------------------------------------------------------------------
# Answers: Python to browser
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What every answer carries beside its own fields: binary buffers."""

    kind: ClassVar[str]
    buffers: tuple[bytes, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class VideoState:
    """What the browser needs to know of the video; `ready` frames are extracted."""

    name: str
    width: int
    height: int
    fps: float
    frames: int
    ready: int
    complete: bool


@dataclass(frozen=True, slots=True)
class RegionState:
    """A region: its id and its display name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ScopeState:
    """A scope that holds anything: how many prompts and masks, and how many of them are stale."""

    instance: int
    region: str
    color: str
    prompts: int
    masks: int
    stale: int


@dataclass(frozen=True, slots=True)
class ModelState:
    """The model: `status` is waiting, loading, ready or failed; `note` is a line for the user."""

    name: str
    device: str
    status: str
    note: str


@dataclass(frozen=True, slots=True)
class JobState:
    """A tracking run: frames done, frames in all, and the seconds that are left, if known."""

    text: str
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user; `level` is info, warning or error. Ids grow."""

    id: int
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class State(Answer):
    """Everything small that all views share.

    `changed` are the frame ranges [start, stop) whose overlay differs from what it was at the
    revision the browser listened from; null means any frame may differ.
    """

    kind = "state"
    revision: int
    changed: list[tuple[int, int]] | None
    video: VideoState
    regions: list[RegionState]
    scopes: list[ScopeState]
    model: ModelState
    job: JobState | None
    undo: str | None
    redo: str | None
    read_only: bool
    saved: bool
    notices: list[Notice]


@dataclass(frozen=True, slots=True)
class Frame(Answer):
    """A frame; its one buffer is a JPEG of `width` x `height` pixels."""

    kind = "frame"
    frame: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class NotReady(Answer):
    """The frame is not extracted yet; `ready` frames are. Ask again when `State` says so."""

    kind = "not_ready"
    frame: int
    ready: int


@dataclass(frozen=True, slots=True)
class Times(Answer):
    """Seconds of the first `count` frames; its one buffer holds them as little-endian float64."""

    kind = "times"
    count: int


@dataclass(frozen=True, slots=True)
class MaskItem:
    """A mask on a frame.

    Its buffer, number `buffer`, is the box `x`, `y`, `width`, `height` of the mask as packed bits:
    rows from top to bottom, each padded to a whole byte, most significant bit leftmost, deflated
    with a zlib header. An empty mask has width and height 0 and an empty buffer.
    """

    instance: int
    region: str
    color: str
    source: str
    stale: bool
    x: int
    y: int
    width: int
    height: int
    buffer: int


@dataclass(frozen=True, slots=True)
class PointItem:
    """A point prompt in pixels of the stored frame; `label` is 1 or 0."""

    instance: int
    region: str
    index: int
    x: float
    y: float
    label: int


@dataclass(frozen=True, slots=True)
class BoxItem:
    """A box prompt by its edges in pixels of the stored frame."""

    instance: int
    region: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class KeypointItem:
    """A keypoint in pixels of the stored frame; one that is not `visible` is occluded."""

    instance: int
    name: str
    x: float
    y: float
    visible: bool


@dataclass(frozen=True, slots=True)
class StepItem:
    """What an undo or redo did and where: the view goes to that frame and scope."""

    text: str
    frame: int | None
    instance: int
    region: str


@dataclass(frozen=True, slots=True)
class Overlay(Answer):
    """All there is on a frame as of `revision`; `step` only after undo and redo."""

    kind = "overlay"
    frame: int
    revision: int
    masks: list[MaskItem]
    points: list[PointItem]
    boxes: list[BoxItem]
    keypoints: list[KeypointItem]
    step: StepItem | None = None


@dataclass(frozen=True, slots=True)
class Done(Answer):
    """The request was carried out."""

    kind = "done"


@dataclass(frozen=True, slots=True)
class Failed(Answer):
    """The request was not carried out; `message` is a sentence for the user."""

    kind = "error"
    message: str


REQUESTS: dict[str, type[Request]] = {
    cls.kind: cls
    for cls in (
        Hello, Listen, Bye, Ping, GetFrame, GetTimes, GetOverlay, AddPoint, MovePoint,
        RemovePoint, SetBox, ClearFrame, DeleteScope, AddRegion, AddKeypoint,
        MoveKeypoint, RemoveKeypoint, SetKeypointVisible, ClearKeypoints, CopyKeypoints, Undo,
        Redo, Track, Cancel,
    )
}  # fmt: skip

_T = TypeVar("_T")


def parse(content: object) -> Request:
    """Turn the JSON of a request into its dataclass.

    Parameters
    ----------
    content : object
        What the browser sent: hostile until checked.

    Raises
    ------
    MessageError
        If it is not a request of the agreed form; the text names the field.
    """
    if not isinstance(content, dict):
        raise MessageError("A request must be a JSON object.")
    kind = content.get("kind")
    cls = REQUESTS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise MessageError(f"Unknown request {_show(kind)}; reload the page to update the widget.")
    return _build(cls, {key: value for key, value in content.items() if key != "kind"})


def _build(cls: type[_T], values: dict[str, Any]) -> _T:
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    unknown = values.keys() - set(names)
    if unknown:
        raise MessageError(f"Unexpected field {_show(min(unknown))} in {cls.__name__}.")
    checked = {k: _check(v, hints[k], f"{cls.__name__}.{k}") for k, v in values.items()}
    try:
        return cls(**checked)
    except TypeError as error:
        raise MessageError(f"Incomplete {cls.__name__}: {error}.") from error


def _check(value: Any, hint: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _check_optional(value, hint, where)
    if origin is Literal:
        ok = value in typing.get_args(hint)
    elif origin is list:
        (item,) = typing.get_args(hint)
        if isinstance(value, list):
            return [_check(v, item, where) for v in value]
        ok = False
    elif origin is tuple:
        items = typing.get_args(hint)
        if isinstance(value, list) and len(value) == len(items):
            return tuple(_check(v, i, where) for v, i in zip(value, items, strict=True))
        ok = False
    elif hint is float:
        ok = _is_integer(value) or (type(value) is float and math.isfinite(value))
    elif hint is int:
        ok = _is_integer(value)
    else:
        ok = isinstance(value, hint)
    if not ok:
        raise MessageError(f"{where} cannot be {_show(value)}.")
    return value


def _is_integer(value: object) -> bool:
    return type(value) is int and abs(value) <= _MAX_INTEGER


def _show(value: object) -> str:
    # Unlike repr(), bounded in depth and length.
    return reprlib.repr(value)[:60]


def _check_optional(value: Any, hint: Any, where: str) -> Any:
    inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
    if value is None and len(inner) < len(typing.get_args(hint)):
        return None
    return _check(value, inner[0], where)


def encode(request_id: int, view: str, answer: Answer) -> tuple[dict[str, Any], list[bytes]]:
    """Return the JSON content and the binary buffers of an answer."""
    content = dataclasses.asdict(answer)
    buffers = list(content.pop("buffers"))
    return {"id": request_id, "view": view, "kind": answer.kind, **content}, buffers
