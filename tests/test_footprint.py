"""What stays in memory of a mask, in bytes: its record, the watch of its file, what undo knows."""

from __future__ import annotations

import gc
import json
import os
import tracemalloc
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from sam2_widget import bits
from sam2_widget.annotations import Scope
from sam2_widget.history import TrackedChanges, Version
from sam2_widget.masks import MaskStore
from sam2_widget.planning import FrameSet, Pass, Steps
from sam2_widget.project import Project
from sam2_widget.records import measure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDTH, HEIGHT = 64, 48
COUNT = 5000
SCOPES = [Scope(instance, "overall") for instance in range(1, 5)]
MASKS = COUNT * len(SCOPES)
FIRST, AGAIN = 100, 160
"""Bytes a mask, tracked once, and tracked anew: undo keeps the record of the one before."""


def square(size: int) -> bits.Mask:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[4 : 4 + size, 6 : 6 + 2 * size] = True
    return mask


def write_project(root: Path) -> None:
    """Write the files of a project with as many masks: a few PNGs under many names."""
    squares = [square(size) for size in range(1, 21)]
    measured = [measure(mask, 0, "track", run="5f0c77aa", model="nano") for mask in squares]
    for scope in SCOPES:
        folder = root / f"instance{scope.instance}" / f"masks_{scope.region}"
        folder.mkdir(parents=True)
        lines = []
        for frame in range(COUNT):
            if frame < len(squares):
                (folder / f"{frame:05d}.png").write_bytes(bits.to_png(squares[frame]))
            else:
                first = folder / f"{frame % len(squares):05d}.png"
                os.link(first, folder / f"{frame:05d}.png")
            known = measured[frame % len(squares)]
            line = replace(known, frame_index=frame, score=frame / 8, revision=f"rev{scope}")
            lines.append(json.dumps(asdict(line)))
        (folder.parent / f"track_{scope.region}.jsonl").write_text("\n".join(lines) + "\n")


def grown(make: Callable[[], object]) -> tuple[object, float]:
    """Return what was made and the bytes that stay of it for each mask, those of numpy too."""
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    made = make()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return made, (after - before) / MASKS


def test_a_mask_takes_less_than_a_hundred_bytes_with_its_file_and_undo(tmp_path: Path) -> None:
    write_project(tmp_path)
    project = Project(tmp_path)
    tracemalloc.start()
    try:
        store, opened = grown(lambda: MaskStore(project, WIDTH, HEIGHT))
        assert isinstance(store, MaskStore)
        assert sum(map(store.count, SCOPES)) == MASKS

        def undo(*, again: bool) -> TrackedChanges:
            changes = TrackedChanges(project.undo, store.record)
            for scope in SCOPES:
                for frame in range(COUNT):
                    before = store.record(scope, frame) if again else None
                    changes.add(scope, frame, Version(None, before, tmp_path))
            return changes

        first, undo_first = grown(lambda: undo(again=False))
        second, undo_again = grown(lambda: undo(again=True))
        assert isinstance(first, TrackedChanges)
        assert isinstance(second, TrackedChanges)
        assert len(first) == len(second) == MASKS
        assert first[0].before.record is None
        assert second[-1].before.record == store.record(SCOPES[-1], COUNT - 1)
        print(f"{opened:.0f} bytes a mask, {undo_first:.0f} or {undo_again:.0f} more for undo")
        assert 40 < opened + undo_first < FIRST
        assert opened + undo_again < AGAIN
    finally:
        tracemalloc.stop()
        project.close()
    project.watch.check_all()


def test_a_run_holds_a_few_bytes_for_every_mask_it_is_to_make() -> None:
    def plan() -> object:
        wanted, none = np.ones(COUNT, dtype=bool), np.zeros(COUNT, dtype=bool)
        passes = [Pass(s, False, FrameSet(wanted), FrameSet(none), "rev") for s in SCOPES]
        return passes, Steps(passes)

    # What numpy imports when it is first asked for is not the run's.
    plan()
    tracemalloc.start()
    try:
        _, held = grown(plan)
    finally:
        tracemalloc.stop()
    assert held < 5
