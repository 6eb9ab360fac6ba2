"""What the processes do that `test_kill` kills: annotate and tell of it; imports no torch."""

from __future__ import annotations

import functools
import itertools
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.sample import SAMPLE_CLICKS
from sam2_widget.session import Session
from sam2_widget.uploads import CHUNK, Uploads
from tests.clips import HEIGHT, WIDTH, numbered_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

FRAMES = 8
REGIONS = ("overall", "shaft")
NAMES = ("tip", "base")
KINDS = (
    ("add", 4), ("box", 1), ("mask", 2), ("paint", 3), ("erase", 2), ("clear", 2), ("delete", 1),
    ("keypoint", 2), ("hide_keypoint", 1), ("copy_keypoints", 1), ("clear_keypoints", 1),
    ("name", 1), ("color", 1), ("delete_instance", 1), ("undo", 3), ("redo", 2), ("track", 1),
)  # fmt: skip
Action = tuple[str, str, int, float, float]


def actions(seed: int) -> Iterator[Action]:
    """Yield one random action after the other: what, region, frame, x, y."""
    chance = random.Random(seed)
    kinds, weights = zip(*KINDS, strict=True)
    while True:
        (kind,) = chance.choices(kinds, weights)
        place = chance.choice(REGIONS), chance.randrange(FRAMES)
        yield (kind, *place, float(chance.randrange(WIDTH)), float(chance.randrange(HEIGHT)))


def perform(session: Session, action: Action) -> None:
    """Do an action in a session, if it can be done."""
    kind, region, frame, x, y = action
    name = NAMES[REGIONS.index(region)]
    there = {k["name"] for k in session.keypoints[1] if k["frame_index"] == frame}
    if kind == "add":
        session.add_point(frame, x, y, region=region)
    elif kind == "box":
        session.set_box(frame, (x / 2, y / 2, x / 2 + 20, y / 2 + 20), region=region)
    elif kind == "mask":
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
        session.set_mask(frame, (abs(columns - x) < 15) & (abs(rows - y) < 9), region=region)
    elif kind in ("paint", "erase"):
        session.paint(frame, [(x, y), (y, x)], 7, erase=kind == "erase", region=region)
    elif kind == "clear":
        session.clear_frame(frame, region=region)
    elif kind == "delete":
        session.delete_scope(1, region)
    elif kind == "keypoint":
        session.add_keypoint(frame, x, y, name)
    elif kind == "hide_keypoint" and name in there:
        session.set_keypoint_visible(frame, name, False)
    elif kind == "copy_keypoints" and any(k["frame_index"] < frame for k in session.keypoints[1]):
        session.copy_keypoints(frame)
    elif kind == "clear_keypoints":
        session.clear_keypoints(frame)
    elif kind == "name" and frame % 2:
        session.rename_instance(1, f"{name} {x:g}")
    elif kind == "name":
        session.rename_region(region, f"{name} {x:g}")
    elif kind == "color":
        session.set_color(1, region, f"#{int(x * 1000 + y):06x}")
    elif kind == "delete_instance":
        session.delete_instance(1)
    elif kind == "undo":
        session.undo()
    elif kind == "redo":
        session.redo()
    elif kind == "track" and list(session.live.annotations):
        session.track().wait()


def given(session: Session) -> dict[Any, Any]:
    """Return all prompts, keypoints and names of a session by the file that they are in."""
    prompts = {s: session.live.annotations.of(s) for s in session.live.annotations}
    return {**prompts, **session.keypoints, "labels": session.live.labels}


def masks(session: Session) -> dict[tuple[Any, int], bytes]:
    """Return all masks of a session by scope and frame."""
    store = session.live.masks
    return {
        (scope, frame): store.read(scope, frame).tobytes()
        for scope in store.scopes()
        for frame in store.frames(scope)
    }


def annotate(folder: Path, seed: int, line: Connection, model: str | None = None) -> None:
    """Open a project and annotate for ever, telling of every action when it is done."""
    with Session(
        numbered_frames(FRAMES), name="clip", output_dir=folder, model=model or FakeEngine()
    ) as session:
        session.video.wait()
        session.live.worker.run(lambda: None)
        assert model or "torch" not in sys.modules
        line.send("open")
        for action in actions(seed):
            perform(session, action)
            line.send("done")


def prompt(session: Session, edit: bool) -> None:
    """Click the shapes of the sample clip, or draw what the clicks give."""
    for instance, click in enumerate(SAMPLE_CLICKS.values(), start=1):
        mask = session.add_point(0, *click, instance=instance)
        if edit:
            session.set_mask(0, mask, instance=instance)


def track(clip: Path, folder: Path, edit: bool, line: Connection) -> None:
    """Track the shapes of the sample clip, telling how many frames there are and of each."""
    with Session(clip, output_dir=folder, model="nano", device="cpu") as session:
        prompt(session, edit)
        job = session.track()
        line.send(job.progress[1])
        for frame in job:
            line.send(frame)


def load(folder: Path, exported: Path, line: Connection) -> None:
    """Load an export for ever, in a new project each time, telling of it before and after."""
    for number in itertools.count():
        with Session(
            numbered_frames(FRAMES), name=f"clip{number}", output_dir=folder, model=FakeEngine()
        ) as session:
            session.video.wait()
            line.send("open")
            session.load(exported)
            line.send("done")


def hold(folder: Path, line: Connection) -> None:
    """Open a project with a mask and keep it until told to let go."""
    with Session(
        numbered_frames(FRAMES), name="clip", output_dir=folder, model=FakeEngine()
    ) as session:
        session.video.wait()
        session.add_point(0, 20, 20)
        while b'"times"' not in (session.folder / "project.json").read_bytes():
            time.sleep(0.01)  # written once all frames are stored, by the thread that stores them
        line.send("open")
        line.recv()
    line.send("closed")


@functools.cache
def content() -> bytes:
    """Return the bytes of the file that `send_file` uploads."""
    return random.Random(0).randbytes(40 * CHUNK + 12_345)


def send_file(folder: Path, line: Connection) -> None:
    """Upload a file, telling of every chunk how much was acknowledged."""
    uploads = Uploads()
    upload = uploads.begin(folder, "clip.mp4", len(content()), 1_700_000_000_000)
    while upload.received < len(content()):
        start = upload.received
        upload = uploads.chunk(upload.token, start, content()[start : start + CHUNK])
        line.send(upload.received)
