"""Processes killed at any moment: whatever a call returned from is there afterwards."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests import killed
from tests.projects import PATIENCE, hashed, open_project

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.session import Session

# A server that has imported everything forks the processes, so that each starts at once.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.killed"])
START = 120.0
"""Seconds that a process may take to begin: it imports torch if it has a real model."""


def kill_one(folder: Path, seed: int, most: int = 25, model: str | None = None) -> int:
    """Let a process annotate, kill it, and return how many actions it said it had done."""
    chance = random.Random(seed)
    ours, theirs = processes.Pipe()
    process = processes.Process(target=killed.annotate, args=(folder, seed, theirs, model))
    process.start()
    theirs.close()
    wanted, done = chance.randrange(1, most), 0
    assert ours.poll(START), "the process has not started"
    assert ours.recv() == "open"
    while done < wanted:
        assert ours.poll(PATIENCE), "the process has stopped"
        done += ours.recv() == "done"
    # Into the midst of the next action, not only to its beginning.
    threading.Event().wait(chance.random() * (0.06 if model else 0.006))
    process.kill()
    process.join(PATIENCE)
    try:
        while ours.poll():
            done += ours.recv() == "done"
    except EOFError:
        pass
    ours.close()
    return done


def assert_whole(session: Session) -> None:
    """Check that every mask agrees with its record, and that prompted frames have masks."""
    store = session.live.masks
    for scope in store.scopes():
        for frame in store.frames(scope):
            record = store.record(scope, frame)
            assert record is not None
            # One mask may have lost its line; it is stale and the next run makes it anew.
            if not session.is_stale(frame, *scope):
                assert record.area == store.read(scope, frame).sum()
    for scope in session.live.annotations:
        for frame in session.live.annotations.of(scope):
            assert store.record(scope, frame) is not None
            assert not session.live.is_unmade(scope, frame)
    hashed(session)
    assert not list(session.folder.rglob("*.writing"))


def assert_survives(folder: Path, seed: int, most: int = 25, **model: Any) -> None:
    done = kill_one(folder / "killed", seed, most, **model)
    acts = itertools.islice(killed.actions(seed), done + 1)
    with open_project(folder / "replayed", killed.FRAMES, **model) as session:
        for action in acts:
            given, masks = killed.given(session), killed.masks(session)
            killed.perform(session, action)
        given_then, masks_then = killed.given(session), killed.masks(session)
    with open_project(folder / "killed", killed.FRAMES, **model) as session:
        assert not session.read_only
        # The action that the kill came into is done or not done, in each of its files.
        read = killed.given(session)
        for part in read.keys() | given.keys() | given_then.keys():
            assert read.get(part) in (given.get(part), given_then.get(part)), part
        found = killed.masks(session)
        for place in masks.keys() | masks_then.keys():
            if masks.get(place) == masks_then.get(place):
                assert found.get(place) == masks.get(place), place
        assert_whole(session)
        if list(session.live.annotations):
            session.track().wait(PATIENCE)
        assert_whole(session)


@pytest.mark.parametrize("seed", range(20))
def test_every_acknowledged_change_survives_a_kill(tmp_path: Path, seed: int) -> None:
    assert_survives(tmp_path, seed)


@pytest.mark.parametrize("seed", range(1000, 1005))
def test_every_acknowledged_change_survives_a_kill_with_a_real_model(
    tmp_path: Path, seed: int
) -> None:
    assert_survives(tmp_path, seed, most=12, model="nano")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 220))
def test_every_acknowledged_change_survives_any_kill(tmp_path: Path, seed: int) -> None:
    assert_survives(tmp_path, seed)


def test_a_project_survives_one_kill_after_the_other(tmp_path: Path) -> None:
    """Masks that were tracked before stay readable, whatever a later process was killed at."""
    with open_project(tmp_path, killed.FRAMES) as session:
        session.add_point(0, 20, 20, instance=2)
        session.track().wait()
        table = session.to_dataframe()
    for seed in range(5):
        kill_one(tmp_path, 2000 + seed)
        with open_project(tmp_path, killed.FRAMES) as session:
            assert_whole(session)
            now = session.to_dataframe()
            kept = now[now["instance"] == 2].reset_index(drop=True)
            assert kept.drop(columns="stale").equals(table.drop(columns="stale"))


@pytest.mark.parametrize("seed", range(4))
def test_masks_that_were_loaded_have_their_run_whenever_a_kill_comes(
    tmp_path: Path, seed: int
) -> None:
    with open_project(tmp_path, killed.FRAMES) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        (run,) = session.provenance()["runs"]
        exported = tmp_path / "all.json"
        exported.write_text(json.dumps(session.export_json(pixels=True)))
    ours, theirs = processes.Pipe()
    process = processes.Process(target=killed.load, args=(tmp_path / "other", exported, theirs))
    process.start()
    theirs.close()
    assert ours.poll(START), "the process has not started"
    assert ours.recv() == "open"
    threading.Event().wait(random.Random(seed).random() * 0.06)
    process.kill()
    process.join(PATIENCE)
    done = 0
    with contextlib.suppress(EOFError):
        while ours.poll():
            done += ours.recv() == "done"
    ours.close()
    for number, folder in enumerate(sorted((tmp_path / "other").iterdir())):
        with open_project(tmp_path / "other", killed.FRAMES, name=folder.name) as session:
            named = set(session.to_dataframe()["run"]) - {""}
            assert {name: session.provenance(name) for name in named} == dict.fromkeys(named, run)
            assert number >= done or named == {run["run"]}
