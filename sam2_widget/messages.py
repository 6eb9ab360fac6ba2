"""Every message between Python and the browser as a frozen dataclass.

The browser sends requests; Python sends answers and nothing else. A push (progress, a mask that
tracking just saved) is the answer to a pending ``listen`` request, so nothing reaches the browser
without its credit. Twin: ``frontend/src/messages.ts``; the golden files in ``tests/messages`` are
read by both test suites, so the two cannot drift apart.

On the wire a message is a JSON object with ``id``, ``view`` and ``kind`` beside the fields below.
Pixels and masks travel as binary buffers, never in the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

Direction = Literal["both", "forward", "backward"]
ScopeId = tuple[int, str]
"""Instance number and region id."""


# ---------------------------------------------------------------------------------------------
# Requests: browser to Python
# ---------------------------------------------------------------------------------------------


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
class InstanceState:
    """An instance that holds anything or has a name; `name` is empty when it has none."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class ScopeState:
    """A scope that holds anything: how many prompts and masks, and how many of them are stale.

    `own_color` tells whether it has another colour than the palette's.
    """

    instance: int
    region: str
    color: str
    prompts: int
    masks: int
    stale: int
    own_color: bool


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A model that would suit the device better than the preview: its name, and its bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ModelState:
    """The model: `status` is waiting, loading, ready or failed; `note` is a line for the user.

    `reason` says why it was chosen where there was a choice.
    """

    name: str
    device: str
    status: str
    note: str
    reason: str
    offer: ModelOffer | None


@dataclass(frozen=True, slots=True)
class ModelDownload:
    """A model that is being downloaded: bytes there and bytes in all.

    Once all are there it waits for a running track to end, and is then used.
    """

    name: str
    done: int
    total: int


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
    revision the browser listened from; null means any frame may differ. `keypoint_names` are those
    used so far, in order; `skeleton` are the pairs of names between which lines are drawn.
    """

    kind = "state"
    revision: int
    changed: list[tuple[int, int]] | None
    video: VideoState
    regions: list[RegionState]
    instances: list[InstanceState]
    scopes: list[ScopeState]
    keypoint_names: list[str]
    skeleton: list[tuple[str, str]]
    model: ModelState
    job: JobState | None
    undo: str | None
    redo: str | None
    read_only: bool
    saved: bool
    notices: list[Notice]
    download: ModelDownload | None


@dataclass(frozen=True, slots=True)
class Frame(Answer):
    """A frame; its first buffer is a JPEG of `width` x `height` pixels.

    The buffers of `overlay`, if that was asked for, follow; they are numbered as if it came alone.
    """

    kind = "frame"
    frame: int
    width: int
    height: int
    overlay: Overlay | None = None


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
    with a zlib header. An empty mask has width and height 0 and an empty buffer. `model` is the
    name of the model that made it, empty where none did.
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
    model: str


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
    """What an undo or redo did and where: the view goes to that frame and scope.

    `region` is empty where it was about keypoints alone, which belong to no region.
    """

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
class LaneItem:
    """What a scope has on the frames of the ranges; see `Lanes`."""

    instance: int
    region: str
    buffer: int


@dataclass(frozen=True, slots=True)
class KeypointLaneItem:
    """How many keypoints an instance has on the frames of the ranges; see `Lanes`."""

    instance: int
    buffer: int


@dataclass(frozen=True, slots=True)
class Lanes(Answer):
    """A few bytes for every frame of every scope that holds anything, as of `revision`.

    Told are the frames of `ranges`, each [start, stop); on all others of the `length` frames
    nothing changed since the revision that was asked for, and what is not known yet is 0. A scope
    or instance that is not listed holds nothing any more. Buffers are deflated with a zlib header.
    That of a scope holds five planes of one byte for each frame told, one after the other:

    flags
        Bits 0 to 2: what made the mask, 0 none, 1 click, 2 track, 3 edit, 4 import. Bit 3: the mask
        is stale. Prompts: bit 4 a positive point, bit 5 a negative one, bit 6 a box, bit 7 a drawn
        mask.
    suspicion
        How probably the track is wrong here, 0 to 255; see `confidence.Confidence`.
    cause
        What makes it suspect most: an index into `confidence.CAUSES`.
    score
        The object score, a logit: 0 unknown, else 1 + 254 * sigmoid(score / 4); 128 is score 0.
    area
        Pixels of the mask as a part of the scope's largest, 0 to 255; 0 only where it is empty.

    That of an instance holds one plane, the number of its keypoints, at most 255.
    """

    kind = "lanes"
    revision: int
    length: int
    ranges: list[tuple[int, int]]
    scopes: list[LaneItem]
    keypoints: list[KeypointLaneItem]


@dataclass(frozen=True, slots=True)
class VideoChoice:
    """A video that can be opened: `path` is relative to the folder of the list."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class ProjectChoice:
    """A project that was open before; `opened` is when, in seconds since 1970.

    `obstacle` says why it cannot be opened, empty when it can.
    """

    path: str
    name: str
    opened: float
    obstacle: str


@dataclass(frozen=True, slots=True)
class Choices(Answer):
    """No video is open: what there is to choose from. Answers `Hello` too."""

    kind = "choices"
    folder: str
    videos: list[VideoChoice]
    projects: list[ProjectChoice]


@dataclass(frozen=True, slots=True)
class Download(Answer):
    """A file of `size` bytes to be asked for in chunks."""

    kind = "download"
    token: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Chunk(Answer):
    """The bytes of a `Download` from `offset` on, in the one buffer, at most 1 MiB."""

    kind = "chunk"
    offset: int


@dataclass(frozen=True, slots=True)
class Upload(Answer):
    """How much of a file has come; once `received` is its size, it is there as `name`."""

    kind = "upload"
    token: str
    name: str
    received: int


@dataclass(frozen=True, slots=True)
class LoadPreview(Answer):
    """What loading a file would do, a sentence each; empty where that way is not possible."""

    kind = "load_preview"
    title: str
    merge: list[str]
    replace: list[str]


@dataclass(frozen=True, slots=True)
class Saved(Answer):
    """Everything is on the disk, in this folder."""

    kind = "saved"
    folder: str


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model: its name, the bytes of its file, whether that is on this machine, what it is."""

    name: str
    size: int
    here: bool
    description: str


@dataclass(frozen=True, slots=True)
class Models(Answer):
    """The models there are, as they are to be listed."""

    kind = "models"
    models: list[ModelChoice]


@dataclass(frozen=True, slots=True)
class Done(Answer):
    """The request was carried out."""

    kind = "done"


@dataclass(frozen=True, slots=True)
class Failed(Answer):
    """The request was not carried out; `message` is a sentence for the user."""

    kind = "error"
    message: str
