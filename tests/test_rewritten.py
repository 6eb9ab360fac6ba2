"""Masks that a script rewrote: their records speak of the pixels that are there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from sam2_widget import bits
from sam2_widget.annotations import Scope
from tests.projects import open_project

ROOT = Path(__file__).resolve().parents[1]
OVERALL = Scope(1, "overall")
POINTS = "instance1/points_overall.json"
MASK = "instance1/masks_overall/00000.png"
JOURNAL = "instance1/track_overall.jsonl"
KEYPOINTS = "instance1/keypoints.json"


def rewrite(png: Path, later: float = 1) -> None:
    """Write a mask of 25 pixels as a script would, so many seconds later than it was written."""
    mask = np.zeros((64, 96), bool)
    mask[10:15, 20:25] = True
    time = png.stat().st_mtime_ns + int(later * 1e9)
    png.write_bytes(bits.to_png(mask))
    os.utime(png, ns=(time, time))


@pytest.mark.parametrize("then", ["reload", "click, reload", "close", "kill"])
@pytest.mark.parametrize("later", [1, -1])
def test_masks_that_a_script_rewrote_are_measured_anew(
    tmp_path: Path, then: str, later: float
) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        before = session.to_dataframe()
        rewrite(session.folder / "instance1/masks_overall/00002.png", later)
        if "click" in then:
            session.add_point(8, 60, 20)
            session.undo()
        if "reload" in then:
            session.reload()
        if then == "kill":
            session.reload()
            shutil.copytree(session.folder, tmp_path / "killed" / "clip")
            tmp_path = tmp_path / "killed"
    for _ in range(2):
        with open_project(tmp_path) as session:
            table = session.to_dataframe()
            assert session.masks[OVERALL].areas()[2] == 25
    assert table["area"].tolist() == [25 if i == 2 else a for i, a in enumerate(before["area"])]
    assert table["x0"][2] == 20
    same = ["frame", "source", "score", "stale"]
    assert table[same].equals(before[same])


def test_masks_that_a_script_rewrote_while_the_project_was_closed_are_measured_anew(
    tmp_path: Path,
) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        folder = session.folder / "instance1/masks_overall"
    for frame in (2, 7):
        rewrite(folder / f"{frame:05d}.png")
    with open_project(tmp_path) as session:
        session.add_point(8, 60, 20)
        shutil.copytree(session.folder, tmp_path / "killed" / "clip")
    for place in (tmp_path, tmp_path / "killed"):
        with open_project(place) as session:
            assert session.masks[OVERALL].areas()[[2, 7]].tolist() == [25, 25]


def test_a_copy_with_times_of_its_own_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        before = session.to_dataframe()
    os.utime(session.folder / JOURNAL, ns=(10**18, 10**18))
    read: list[object] = []
    from_png = bits.from_png

    def note(data: bytes, height: int, width: int) -> object:
        read.append(data)
        return from_png(data, height, width)

    monkeypatch.setattr(bits, "from_png", note)
    for count in (10, 0):
        read.clear()
        with open_project(tmp_path) as session:
            assert len(read) == count
            assert session.to_dataframe().equals(before)
