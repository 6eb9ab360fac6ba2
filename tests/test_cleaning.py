"""Holes filled and small regions removed: right, only where it is asked for, only what is saved."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sam2_widget.annotations import Scope
from sam2_widget.cleaning import Cleaning
from sam2_widget.errors import ProjectError, PromptError
from tests.projects import files, full_disk, open_project
from tests.test_features import engine, opened
from tests.test_mask_prompts import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sam2_widget.session import Session

    Mask = npt.NDArray[np.bool_]
    Places = list[tuple[float, float]]

AREAS = {"fill_hole_area": 100, "min_mask_region_area": 200}
RAGGED = [(560, 40, 1), (60, 320, 1)]
"""Clicks on the background of frame 3 that give nano 18 regions, and tracked frames with some."""


# -- the function -----------------------------------------------------------------------------


def components(mask: Mask) -> list[set[tuple[int, int]]]:
    """Flood the components of a mask one pixel at a time, over sides and corners."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    found = []
    while left:
        flood, edge = set[tuple[int, int]](), [min(left)]
        while edge:
            y, x = edge.pop()
            if (y, x) in left:
                left.remove((y, x))
                flood.add((y, x))
                edge += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        found.append(flood)
    return found


def plain(mask: Mask, how: Cleaning, inside: Places, outside: Places, kept: Mask) -> Mask:
    """Do the same slowly, from the definition; of equally large regions that in `kept` stays."""
    height, width = mask.shape
    cleaned = mask.copy()
    for hole in components(~mask):
        at_border = any(y in (0, height - 1) or x in (0, width - 1) for y, x in hole)
        clicked = any((int(y), int(x)) in hole for x, y in outside)
        if not at_border and not clicked and len(hole) <= how.fill_hole_area:
            cleaned[tuple(np.transpose(list(hole)))] = True
    regions = components(cleaned)
    largest = max(regions, key=lambda region: (len(region), kept[min(region)]), default=set())
    for region in regions:
        clicked = any((int(y), int(x)) in region for x, y in inside)
        if len(region) < how.min_mask_region_area and region is not largest and not clicked:
            cleaned[tuple(np.transpose(list(region)))] = False
    return cleaned


masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))
hows = st.builds(Cleaning, st.integers(0, 12), st.integers(0, 12))
places = st.lists(st.tuples(st.floats(0, 13.9), st.floats(0, 13.9)), max_size=3)


@given(masks, hows, places, places)
def test_cleaning_is_what_its_definition_says(
    mask: Mask, how: Cleaning, inside: Places, outside: Places
) -> None:
    before = mask.copy()
    cleaned = how(mask, inside, outside)
    assert np.array_equal(mask, before)
    assert np.array_equal(cleaned, plain(mask, how, inside, outside, kept=cleaned))


@given(masks, hows)
def test_cleaning_twice_is_cleaning_once_and_no_object_vanishes(mask: Mask, how: Cleaning) -> None:
    cleaned = how(mask)
    assert how(cleaned) is cleaned
    assert cleaned.any() == mask.any()
    assert cleaned.shape == mask.shape
    assert cleaned.dtype == bool


@given(masks)
def test_a_mask_with_nothing_to_clean_is_returned_as_it_is(mask: Mask) -> None:
    assert Cleaning()(mask) is mask
    # No hole and no region has less than one pixel.
    assert Cleaning(0, 1)(mask) is mask


def test_a_hole_open_at_a_corner_is_none_and_a_region_at_a_corner_belongs_to_the_object() -> None:
    ring = np.zeros((7, 7), dtype=bool)
    ring[1:6, 1:6] = True
    ring[3, 3] = False
    assert Cleaning(1)(ring)[3, 3]
    open_ring = ring.copy()
    open_ring[[2, 1], [2, 1]] = False
    assert Cleaning(4)(open_ring) is open_ring
    ring[0, 6] = True
    assert Cleaning(0, 20)(ring) is ring


def test_what_touches_the_border_of_the_frame_is_no_hole() -> None:
    mask = np.ones((5, 5), dtype=bool)
    mask[0, 2] = mask[2, 2] = False
    cleaned = Cleaning(25)(mask)
    assert cleaned[2, 2]
    assert not cleaned[0, 2]


# -- through the engine -----------------------------------------------------------------------


def annotate(session: Session) -> Mask:
    """Click, track, correct a tracked frame with a click, track anew; return all masks."""
    session.add_points(3, RAGGED)
    session.track().wait()
    session.add_point(9, 500, 300)
    session.track(force=True).wait()
    return np.asarray(session.masks[1, "overall"])


@pytest.fixture(scope="module")
def uncleaned(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with opened(clip, tmp_path_factory.mktemp("uncleaned")) as session:
        annotate(session)
        yield session


@pytest.fixture
def session(clip: Path, tmp_path: Path) -> Iterator[Session]:
    with opened(clip, tmp_path, **AREAS) as session:
        yield session


def expected(session: Session, **areas: int) -> Mask:
    """Clean the masks that a session saved as they came."""
    points = {frame: np.asarray(p) for frame, p in session.points[1, "overall"].items()}
    return np.stack(
        [
            Cleaning(**areas)(
                mask, *([p[:2] for p in points.get(f, ()) if p[2] == k] for k in (1, 0))
            )
            for f, mask in enumerate(session.masks[1, "overall"])
        ]
    )


def remembered(session: Session) -> dict[int, list[npt.NDArray[Any]]]:
    """Return what the model remembers of the tracked frames."""
    archive, scope = engine(session).archive, Scope(1, "overall")
    kept = {frame: archive.get(scope, frame) for frame in range(12)}
    return {
        frame: [
            past.output[key].float().cpu().numpy()
            for key in ("pred_masks", "obj_ptr", "object_score_logits")
        ]
        for frame, past in kept.items()
        if past is not None
    }


def test_clicks_and_tracks_are_cleaned_and_the_model_remembers_its_own_masks(
    uncleaned: Session, session: Session
) -> None:
    raw = np.asarray(uncleaned.masks[1, "overall"])
    saved = annotate(session)
    assert np.array_equal(saved, expected(uncleaned, **AREAS))
    changed = (saved != raw).any(axis=(1, 2))
    # The clicked frame, tracked ones, and both kinds of change.
    assert changed[3]
    assert changed.sum() > 1
    assert (saved & ~raw).any()
    assert (raw & ~saved).any()
    ours, theirs = remembered(session), remembered(uncleaned)
    assert len(ours) > 8
    assert ours.keys() == theirs.keys()
    for frame in ours:
        assert all(map(np.array_equal, ours[frame], theirs[frame]))


def test_records_measure_what_is_saved(uncleaned: Session, session: Session) -> None:
    session.add_points(3, RAGGED)
    session.track(start=3, stop=6).wait()
    table = session.to_dataframe()
    assert table["area"].tolist() == [
        int(session.masks[1, "overall"][f].sum()) for f in table["frame"]
    ]
    assert table["area"].tolist() != uncleaned.to_dataframe()["area"][3:6].tolist()


def test_nothing_is_cleaned_unless_it_is_asked_for(
    clip: Path, tmp_path: Path, uncleaned: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sam2_widget.cleaning._components", None)
    with opened(clip, tmp_path, fill_hole_area=0, min_mask_region_area=0) as session:
        assert np.array_equal(annotate(session), np.asarray(uncleaned.masks[1, "overall"]))


def test_sam2_itself_fills_no_holes(session: Session) -> None:
    assert engine(session)._model.fill_hole_area == 0


def test_tracked_masks_are_cleaned_behind_the_loop(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    monkeypatch.setattr(
        "sam2_widget.cleaning.bounds", lambda _: threads.append(threading.current_thread().name)
    )
    session.add_point(3, 180, 110)
    assert [name.split("_")[0] for name in threads] == ["sam2-widget-engine"]
    session.track(start=3, stop=6).wait()
    assert {name.split("_")[0] for name in threads[1:]} == {"sam2-widget-encode"}
    assert len(threads) == 3


def test_undo_brings_back_bytes_and_reopening_with_other_areas_changes_none(
    clip: Path, tmp_path: Path, session: Session
) -> None:
    session.add_points(3, RAGGED)
    first = session.masks[1, "overall"][3]
    clicked = pngs(session)
    session.track(start=2, stop=5).wait()
    tracked = pngs(session)
    session.undo()
    assert pngs(session) == clicked
    session.redo()
    assert pngs(session) == tracked
    session.close()
    with opened(clip, tmp_path) as again:
        assert pngs(again) == tracked
        again.add_point(3, 180, 110)
        assert not np.array_equal(again.masks[1, "overall"][3], first)
        again.undo()
        assert pngs(again) == tracked


def test_what_made_the_masks_says_how_they_were_cleaned(session: Session, tmp_path: Path) -> None:
    session.add_points(3, RAGGED)
    session.track(start=3, stop=5).wait()
    (run,) = session.provenance()["runs"]
    for told in (session.provenance(), run, session.export_json()["engine"]):
        assert {key: told[key] for key in AREAS} == AREAS


def pngs(session: Session) -> dict[str, bytes]:
    return {name: data for name, data in files(session.folder).items() if "masks_" in name}


def test_saved_masks_are_cleaned_as_one_step_of_undo_and_the_model_remembers_its_own(
    clip: Path, tmp_path: Path, uncleaned: Session
) -> None:
    with opened(clip, tmp_path) as session:
        session.add_points(3, RAGGED)
        session.track().wait()
        session.set_mask(0, np.ones((360, 640), dtype=bool), instance=2)
        before, wanted = pngs(session), expected(session, **AREAS)
        raw = np.asarray(session.masks[1, "overall"])
        known = remembered(session)
        changed = session.clean(**AREAS)
        assert changed == (wanted != raw).any(axis=(1, 2)).sum() > 4
        assert np.array_equal(np.asarray(session.masks[1, "overall"]), wanted)
        assert session.masks[2, "overall"][0].all()
        assert session.clean([(1, "overall")], **AREAS) == 0
        # It is written down once, and masks keep the run that they are of.
        run, cleaning = session.provenance()["runs"]
        assert (run["fill_hole_area"], run["min_mask_region_area"]) == (0, 0)
        assert cleaning.pop("started") >= run["started"]
        assert session.provenance(cleaning.pop("run")) | cleaning == session.provenance()["runs"][1]
        assert cleaning == {"what": "clean", "scopes": [[1, "overall"]], "masks": changed, **AREAS}
        assert session.export_json()["runs"] == session.provenance()["runs"]
        assert set(session.to_dataframe()["run"]) == {"", run["run"]}
        # What comes next is what it would have been without.
        assert not any(session.is_stale(frame) for frame in range(12))
        assert all(
            np.array_equal(a, b)
            for frame, kept in remembered(session).items()
            for a, b in zip(kept, known[frame], strict=True)
        )
        session.add_point(9, 500, 300)
        assert np.array_equal(session.masks[1, "overall"][9], uncleaned.masks[1, "overall"][9])
        session.undo()
        assert session.undo() == f"cleaning of {changed} masks"
        assert pngs(session) == before
        session.redo()
        assert np.array_equal(np.asarray(session.masks[1, "overall"]), wanted)


# -- without a model --------------------------------------------------------------------------


def test_masks_that_the_user_drew_stay_as_they_are(tmp_path: Path) -> None:
    with open_project(tmp_path, fill_hole_area=1000, min_mask_region_area=5000) as session:
        mask = drawn()
        mask[0, 90] = True
        assert np.array_equal(session.set_mask(0, mask), mask)
        painted = session.paint(0, [(60, 40)], 3)
        assert np.array_equal(painted & mask, mask)
        session.clean(fill_hole_area=1000, min_mask_region_area=5000)
        assert np.array_equal(session.masks[1, "overall"][0], painted)
        saved = session.export_json(pixels=True)
        session.clear_frame(0)
        session.load(saved)
        assert np.array_equal(session.masks[1, "overall"][0], painted)


def test_a_cleaning_that_cannot_be_written_down_is_done_all_the_same_and_the_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_project(tmp_path) as session:
        session.add_points(0, [(20, 20, 1), (70, 30, 1)])
        session.track().wait()
        with full_disk(monkeypatch, "runs.jsonl"):
            assert session.clean(min_mask_region_area=5000) == 9
        assert "runs.jsonl was not saved" in session.live.notices[-1].text
        assert len(session.provenance()["runs"]) == 1


def test_a_click_has_the_last_word(tmp_path: Path) -> None:
    with open_project(tmp_path, fill_hole_area=1000, min_mask_region_area=1000) as session:
        session.set_box(0, (4, 4, 60, 60))
        # The engine draws discs of 12 pixels: a hole, and a region of its own.
        mask = session.add_point(0, 30, 30, 0)
        assert not mask[30, 30]
        mask = session.add_point(0, 80, 30)
        assert mask[30, 80]


def test_areas_that_are_none_and_other_areas_than_an_open_project_has_are_refused(
    tmp_path: Path,
) -> None:
    for wrong in (-1, 2.5, "8", None):
        with pytest.raises(PromptError, match=r"fill_hole_area is .* whole number of pixels"):
            open_project(tmp_path, fill_hole_area=wrong)
    assert not list(tmp_path.iterdir())
    with open_project(tmp_path, min_mask_region_area=8) as session:
        with pytest.raises(ProjectError, match=r"arguments \(min_mask_region_area\)"):
            open_project(tmp_path)
        with pytest.raises(PromptError, match="min_mask_region_area is -3"):
            session.clean(min_mask_region_area=-3)
