"""What other programs change is never overwritten unseen, and can be taken over."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sam2_widget import watching
from sam2_widget.annotations import Scope
from sam2_widget.durable import write_file
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ChangedFileError, ProjectError
from sam2_widget.live import _merged
from sam2_widget.rollback import all_or_nothing
from sam2_widget.session import Session
from sam2_widget.watching import Watch
from tests.doings import do, doings
from tests.projects import GatedEngine, calls, files, open_project, tell_all

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
OVERALL = Scope(1, "overall")
POINTS = "instance1/points_overall.json"
MASK = "instance1/masks_overall/00000.png"
JOURNAL = "instance1/track_overall.jsonl"
KEYPOINTS = "instance1/keypoints.json"

Act = Callable[[Session], object]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.add_point(0, 30, 20)
        session.add_keypoint(0, 5, 6, "tip")
        yield session


def move_point(session: Session, x: float, name: str = POINTS) -> None:
    """Change a file of prompts as a script would."""
    path = session.folder / name
    content = json.loads(path.read_bytes())
    content["prompts"][0]["x"] = x
    path.write_text(json.dumps(content))


def touch(path: Path) -> None:
    """Write a file again with one blank more."""
    path.write_bytes(path.read_bytes() + b" ")


def remove(path: Path) -> None:
    path.unlink()


def put_beside(path: Path) -> None:
    """Replace a file by another with the same bytes, time and size, as some editors do."""
    status = path.stat()
    copy = path.with_name("other")
    copy.write_bytes(path.read_bytes())
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    copy.replace(path)


@pytest.mark.parametrize("change", [touch, remove, put_beside])
@pytest.mark.parametrize(
    ("name", "act"),
    [
        (POINTS, lambda s: s.add_point(0, 40, 20)),
        (POINTS, lambda s: s.clear_frame(0)),
        (POINTS, lambda s: s.delete_scope(1, "overall")),
        (MASK, lambda s: s.add_point(0, 40, 20)),
        (MASK, lambda s: s.clear_frame(0)),
        (JOURNAL, lambda s: s.add_point(0, 40, 20)),
        (KEYPOINTS, lambda s: s.add_keypoint(0, 7, 8, "base")),
        (KEYPOINTS, lambda s: s.undo()),
        ("project.json", lambda s: s.add_region("tail")),
        (POINTS, lambda s: s.save()),
        (MASK, lambda s: s.save()),
    ],
)
def test_a_file_that_was_changed_is_not_overwritten(
    session: Session, change: Callable[[Path], None], name: str, act: Act
) -> None:
    change(session.folder / name)
    before, table = files(session.folder), session.to_dataframe()
    points, keypoints = session.points[OVERALL], session.keypoints[1]
    with pytest.raises(ChangedFileError, match=r"changed by another program.*Session\.reload\(\)"):
        act(session)
    after = files(session.folder)
    assert {n: b for n, b in after.items() if n != JOURNAL or name == JOURNAL} == {
        n: b for n, b in before.items() if n != JOURNAL or name == JOURNAL
    }
    assert session.to_dataframe().equals(table)
    assert session.points[OVERALL].keys() == points.keys()
    assert np.array_equal(session.points[OVERALL][0], points[0])
    assert session.keypoints[1] == keypoints
    assert session.regions == ("overall", "shaft", "wrist", "gripper")


@pytest.mark.parametrize("name", ["undo", "redo"])
def test_undo_and_redo_do_not_overwrite_either(session: Session, name: str) -> None:
    session.undo()
    session.undo()
    move_point(session, 50)
    before = files(session.folder)
    with pytest.raises(ChangedFileError):
        getattr(session, name)()
    assert files(session.folder) == before
    assert len(session.points[OVERALL][0]) == 1


@pytest.mark.parametrize("name", ["instance1/points_shaft.json", "instance1/masks_shaft/00003.png"])
def test_a_file_that_appeared_is_not_overwritten(session: Session, name: str) -> None:
    path = session.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"from elsewhere")
    with pytest.raises(ChangedFileError, match=path.name):
        session.add_point(3, 40, 20, region="shaft")
    assert path.read_bytes() == b"from elsewhere"
    assert session.scopes == [(1, "overall")]


def test_a_track_ends_at_a_mask_that_was_changed_and_keeps_what_it_did(session: Session) -> None:
    session.track(stop=6).wait()
    session.add_point(0, 60, 40)
    path = session.folder / "instance1/masks_overall/00004.png"
    shutil.copyfile(session.folder / MASK, path)
    ours = path.read_bytes()
    job = session.track(stop=6)
    with pytest.raises(ChangedFileError, match=r"00004\.png"):
        job.wait()
    assert path.read_bytes() == ours
    assert [session.is_stale(frame) for frame in range(1, 6)] == [False] * 3 + [True] * 2
    tell_all(session)
    assert "00004.png was changed" in session.live.notices[-1].text


def test_masks_of_an_earlier_session_are_watched_too(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track(stop=4).wait()
    with open_project(tmp_path) as session:
        touch(session.folder / "instance1/masks_overall/00002.png")
        with pytest.raises(ChangedFileError, match=r"00002\.png"):
            session.track(force=True).wait()


def test_a_journal_that_was_changed_is_left_alone_at_closing(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        touch(session.folder / JOURNAL)
        before = (session.folder / JOURNAL).read_bytes()
    assert (tmp_path / "clip" / JOURNAL).read_bytes() == before


def test_what_fails_half_way_is_put_back_but_for_what_others_wrote(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    watch = Watch()
    for path in (ours, theirs):
        path.write_bytes(b"before")
        watch.note(path)

    def change() -> None:
        with watch.writing(ours):
            write_file(ours, b"half")
        touch(theirs)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), all_or_nothing([ours, theirs], tmp_path / "kept", watch):
        change()
    assert ours.read_bytes() == b"before"
    assert watch.is_known(ours)
    assert theirs.read_bytes() == b"before "
    with pytest.raises(ChangedFileError, match="theirs"):
        watch.check_all()


# Masks, and names that no mask has; the last in digits that are not ASCII's.
NAMES = (
    "00003.png",
    "123456.png",
    "3.png",
    "000003.png",
    "00004.PNG",
    "a.json",
    "\u0663" * 5 + ".png",
)
deeds = st.tuples(st.sampled_from(NAMES), st.sampled_from([touch, put_beside, remove, None]))


@given(st.lists(deeds, max_size=16), st.sampled_from([0, 1 << 63]))
def test_whatever_a_file_is_called_it_is_known_as_it_was_noted_last(
    sequence: list[tuple[str, Callable[[Path], None] | None]], added: int
) -> None:
    def look(path: Path) -> watching.Signature | None:
        """Return the signature on a file system that may number files with more than 64 bits."""
        found = signature(path)
        return None if found is None else (found[0], found[1], found[2] + 2 * added)

    signature = watching._signature
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "_signature", look)
        paths, noted = [Path(folder) / name for name in NAMES], dict[Path, object]()
        watch = Watch()
        for name, change in sequence:
            path = Path(folder) / name
            if change is None:
                watch.note(path)
                noted[path] = look(path)
            elif path.exists():
                change(path)
            else:
                path.write_bytes(b"new")
            for each in paths:
                assert watch.is_known(each) == (look(each) == noted.get(each))
        changed = [path for path, then in noted.items() if then and look(path) != then]
        with pytest.raises(ChangedFileError) if changed else contextlib.nullcontext():
            watch.check_all()


def test_all_files_of_a_folder_are_noted_and_each_is_checked(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes(b"before")
    (tmp_path / "folder.png").mkdir()
    for name in NAMES:
        watch = Watch()
        assert sorted(watch.note_folder(tmp_path)) == sorted(NAMES)
        watch.check_all()
        touch(tmp_path / name)
        with pytest.raises(ChangedFileError, match=name):
            watch.check_all()


@settings(max_examples=60)
@given(sequence=st.lists(st.one_of(doings, st.sampled_from(["reload", "load"])), max_size=16))
def test_what_we_write_ourselves_never_alarms(
    sequence: list[str | tuple[int, int, str, float, float]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, open_project(Path(folder), 3) as session:
        exported = session.export_json(pixels=True)
        for doing in sequence:
            if doing == "reload":
                session.reload()
            elif doing == "load":
                session.load(exported, "replace")
                exported = session.export_json(pixels=True)
            else:
                do(session, doing)  # type: ignore[arg-type]
        session.save()


# -- taking over ------------------------------------------------------------------------------


def test_reload_takes_over_a_point_that_a_script_moved_and_makes_its_mask(session: Session) -> None:
    move_point(session, 70)
    session.reload()
    assert session.points[OVERALL][0].tolist() == [[70, 20, 1], [30, 20, 1]]
    assert session.masks[OVERALL][0][20, 70]
    assert not session.masks[OVERALL][0][20, 5]
    session.add_point(0, 40, 40)
    assert json.loads((session.folder / POINTS).read_bytes())["num_prompts"] == 3


def test_reload_forgets_undo_and_what_the_engine_knows(tmp_path: Path) -> None:
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        session.add_point(0, 20, 20, region="shaft")
        (session.folder / "instance1/points_shaft.json").unlink()
        session.reload()
        assert session.undo() is None
        assert not (session.folder / ".undo").exists()
        assert {("forget", Scope(1, region), None) for region in ("overall", "shaft")} <= set(
            calls(engine, "forget")
        )


def test_reload_takes_over_keypoints_masks_and_regions(session: Session) -> None:
    keypoints = json.loads((session.folder / KEYPOINTS).read_bytes())
    keypoints["keypoints"][0]["name"] = "end"
    (session.folder / KEYPOINTS).write_text(json.dumps(keypoints))
    info = json.loads((session.folder / "project.json").read_bytes())
    info["regions"].append({"id": "tail", "name": "Tail"})
    (session.folder / "project.json").write_text(json.dumps(info))
    shutil.copyfile(session.folder / MASK, session.folder / "instance1/masks_overall/00005.png")
    session.reload()
    assert [k["name"] for k in session.keypoints[1]] == ["end"]
    assert session.regions[-1] == "tail"
    assert np.array_equal(session.masks[OVERALL][5], session.masks[OVERALL][0])
    assert session.to_dataframe()["source"].tolist() == ["click", "import"]
    session.add_region("nose")
    saved = json.loads((session.folder / "project.json").read_bytes())
    assert saved["regions"][-2:] == [{"id": "tail", "name": "Tail"}, {"id": "nose", "name": "nose"}]


def test_regions_that_only_files_know_keep_their_order() -> None:
    assert _merged(("a",), ["c", "A", "b", "c"]) == ("a", "c", "b")


def test_a_region_that_only_files_know_is_there(session: Session) -> None:
    points = session.folder / POINTS
    shutil.copytree(points.parent, session.folder / "instance2")
    for instance in ("instance1", "instance2"):
        shutil.copyfile(points, session.folder / instance / "points_tail.json")
    session.reload()
    assert session.regions[-1] == "tail"
    assert session.regions.count("tail") == 1
    assert session.overlay(0).any()
    saved = json.loads((session.folder / "project.json").read_bytes())
    assert saved["regions"][-1]["id"] == "tail"
    session.delete_scope(1, "tail")
    session.delete_scope(2, "tail")
    shutil.copyfile(points, points.with_name("points_nose.json"))
    folder = session.folder
    session.close()
    with open_project(folder.parent, name=folder.name) as again:
        assert again.regions[-2:] == ("tail", "nose")
        assert (1, "nose") in again.masks


def test_reload_tells_listeners_that_everything_may_differ(session: Session) -> None:
    revision = session.live.changes.revision
    heard = []
    session.on_change(lambda change: heard.append(change.kind))
    session.reload()
    tell_all(session)
    assert {"prompts", "keypoints", "masks"} <= set(heard)
    assert session.live.changes.since(revision) is None


def test_reload_ends_a_running_track(tmp_path: Path) -> None:
    engine = GatedEngine()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        job = session.track()
        assert engine.arrived()
        engine.open_gate()
        session.reload()
        assert job.wait(10)
        assert session.job is None
        assert session.track(stop=3).wait(10)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (POINTS, b"{not json"),
        (POINTS, b'{"prompts": [{"frame_index": 0, "x": 1e9, "y": 0, "label": 1}]}'),
        (KEYPOINTS, b"[]"),
        ("project.json", b"{}"),
        ("project.json", b'{"format": 99}'),
    ],
)
def test_a_damaged_or_newer_file_is_not_taken_over_and_nothing_changes(
    session: Session, name: str, content: bytes
) -> None:
    (session.folder / name).write_bytes(content)
    before = files(session.folder)
    with pytest.raises(ProjectError, match=Path(name).name):
        session.reload()
    assert len(session.points[OVERALL][0]) == 2
    assert len(session.keypoints[1]) == 1
    assert session.live.history.done
    with pytest.raises(ChangedFileError, match=Path(name).name):
        session.save()
    assert files(session.folder) == before


def test_a_project_json_that_was_removed_is_written_again(session: Session) -> None:
    path = session.folder / "project.json"
    before = path.read_bytes()
    path.unlink()
    session.reload()
    session.save()
    info, old = json.loads(path.read_bytes()), json.loads(before)
    assert info["video"] == old["video"]
    assert info["regions"] == old["regions"]


def test_save_leaves_one_line_per_mask_and_says_where(session: Session) -> None:
    assert len((session.folder / JOURNAL).read_bytes().splitlines()) == 2
    assert session.save() == session.folder
    assert len((session.folder / JOURNAL).read_bytes().splitlines()) == 1


# -- read-only --------------------------------------------------------------------------------

OTHER = """
import sys
from pathlib import Path
from tests.doings import do, doings
from tests.projects import open_project

with open_project(Path(sys.argv[1])) as session:
    session.add_point(0, 20, 20)
    print("open", flush=True)
    sys.stdin.readline()
    session.add_point(2, 50, 40)
    print("done", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process open the project."""
    child = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    yield child
    child.kill()
    child.communicate()


def go_on(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def test_a_project_that_another_process_left_can_be_taken_over(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    with open_project(tmp_path) as session:
        assert session.read_only
        with pytest.raises(ProjectError, match="still open in another process"):
            session.try_again()
        assert session.live.notices
        go_on(other)
        assert other.stdout is not None
        assert other.stdout.readline() == "done\n"
        session.reload()
        assert sorted(session.points[OVERALL]) == [0, 2]
        go_on(other)
        assert other.wait(30) == 0
        session.try_again()
        assert not session.read_only
        assert not session.live.notices
        session.video.wait()
        session.add_point(3, 60, 40)
        session.track().wait()
        session.save()
    with open_project(tmp_path) as session:
        assert sorted(session.points[OVERALL]) == [0, 2, 3]
        assert len(session.masks[OVERALL].frames) == 10


def test_frames_and_masks_that_a_killed_process_left_undone_are_made_after_taking_over(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    folder = tmp_path / "clip"
    for frame in range(4, 10):
        (folder / f"frames/{frame:05d}.jpg").unlink()
    info = json.loads((folder / "project.json").read_bytes())
    del info["video"]["times"]
    (folder / "project.json").write_text(json.dumps(info))
    (folder / MASK).unlink()
    with open_project(tmp_path) as session:
        assert session.video.ready == 4
        other.kill()
        other.wait()
        session.try_again()
        assert session.video.wait(30)
        assert len(list((folder / "frames").glob("*.jpg"))) == 10
        assert session.masks[OVERALL][0].any()
        assert session.add_point(9, 20, 20).any()
    assert "times" in json.loads((folder / "project.json").read_bytes())["video"]


def test_a_project_that_cannot_be_taken_over_stays_read_only(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    with open_project(tmp_path) as session:
        other.kill()
        other.wait()
        (session.folder / POINTS).write_bytes(b"{")
        with pytest.raises(ProjectError, match=r"points_overall\.json cannot be read"):
            session.try_again()
        assert session.read_only
        assert (session.folder / POINTS).read_bytes() == b"{"


def test_trying_again_where_nobody_else_writes_changes_nothing(session: Session) -> None:
    session.try_again()
    assert session.undo() is not None


def test_a_read_only_project_is_not_saved(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with open_project(tmp_path) as session, pytest.raises(ProjectError, match="try_again"):
        session.save()
