"""Drawn masks as prompts: kept as they are, followed by tracking, refined by points, undone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from sam2_widget import bits, brush
from sam2_widget.annotations import Box, FramePrompts, MaskPrompt, Point, Scope
from sam2_widget.engines.fake import FakeEngine
from sam2_widget.errors import ModelError, ProjectError, PromptError, SaveError
from tests.projects import GatedEngine, calls, files, full_disk, open_project
from tests.test_responder import Viewer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.engines.base import Frames
    from sam2_widget.session import Session

WIDTH, HEIGHT = 96, 64
OVERALL = Scope(1, "overall")
EMPTY = np.zeros((HEIGHT, WIDTH), dtype=bool)


def drawn(x: int = 10, y: int = 20) -> npt.NDArray[np.bool_]:
    """Return a mask that no engine here would make."""
    mask = EMPTY.copy()
    mask[y : y + 12, x : x + 20] = True
    mask[y + 4, x + 4] = False
    return mask


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def session(tmp_path: Path, engine: FakeEngine) -> Iterator[Session]:
    with open_project(tmp_path, engine=engine) as session:
        yield session


def prompt_files(session: Session) -> list[str]:
    """Return the names of the drawn masks on disk, with their folders."""
    root = session.folder / "instance1"
    return [str(path.relative_to(root)) for path in sorted(root.glob("prompts_*"))] + [
        path.name for path in sorted(root.glob("prompts_*/*"))
    ]


def content(session: Session) -> dict[str, object]:
    path = session.folder / "instance1" / "points_overall.json"
    read: dict[str, object] = json.loads(path.read_text("utf-8"))
    return read


def results(session: Session) -> dict[str, bytes]:
    """Return the bytes of prompts and masks; journals grow until they are compacted."""
    return {name: data for name, data in files(session.folder).items() if "track_" not in name}


# A mask given whole


def test_the_mask_of_the_frame_is_the_one_given_and_no_model_is_asked(
    session: Session, engine: FakeEngine
) -> None:
    returned = session.set_mask(3, drawn())
    assert np.array_equal(returned, drawn())
    assert np.array_equal(session.masks[OVERALL][3], drawn())
    assert session.masks[OVERALL].frames.tolist() == [3]
    assert calls(engine, "segment") == []
    assert session.scopes == [OVERALL]


def test_its_record_says_that_it_was_edited(session: Session) -> None:
    session.set_mask(3, drawn().astype(np.uint8) * 255)
    record = session.live.masks.record(OVERALL, 3)
    prompts = session.live.annotations.at(OVERALL, 3)
    assert record is not None
    assert prompts is not None
    assert (record.source, record.score, record.area) == ("edit", None, 239)
    assert (record.revision, record.model) == (prompts.revision, "")
    (row,) = session.to_dataframe().to_dict("records")
    assert (row["source"], row["stale"], row["area"]) == ("edit", False, 239)
    assert np.isnan(row["score"])


def test_an_empty_mask_says_that_the_object_is_absent(session: Session) -> None:
    session.set_mask(2, EMPTY)
    assert session.masks[OVERALL].frames.tolist() == [2]
    assert not session.masks[OVERALL][2].any()
    assert len(session.live.annotations.of(OVERALL)) == 1


def test_a_mask_of_another_shape_or_type_is_refused_and_changes_nothing(session: Session) -> None:
    before = files(session.folder)
    for wrong in (drawn().T, drawn().astype(float), drawn()[None]):
        with pytest.raises(PromptError, match="shape"):
            session.set_mask(0, wrong)
    assert files(session.folder) == before
    assert session.undo() is None


def test_a_mask_can_be_given_where_the_model_cannot_be_loaded(tmp_path: Path) -> None:
    class Broken(FakeEngine):
        def open(self, frames: Frames) -> None:
            raise ModelError("The model is broken; give another.")

    with open_project(tmp_path, engine=Broken()) as session:
        assert session.live.status.status == "failed"
        session.set_mask(0, drawn())
        session.paint(0, [(50, 50)], 5)
        with pytest.raises(ModelError, match="broken"):
            session.add_point(0, 20, 20)
        assert session.masks[OVERALL][0].sum() == 239 + brush.paint(EMPTY, [(50, 50)], 5).sum()


def test_a_mask_takes_the_place_of_the_frames_prompts_as_one_step(session: Session) -> None:
    for before in (
        lambda: session.add_points(0, [(20, 20, 1), (30, 20, 0)]),
        lambda: session.set_box(0, (10, 10, 40, 40)),
        lambda: session.set_mask(0, drawn(40)),
    ):
        before()
        state = results(session)
        session.set_mask(0, drawn())
        assert session.live.annotations.at(OVERALL, 0) == FramePrompts(
            mask=MaskPrompt(bits.to_png(drawn()))
        )
        assert len(prompt_files(session)) == 2
        assert session.undo() == "mask"
        assert results(session) == state
        session.redo()
        assert np.array_equal(session.masks[OVERALL][0], drawn())
        session.clear_frame(0)


def test_the_same_mask_again_is_no_step(session: Session) -> None:
    session.set_mask(0, drawn())
    session.set_mask(0, drawn())
    assert session.undo() == "mask"
    assert session.undo() is None


def test_points_refine_a_mask_and_without_them_it_is_there_again(
    session: Session, engine: FakeEngine
) -> None:
    session.set_mask(0, drawn())
    refined = session.add_point(0, 70, 40)
    assert np.array_equal(refined & drawn(), drawn())
    assert refined[40, 70]
    record = session.live.masks.record(OVERALL, 0)
    assert record is not None
    assert record.source == "click"
    assert np.array_equal(session.remove_point(0, 0), drawn())
    assert len(calls(engine, "segment")) == 1
    record = session.live.masks.record(OVERALL, 0)
    assert record is not None
    assert record.source == "edit"


def test_a_box_takes_the_place_of_a_mask_and_its_file_goes(session: Session) -> None:
    session.set_mask(0, drawn())
    session.set_box(0, (10, 10, 40, 40))
    assert prompt_files(session) == []
    session.undo()
    assert prompt_files(session)[0] == "prompts_overall"
    session.clear_frame(0)
    assert prompt_files(session) == []


def test_regions_and_instances_have_masks_of_their_own(session: Session) -> None:
    session.set_mask(0, drawn())
    session.set_mask(0, drawn(50), region="shaft")
    session.set_mask(0, drawn(30), instance=2)
    session.delete_scope(1, "overall")
    assert np.array_equal(session.masks[1, "shaft"][0], drawn(50))
    assert np.array_equal(session.masks[2, "overall"][0], drawn(30))
    session.undo()
    assert np.array_equal(session.masks[OVERALL][0], drawn())


# Strokes


def test_strokes_start_a_mask_and_change_it_one_step_each(session: Session) -> None:
    first = session.paint(4, [(10, 10), (40, 10)], 4)
    assert np.array_equal(first, brush.paint(EMPTY, [(10, 10), (40, 10)], 4))
    second = session.paint(4, [(25, 0), (25, 30)], 3, erase=True)
    assert np.array_equal(second, brush.paint(first, [(25, 0), (25, 30)], 3, erase=True))
    assert np.array_equal(session.masks[OVERALL][4], second)
    assert session.undo() == "eraser stroke"
    assert np.array_equal(session.masks[OVERALL][4], first)
    assert session.undo() == "brush stroke"
    assert session.scopes == []


def test_a_stroke_on_a_clicked_mask_keeps_it_and_drops_its_points(session: Session) -> None:
    clicked = session.add_point(0, 20, 20)
    painted = session.paint(0, [(60, 40)], 6)
    assert np.array_equal(painted, brush.paint(clicked, [(60, 40)], 6))
    assert session.points[OVERALL] == {}
    session.undo()
    assert session.points[OVERALL][0].tolist() == [[20, 20, 1]]
    assert np.array_equal(session.masks[OVERALL][0], clicked)


@pytest.mark.parametrize(
    ("stroke", "erase"),
    [([(20, 20)], False), ([(80, 60)], True), ([(-50, -50)], False)],
    ids=["inside already", "nothing there", "beside the picture"],
)
def test_a_stroke_that_changes_nothing_is_no_step(
    session: Session, stroke: brush.Stroke, erase: bool
) -> None:
    session.add_point(0, 20, 20)
    before = results(session)
    session.paint(0, stroke, 3, erase=erase)
    assert results(session) == before
    assert session.undo() == "positive point"
    session.paint(1, [(5, 5)], 3, erase=True)
    assert session.undo() is None


def test_a_stroke_or_radius_that_makes_no_sense_changes_nothing(session: Session) -> None:
    for stroke, radius in (([], 3), ([(np.nan, 1)], 3), ([(1, 1)], 0), ([(1, 1)], np.inf)):
        with pytest.raises(PromptError):
            session.paint(0, stroke, radius)
    assert session.undo() is None


def stroke(viewer: Viewer, **fields: object) -> int:
    given = {"instance": 1, "region": "overall", "radius": 5.0, "erase": False, **fields}
    return viewer.send("brush", frame=0, stroke=[[20, 20], [40, 20]], **given)


def test_a_stroke_of_the_browser_is_answered_before_its_mask_is_saved(session: Session) -> None:
    viewer = Viewer(session)
    seen: list[tuple[int, bool, bool]] = []
    hear = viewer.responder._send

    def look(answer: dict[str, object], buffers: list[bytes]) -> None:
        if answer["kind"] == "overlay":
            png = session.live.project.mask_path(OVERALL, 0).exists()
            seen.append((len(prompt_files(session)), png, session.live.unsaved > 0))
        hear(answer, buffers)

    viewer.responder._send = look
    number = stroke(viewer)
    answer, (packed,) = viewer.answer(number)
    session.live.worker.run(lambda: None)
    assert seen == [(2, False, True)]
    assert [item["source"] for item in answer["masks"]] == ["edit"]
    assert packed
    assert session.live.project.mask_path(OVERALL, 0).exists()
    assert session.live.unsaved == 0
    assert len(viewer.to(number)) == 1


def test_a_stroke_of_the_browser_that_changes_nothing_is_answered_too(session: Session) -> None:
    viewer = Viewer(session)
    answer, buffers = viewer.answer(stroke(viewer, erase=True))
    assert (answer["kind"], answer["masks"], buffers) == ("overlay", [], [])
    assert session.undo() is None
    refused, _ = viewer.answer(stroke(viewer, radius=-1.0))
    assert refused["kind"] == "error"
    assert "radius" in refused["message"]


def test_masks_given_in_a_cell_reach_an_open_view(session: Session) -> None:
    viewer = Viewer(session)
    revision = viewer.ask("hello")["revision"]
    number = viewer.send("listen", since=revision)
    session.set_mask(0, drawn())
    state, _ = viewer.answer(number)
    assert (state["undo"], state["changed"]) == ("mask", [(0, 1)])
    number = viewer.send("listen", since=state["revision"])
    session.paint(0, [(60, 40)], 3)
    state, _ = viewer.answer(number)
    assert state["changed"] == [(0, 1)]


# Tracking


def test_tracking_follows_a_drawn_mask_and_never_replaces_it(session: Session) -> None:
    session.set_mask(3, drawn())
    session.track().wait()
    track = session.masks[OVERALL]
    assert track.frames.tolist() == list(range(10))
    assert np.array_equal(track[5], np.roll(drawn(), 2, axis=1))
    session.track(force=True).wait()
    assert np.array_equal(session.masks[OVERALL][3], drawn())
    assert set(session.to_dataframe()["source"]) == {"track", "edit"}
    assert session.to_dataframe()["source"][3] == "edit"


def test_an_edit_of_a_tracked_frame_makes_the_other_tracked_frames_stale(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    session.paint(5, [(60, 40)], 6)
    table = session.to_dataframe()
    assert table["stale"].tolist() == [False, *[True] * 4, False, *[True] * 4]
    edited = session.masks[OVERALL][5]
    session.track().wait()
    assert not session.to_dataframe()["stale"].any()
    assert np.array_equal(session.masks[OVERALL][5], edited)
    assert np.array_equal(session.masks[OVERALL][6], np.roll(edited, 1, axis=1))


def test_undoing_the_edit_of_a_tracked_frame_brings_all_of_it_back(session: Session) -> None:
    session.add_point(0, 20, 20)
    session.track().wait()
    before, table = results(session), session.to_dataframe()
    session.paint(5, [(60, 40)], 6)
    session.paint(5, [(20, 20)], 6, erase=True)
    session.undo()
    session.undo()
    assert results(session) == before
    assert session.to_dataframe().equals(table)


def test_an_edit_takes_its_scope_out_of_a_running_track_and_stays(tmp_path: Path) -> None:
    engine = GatedEngine()
    with open_project(tmp_path, engine=engine) as session:
        session.add_point(0, 20, 20)
        session.add_point(0, 20, 40, region="shaft")
        job = session.track()
        assert engine.arrived()
        waiting = session.live.worker.submit(lambda: None)
        engine.open_gate()
        waiting.result()
        session.set_mask(7, drawn())
        job.wait()
        assert np.array_equal(session.masks[OVERALL][7], drawn())
        assert session.masks[1, "shaft"].frames.tolist() == list(range(10))
        session.track().wait()
        assert np.array_equal(session.masks[OVERALL][7], drawn())


# Files


def test_a_mask_is_a_png_that_the_prompts_name(session: Session) -> None:
    session.set_mask(7, drawn())
    session.set_mask(3, drawn(40))
    session.add_point(3, 80, 50)
    masks = content(session)["masks"]
    digests = [MaskPrompt(bits.to_png(mask)).digest for mask in (drawn(40), drawn())]
    assert masks == [
        {"frame_index": 3, "file": f"prompts_overall/00003-{digests[0]}.png"},
        {"frame_index": 7, "file": f"prompts_overall/00007-{digests[1]}.png"},
    ]
    assert content(session)["num_prompts"] == 3
    data = (session.folder / "instance1" / masks[1]["file"]).read_bytes()
    read = bits.from_png(data, HEIGHT, WIDTH)
    assert read is not None
    assert np.array_equal(read, drawn())


def test_the_export_lists_drawn_masks_with_their_files(session: Session) -> None:
    session.set_mask(7, drawn())
    (scope,) = session.export_json()["scopes"]
    (listed,) = scope["masks"]
    assert (session.folder / "instance1" / listed["file"]).is_file()
    assert [record["source"] for record in scope["records"]] == ["edit"]


def test_reopening_brings_masks_back_and_points_refine_them(tmp_path: Path) -> None:
    with open_project(tmp_path) as session:
        session.add_point(0, 20, 20)
        session.track().wait()
        session.paint(5, [(60, 40)], 6)
        session.set_mask(0, drawn())
        session.set_mask(7, drawn(40))
        session.add_point(7, 80, 50)
        table, before = session.to_dataframe(), session.live.annotations
    with open_project(tmp_path) as session:
        assert session.live.annotations == before
        assert session.to_dataframe().equals(table)
        refined = session.add_point(7, 10, 10)
        assert np.array_equal(refined & drawn(40), drawn(40))
        assert refined[50, 80]
        assert refined[10, 10]
        painted = session.masks[OVERALL][5]
        assert np.array_equal(session.add_point(5, 80, 10) & painted, painted)
        assert session.points[OVERALL][5].tolist() == [[80, 10, 1]]


def test_a_mask_that_a_kill_kept_from_the_disk_is_there_again_without_a_model(
    tmp_path: Path,
) -> None:
    with open_project(tmp_path) as session:
        session.set_mask(3, drawn())
        session.set_mask(4, drawn(40))
        session.set_mask(5, drawn(60))
        png = session.live.project.mask_path(OVERALL, 3)
        saved = png.read_bytes()
        other = session.live.project.mask_path(OVERALL, 5)
        journal = session.live.project.track_path(OVERALL)
    png.unlink()
    shutil.copy(png.with_name("00004.png"), other)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]))
    engine = FakeEngine()
    with open_project(tmp_path, engine=engine) as session:
        assert png.read_bytes() == saved
        assert np.array_equal(session.masks[OVERALL][5], drawn(60))
        assert session.to_dataframe()["source"].tolist() == ["edit"] * 3
        assert calls(engine, "segment") == []


def closed(folder: Path) -> Path:
    """Return the folder of a project with two drawn masks, closed."""
    with open_project(folder) as session:
        session.set_mask(3, drawn())
        session.set_mask(4, drawn(40))
    return session.folder / "instance1"


def test_masks_that_no_prompts_name_are_removed_on_opening(tmp_path: Path) -> None:
    folder = closed(tmp_path)
    named = sorted((folder / "prompts_overall").iterdir())
    left = folder / "prompts_overall" / f"00009-{'0' * 16}.png"
    alone = folder / "prompts_shaft" / f"00009-{'0' * 16}.png"
    theirs = folder / "prompts_overall" / "notes.png"
    alone.parent.mkdir()
    for path in (left, alone, theirs):
        shutil.copy(named[0], path)
    with open_project(tmp_path):
        pass
    assert sorted((folder / "prompts_overall").iterdir()) == [*named, theirs]
    assert not alone.parent.exists()


@pytest.mark.parametrize(
    "damage",
    ["missing", "not a picture", "another size", "other bytes", "empty"],
)
def test_a_drawn_mask_that_cannot_be_read_is_a_damaged_project(tmp_path: Path, damage: str) -> None:
    path = sorted((closed(tmp_path) / "prompts_overall").iterdir())[0]
    if damage == "missing":
        path.unlink()
    else:
        data = {
            "not a picture": b"not a picture",
            "another size": bits.to_png(drawn()[:-1]),
            "other bytes": bits.to_png(drawn(50)),
            "empty": b"",
        }[damage]
        path.write_bytes(data)
    before = files(tmp_path / "clip")
    with pytest.raises(ProjectError, match=rf"{path.name} cannot be read .*Nothing was changed"):
        open_project(tmp_path)
    assert files(tmp_path / "clip") == before


@pytest.mark.parametrize(
    "name",
    [
        "../../../secret.png",
        "/etc/passwd",
        "prompts_overall/../masks_overall/00003.png",
        "masks_overall/00003.png",
        "prompts_shaft/{}",
        "prompts_overall/sub/{}",
        "prompts_overall//{}",
        "./prompts_overall/{}",
        "prompts_overall/00004.png",
        "{}",
        "",
        "prompts_overall/{}\x00",
        None,
        5,
        ["prompts_overall/{}"],
    ],
    ids=str,
)
def test_no_other_file_than_the_one_we_would_write_is_read(tmp_path: Path, name: object) -> None:
    folder = closed(tmp_path)
    (tmp_path / "secret.png").write_bytes(bits.to_png(drawn()))
    points = folder / "points_overall.json"
    read = json.loads(points.read_text("utf-8"))
    own = sorted((folder / "prompts_overall").iterdir())[0].name
    read["masks"][0]["file"] = name.format(own) if isinstance(name, str) else name
    points.write_text(json.dumps(read), "utf-8")
    before = files(tmp_path / "clip")
    with pytest.raises(ProjectError, match=r"cannot be read .*Nothing was changed"):
        open_project(tmp_path)
    assert files(tmp_path / "clip") == before


@pytest.mark.parametrize(
    "change",
    [
        lambda read: read["masks"].append(read["masks"][0]),
        lambda read: read["masks"][0].update(frame_index=4),
        lambda read: read["masks"][0].update(frame_index="3"),
        lambda read: read["masks"].append(5),
        lambda read: read.update(masks=None),
        lambda read: read.update(boxes=[{"frame_index": 3, "x0": 1, "y0": 1, "x1": 9, "y1": 9}]),
    ],
    ids=["twice", "another frame", "text", "a number", "null", "a box beside it"],
)
def test_prompts_that_name_masks_in_another_way_are_damaged(tmp_path: Path, change: object) -> None:
    points = closed(tmp_path) / "points_overall.json"
    read = json.loads(points.read_text("utf-8"))
    change(read)  # type: ignore[operator]
    points.write_text(json.dumps(read), "utf-8")
    with pytest.raises(ProjectError, match="cannot be read"):
        open_project(tmp_path)


@pytest.mark.parametrize("what", ["00005-*", "points_*", "00005*.writing", "track_*"])
@pytest.mark.parametrize("before", ["nothing", "points", "mask", "track"])
def test_a_full_disk_changes_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch, what: str, before: str
) -> None:
    session.add_point(0, 20, 20)
    if before == "points":
        session.add_point(5, 20, 20)
    elif before == "mask":
        session.set_mask(5, drawn())
        session.add_point(5, 20, 20)
    elif before == "track":
        session.track().wait()
    state, prompts = files(session.folder), session.live.annotations
    with full_disk(monkeypatch, what) as refused:
        for act in (lambda: session.set_mask(5, drawn(40)), lambda: session.paint(5, [(9, 9)], 3)):
            with pytest.raises(SaveError, match="The disk is full"):
                act()
            assert files(session.folder) == state
            assert session.live.annotations == prompts
    assert refused
    session.set_mask(5, drawn(40))
    assert np.array_equal(session.masks[OVERALL][5], drawn(40))
    session.undo()
    assert results(session) == {k: v for k, v in state.items() if "track_" not in k}


@pytest.mark.parametrize("what", ["00005-*", "points_*"])
def test_a_full_disk_keeps_undo_from_half_bringing_a_mask_back(
    session: Session, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    session.set_mask(4, drawn())
    session.set_mask(5, drawn())
    whole = results(session)
    session.delete_scope(1, "overall")
    state = files(session.folder)
    with full_disk(monkeypatch, what) as refused, pytest.raises(SaveError, match="full"):
        session.undo()
    assert refused
    assert files(session.folder) == state
    session.undo()
    assert results(session) == whole


# Values


def test_revisions_of_frames_without_a_mask_stay_what_they_were() -> None:
    given = FramePrompts((Point(1, 2.5, 1),), Box(0, 1, 2, 3), corrects=True)
    assert (FramePrompts().revision, given.revision) == ("3f5daa216f26b6e0", "719b04ad675f1296")


def test_the_revision_depends_on_the_mask_and_the_count_on_its_being_there() -> None:
    point = Point(1, 2, 1)
    mask, other = MaskPrompt(bits.to_png(drawn())), MaskPrompt(bits.to_png(drawn(40)))
    given = FramePrompts((point,), mask=mask)
    revisions = {
        given.revision,
        replace(given, mask=other).revision,
        replace(given, mask=None).revision,
        replace(given, points=()).revision,
        replace(given, mask=None, box=Box(1, 1, 2, 2)).revision,
    }
    assert len(revisions) == 5
    assert FramePrompts((point,), mask=MaskPrompt(bits.to_png(drawn()))).revision == given.revision
    assert (len(given), len(FramePrompts(mask=mask))) == (2, 1)
    assert (given.drawn, FramePrompts(mask=mask).drawn) == (None, mask)
