"""What the model remembers of tracked frames: bounded, and exact after any restart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from sam2_widget.annotations import Scope
from sam2_widget.engines.sam2.archive import Archive, lean
from sam2_widget.engines.sam2.memory import ScopeMemory, Stretch, readable
from sam2_widget.engines.sam2.precision import inference
from sam2_widget.session import Session
from tests.test_features import engine, opened

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from sam2_widget.engines.sam2.memory import Output

SCOPE = Scope(1, "overall")
WHOLE, LEAN = 4 * 64 + 2 * 32 + 4 * 8 + 4, 4 * 64 + 4 * 8 + 4
"""Bytes of what `made` makes."""


def made(number: float = 0.1) -> Output:
    return {
        "maskmem_features": torch.full((1, 2, 4, 4), number, dtype=torch.bfloat16),
        "pred_masks": torch.full((1, 1, 8, 8), number),
        "obj_ptr": torch.full((1, 8), number),
        "object_score_logits": torch.full((1, 1), number),
    }


def test_over_the_budget_memory_features_go_first_and_then_the_oldest() -> None:
    archive = Archive(4 * LEAN + WHOLE)
    for frame in range(3):
        archive.put("a", frame, made(), "run", reverse=False)
    assert archive.size == 3 * WHOLE
    for frame in range(3, 5):
        archive.put("a", frame, made(), "run", reverse=False)
    assert len(archive) == 5
    assert archive.size == 4 * LEAN + WHOLE
    assert [past.output["maskmem_features"] is None for past in archive] == [True] * 4 + [False]
    for frame in range(5, 9):
        archive.put("b", frame, made(), "run", reverse=False)
    assert archive.size <= archive.budget
    assert archive.get("a", 0) is None
    assert archive.get("b", 8) is not None
    archive.drop("a")
    archive.drop("b")
    assert (archive.size, len(archive)) == (0, 0)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_logits_of_16_bits_are_kept_in_16_bits_and_others_as_they_are(kind: torch.dtype) -> None:
    short = {**made(), "pred_masks": torch.randn(1, 1, 8, 8).to(kind).float()}
    kept = lean(short)["pred_masks"]
    assert kept.dtype == kind
    assert torch.equal(kept.float(), short["pred_masks"])
    exact = {**made(), "pred_masks": torch.randn(1, 1, 8, 8)}
    assert torch.equal(lean(exact)["pred_masks"], exact["pred_masks"])


def test_a_pass_holds_what_the_model_reads_and_no_more() -> None:
    memory = ScopeMemory()
    for frame in range(40):
        memory.keep(frame, made(), reach=6)
    assert sorted(memory.window) == list(range(25, 40))
    whole = {f for f, out in memory.window.items() if out["maskmem_features"] is not None}
    assert whole == {34, 35, 36, 37, 38, 39}
    assert all("pred_masks" not in out for out in memory.window.values())
    assert sorted(readable(memory.window, 30, 3)) == list(range(25, 40))


def work(session: Session) -> npt.NDArray[np.bool_]:
    """Track in parts both ways, correct twice, track again; return all masks."""
    session.add_point(4, 195, 112)
    session.track(start=4, stop=8).wait()
    session.track(start=8, stop=12).wait()
    session.track(start=2, stop=4).wait()
    session.track(direction="backward").wait()
    session.add_point(9, 300, 300, 0)
    session.add_point(1, 160, 110)
    session.undo()
    session.add_point(2, 170, 110)
    corrected = [session.masks[1, "overall"][frame] for frame in (2, 9)]
    session.track(start=6, stop=12).wait()
    session.track().wait()
    return np.stack([*corrected, *session.masks[1, "overall"]])


def test_memory_that_is_computed_again_gives_the_same_masks(clip: Path, tmp_path: Path) -> None:
    with opened(clip, tmp_path / "whole") as session:
        expected = work(session)
        assert 0.001 < expected.mean() < 0.9
        assert engine(session).archive.size > 470_000
    with opened(clip, tmp_path / "lean") as session:
        archive = engine(session).archive
        archive.budget = 400_000
        assert np.array_equal(work(session), expected)
        assert len(archive) > 8
        assert any(past.output["maskmem_features"] is None for past in archive)


def taken_up(first: int = 0) -> Stretch:
    return Stretch({}, {}, first, reverse=False, reach=6)


def test_logits_go_but_for_what_is_read_where_a_pass_can_be_taken_up() -> None:
    archive, stretch = Archive(30 * LEAN), taken_up()
    for frame in range(40):
        archive.put("a", frame, made(), "run", reverse=False, stretch=stretch)
    assert len(archive) == 40
    assert archive.size <= archive.budget
    thin = [f for f, past in enumerate(archive) if past.output["pred_masks"] is None]
    assert thin[:10] == list(range(10))
    assert not {*thin} & {*range(10, 16), *range(26, 32)}
    assert all(past.output["obj_ptr"] is not None for past in archive)


def test_what_a_pass_began_with_counts_and_goes_with_its_first_frame() -> None:
    archive, stretch = Archive(10 * WHOLE), taken_up()
    stretch.window = {-1: made()}
    archive.put("a", 0, made(), "run", reverse=False, stretch=stretch)
    assert archive.size == 2 * WHOLE
    archive.drop("a", 0)
    assert archive.size == 0
    assert stretch.window is None


def test_a_pass_that_is_tracked_again_up_to_a_frame_gives_the_same_masks(
    clip: Path, tmp_path: Path
) -> None:
    with Session(clip, output_dir=tmp_path, model="nano", device="cpu") as session:
        session.video.wait()
        session.add_point(20, 300, 128)
        archive = engine(session).archive
        session.track(start=20, stop=55).wait()
        session.track(start=0, stop=20).wait()
        frames = range(21, 55)
        whole = {f: dict(past.output) for f in frames if (past := archive.get(SCOPE, f))}
        assert len(whole) == 34
        archive.budget = 620_000
        # Anything that is put makes it keep to its budget.
        session.track(start=55, stop=56).wait()
        kept = {f: past for f in frames if (past := archive.get(SCOPE, f)) is not None}
        thin = [f for f, past in kept.items() if past.output["pred_masks"] is None]
        assert len(thin) > 15
        recall = engine(session)._recall

        def back(frame: int) -> Output | None:
            past = archive.get(SCOPE, frame)
            assert past is not None
            with inference(torch.device("cpu")):
                return recall._whole(SCOPE, frame, past, {})

        for frame in (thin[0], thin[-1]):
            # On the engine's thread: another number of threads adds up in another order.
            found = session.live.worker.run(partial(back, frame))
            assert found is not None
            assert [
                key for key, was in whole[frame].items() if not torch.equal(found[key], was)
            ] == []
