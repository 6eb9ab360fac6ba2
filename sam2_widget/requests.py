"""Every request of the browser to Python as a frozen dataclass.

Twin: ``frontend/src/messages.ts``; the golden files in ``tests/messages`` are read by both test
suites, so the two cannot drift apart. What Python says to them is in `answers`.

On the wire a request is a JSON object with ``kind`` beside the fields below. Bytes of files travel
as binary buffers, never in the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

Direction = Literal["both", "forward", "backward"]
ScopeId = tuple[int, str]
"""Instance number and region id."""


@dataclass(frozen=True, slots=True)
class Request:
    """What every request carries: its number, the view that waits, and binary buffers if any."""

    kind: ClassVar[str]
    id: int
    view: str
    buffers: tuple[memoryview, ...] = field(default=(), kw_only=True)


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
    """A frame as JPEG, at most `max_width` pixels wide; answered with `Frame` or `NotReady`.

    With `overlay` all masks and prompts of the frame come along: one message in the place of two.
    """

    kind = "frame"
    frame: int
    max_width: int
    overlay: bool = False


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
class GetLanes(Request):
    """What there is on every frame, as far as it changed after `since`; answered with `Lanes`.

    `since` is the revision of an earlier `Lanes`, 0 for everything.
    """

    kind = "lanes"
    since: int


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
class Brush(Request):
    """A stroke of brush or eraser on a frame's mask; answered with `Overlay`.

    The stroke is a line through places in pixels of the stored frame, `radius` pixels thick to
    either side, with round ends.
    """

    kind = "brush"
    frame: int
    instance: int
    region: str
    stroke: list[tuple[float, float]]
    radius: float
    erase: bool


@dataclass(frozen=True, slots=True)
class DeleteInstance(Request):
    """All scopes and keypoints of an instance go away; answered with `Done`."""

    kind = "delete_instance"
    instance: int


@dataclass(frozen=True, slots=True)
class RenameInstance(Request):
    """An instance gets another display name, empty for none; answered with `Done`."""

    kind = "rename_instance"
    instance: int
    name: str


@dataclass(frozen=True, slots=True)
class RenameRegion(Request):
    """A region gets another display name, empty for its id; answered with `Done`."""

    kind = "rename_region"
    region: str
    name: str


@dataclass(frozen=True, slots=True)
class SetColor(Request):
    """A scope gets a colour "#rrggbb", null for the palette's own; answered with `Done`."""

    kind = "set_color"
    instance: int
    region: str
    color: str | None


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
class NextGap(Request):
    """The next frame without keypoints of an instance; answered with that frame's `Overlay`.

    Where all later frames have some it is answered with the `Overlay` of `frame` itself.
    """

    kind = "next_gap"
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


@dataclass(frozen=True, slots=True)
class Save(Request):
    """Bring all that is saved to the disk itself; answered with `Saved`."""

    kind = "save"


@dataclass(frozen=True, slots=True)
class Reload(Request):
    """Read the project's files again; answered with `Done`."""

    kind = "reload"


@dataclass(frozen=True, slots=True)
class TryLock(Request):
    """Take over a project that another process held, if it is free; answered with `Done`."""

    kind = "try_lock"


@dataclass(frozen=True, slots=True)
class Export(Request):
    """Everything as one JSON, or one scope in the original tool's shape; answered with `Download`.

    `instance` and `region` are both null for everything.
    """

    kind = "export"
    instance: int | None
    region: str | None


@dataclass(frozen=True, slots=True)
class GetChunk(Request):
    """A part of a `Download` from `offset` on; answered with `Chunk`."""

    kind = "chunk"
    token: str
    offset: int


@dataclass(frozen=True, slots=True)
class BeginUpload(Request):
    """A file is coming; answered with `Upload`, which says from which byte on.

    `modified` is the file's time in ms since 1970: with name and size it tells whether the file is
    the one that an earlier, broken upload was about.
    """

    kind = "begin_upload"
    purpose: Literal["video", "annotations"]
    name: str
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class UploadChunk(Request):
    """The bytes from `offset` on, in the one buffer; answered with `Upload`."""

    kind = "upload_chunk"
    token: str
    offset: int


@dataclass(frozen=True, slots=True)
class CancelUpload(Request):
    """Throw away what was uploaded; answered with `Done`."""

    kind = "cancel_upload"
    token: str


@dataclass(frozen=True, slots=True)
class PreviewLoad(Request):
    """What loading an uploaded file of annotations would do; answered with `LoadPreview`."""

    kind = "preview_load"
    token: str


@dataclass(frozen=True, slots=True)
class ApplyLoad(Request):
    """Load an uploaded file of annotations; answered with `Done`."""

    kind = "apply_load"
    token: str
    how: Literal["merge", "replace"]


@dataclass(frozen=True, slots=True)
class ListVideos(Request):
    """Look for videos and projects anew; answered with `Choices`."""

    kind = "list_videos"


@dataclass(frozen=True, slots=True)
class OpenVideo(Request):
    """Open one of the listed videos or projects; answered with `Done`, after which `Hello`."""

    kind = "open_video"
    path: str


@dataclass(frozen=True, slots=True)
class ListModels(Request):
    """The models there are; answered with `Models`."""

    kind = "models"


@dataclass(frozen=True, slots=True)
class SetModel(Request):
    """Use a model of the list that is on this machine; answered with `Done` once it is loaded."""

    kind = "set_model"
    name: str


@dataclass(frozen=True, slots=True)
class DownloadModel(Request):
    """Download a model of the list and use it once it is whole; answered with `Done` at once.

    How far it is, all views see in the `State`; how it ended, a notice tells.
    """

    kind = "download_model"
    name: str


@dataclass(frozen=True, slots=True)
class CancelDownload(Request):
    """End the download; what came is kept, and another one goes on from there."""

    kind = "cancel_download"
