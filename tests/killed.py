"""What the processes do that `test_kill` kills: annotate and tell of it; imports no torch."""

from __future__ import annotations

import functools
import random
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sam2_widget.engines.fake import FakeEngine
from sam2_widget.session import Session
from sam2_widget.uploads import CHUNK, Uploads
from tests.clips import numbered_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

FRAMES = 8
REGIONS = ("overall", "shaft")
Action = tuple[str, str, int, float, float]
State = dict[tuple[str, int], list[list[float]]]


def actions(seed: int) -> Iterator[Action]:
    """Yield one random action after the other: what, region, frame, x, y."""
    chance = random.Random(seed)
    while True:
        kind = chance.choice(["add", "add", "add", "clear", "undo", "redo", "track"])
        place = chance.choice(REGIONS), chance.randrange(FRAMES)
        yield (kind, *place, float(chance.randrange(96)), float(chance.randrange(64)))


@dataclass
class Model:
    """The points after some actions, and what undo and redo would bring."""

    state: State = field(default_factory=dict)
    done: list[State] = field(default_factory=list)
    undone: list[State] = field(default_factory=list)
    masks: set[tuple[str, int]] = field(default_factory=set)

    def apply(self, action: Action, tracked: bool = False) -> None:
        """Do what the session does; `tracked` says whether the action made any mask by tracking."""
        kind, region, frame, x, y = action
        key = (region, frame)
        if kind == "add":
            self._put(key, [*self.state.get(key, []), [x, y, 1]])
        elif kind == "clear" and key in self.state:
            self._put(key, [])
        elif kind == "undo" and self.done:
            self.undone.append(self.state)
            self.state = self.done.pop()
        elif kind == "redo" and self.undone:
            self.done.append(self.state)
            self.state = self.undone.pop()
        elif kind == "track" and self.state:
            self.undone.clear()
            self.done += [self.state] * tracked

    def _put(self, key: tuple[str, int], points: list[list[float]]) -> None:
        self.done.append(self.state)
        self.undone.clear()
        others = {k: v for k, v in self.state.items() if k != key}
        self.state = {**others, key: points} if points else others


def perform(session: Session, action: Action) -> list[int]:
    """Do an action in a session and return the frames it tracked."""
    kind, region, frame, x, y = action
    if kind == "add":
        session.add_point(frame, x, y, region=region)
    elif kind == "clear" and frame in session.points[1, region]:
        session.clear_frame(frame, region=region)
    elif kind == "undo":
        session.undo()
    elif kind == "redo":
        session.redo()
    elif kind == "track" and any(session.points[scope] for scope in session.points):
        return list(session.track())
    return []


def annotate(folder: Path, seed: int, line: Connection) -> None:
    """Open a project and annotate for ever, telling of every action when it is done."""
    with Session(
        numbered_frames(FRAMES), name="clip", output_dir=folder, model=FakeEngine()
    ) as session:
        session.video.wait()
        assert "torch" not in sys.modules
        line.send("open")
        for action in actions(seed):
            line.send(bool(perform(session, action)))


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
