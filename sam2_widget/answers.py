"""Every answer of Python to a request of the browser as a frozen dataclass.

Python sends answers and nothing else. A push (progress, a mask that tracking just saved) is the
answer to a pending ``listen`` request, so nothing reaches the browser without its credit. Twin:
``frontend/src/messages.ts``; the golden files in ``tests/messages`` are read by both test suites,
so the two cannot drift apart.

On the wire an answer is a JSON object with ``id``, ``view`` and ``kind`` beside the fields below.
Pixels and masks travel as binary buffers, never in the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


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
