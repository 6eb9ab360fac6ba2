"""A track that was killed half-way goes on from the saved masks, through a real model."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import pytest

from sam2_widget.sample import SAMPLE_CLICKS, sample_clip
from sam2_widget.session import Session
from tests import killed
from tests.projects import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.killed"])
START = 120.0
"""Seconds that a process may take to begin: it imports torch."""
SCOPES = [(instance, "overall") for instance, _ in enumerate(SAMPLE_CLICKS, start=1)]


def kill_half_way(clip: Path, folder: Path, *, edit: bool) -> None:
    """Let a process track, and kill it when half of the frames are done."""
    ours, theirs = processes.Pipe()
    process = processes.Process(target=killed.track, args=(clip, folder, edit, theirs))
    process.start()
    theirs.close()
    assert ours.poll(START), "the process has not started"
    total = ours.recv()
    for _ in range(total // 2):
        assert ours.poll(PATIENCE), "the process has stopped"
        ours.recv()
    process.kill()
    process.join(PATIENCE)
    ours.close()


@pytest.mark.parametrize("edit", [False, True], ids=["clicked", "drawn"])
def test_a_track_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path, edit: bool) -> None:
    clip = sample_clip(tmp_path / "sample.mp4")
    kill_half_way(clip, tmp_path / "killed", edit=edit)
    with (
        Session(clip, output_dir=tmp_path / "killed", model="nano", device="cpu") as resumed,
        Session(clip, output_dir=tmp_path / "whole", model="nano", device="cpu") as whole,
    ):
        length = len(whole.video)
        done = {scope: resumed.masks[scope].frames.tolist() for scope in SCOPES}
        assert all(length / 3 < len(frames) < length * 2 / 3 for frames in done.values())
        job = resumed.track()
        job.wait()
        assert job.progress[1] < length * 2 / 3
        killed.prompt(whole, edit)
        whole.track().wait()
        for scope in SCOPES:
            ours, theirs = resumed.masks[scope], whole.masks[scope]
            assert ours.frames.tolist() == theirs.frames.tolist() == list(range(length))
            ious = {f: iou(ours[f], theirs[f]) for f in range(length)}
            assert min(ious.values()) >= 0.95, min(ious, key=ious.__getitem__)
            assert theirs.areas().min() > 100


def iou(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float((ours & theirs).sum() / (ours | theirs).sum())
