"""How nano is measured: held-out sets, the alternative, the teacher and the session."""

from __future__ import annotations

import json
import sys
import types
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
import pytest

from sam2_widget.engines.sam2 import Sam2Engine
from training.nano import classical, evaluate, heldout
from training.nano.clicks import correction, middle
from training.nano.evaluate import box_of, measure, overlap
from training.nano.heldout import HeldOut, Target
from training.nano.network import PACKAGED
from training.nano.teacher import Teacher

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


def test_held_out_cards_are_of_the_size_asked_for_and_others_than_pieces() -> None:
    cards = list(heldout.synthetic(3, 0, "cards"))
    (piece, *_) = heldout.synthetic(1, 0, "pieces")
    assert [clip.name for clip in cards] == ["card-0", "card-1", "card-2"]
    for clip in cards:
        assert clip.frames.shape == (1 + heldout.TRACKED, 256, 256, 3)
        assert 1 <= len(clip.targets) <= 2
        assert all(0.02 <= target.masks[0].mean() <= 0.6 for target in clip.targets)
    assert not np.array_equal(cards[0].frames, piece.frames)


def test_the_evaluation_says_which_sets_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate", "--sets", "cards", "real"])
    with pytest.raises(SystemExit, match="no set real; take some of sample, cards, pieces"):
        evaluate.main()


def test_clicks_go_where_the_most_is_wrong() -> None:
    target = np.zeros((60, 80), bool)
    target[10:50, 10:40] = True
    x, y = middle(target)
    assert target[int(y), int(x)]
    assert (abs(x - 25) <= 6, abs(y - 30) <= 6) == (True, True)
    answer = target.copy()
    answer[10:50, 10:16] = False
    answer[5:20, 60:75] = True
    found = correction(target, answer)
    assert found is not None
    assert found[2] == 1
    assert 10 <= found[0] < 16
    answer[5:25, 55:78] = True
    found = correction(target, answer)
    assert found is not None
    assert found[2] == 0
    assert correction(target, target) is None


class Inference:
    """In the place of an ONNX session: the decoder answers a disc at the first point."""

    asked: ClassVar[list[dict[str, npt.NDArray[np.float32]]]] = []

    def __init__(self, file: Path, options: object) -> None:
        self._encodes = file.name == "encoder.onnx"

    def run(
        self, names: list[str] | None, given: dict[str, npt.NDArray[np.float32]]
    ) -> list[npt.NDArray[np.float32]]:
        """Return an embedding, or the estimate and logits."""
        self.asked.append(given)
        if self._encodes:
            return [np.zeros((1, 256, 64, 64), np.float32)]
        x, y = given["point_coords"][0, 0] / 4
        rows, columns = np.mgrid[:256, :256] + 0.5
        disc = 20 - np.hypot(rows - y, columns - x)
        return [np.array([[0.9]], np.float32), disc[None, None].astype(np.float32)]


def test_the_teacher_is_asked_in_its_own_pixels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module: Any = types.ModuleType("onnxruntime")
    module.SessionOptions, module.InferenceSession = types.SimpleNamespace, Inference
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    monkeypatch.setattr(Inference, "asked", [])
    teacher = Teacher(tmp_path)
    disc = np.zeros((256, 512), np.uint8)
    cv2.circle(disc, (300, 120), 40, 1, -1)
    frame = np.repeat(disc[..., None] * 200, 3, 2).astype(np.uint8)
    clip = HeldOut("disc", frame[None], [Target("disc", {0: disc.astype(bool)})])
    figures = evaluate.measure_teacher(clip, teacher)["disc"]
    assert figures["1 click"][0] > 0.95
    assert set(figures) == {"1 click", "2 clicks", "3 clicks", "4 clicks", "box"}
    seen, first, second, *_, box = Inference.asked
    assert seen["input"].shape == (1, 3, 1024, 1024)
    assert not seen["input"][..., 512:, :].any(), "below the picture is padding"
    assert abs(first["point_coords"][0, 0] - (601, 241)).max() <= 4
    assert first["point_labels"].tolist() == [[1, -1]]
    assert not first["has_mask_input"].any()
    assert second["has_mask_input"].all(), "a correction shows what it corrects"
    assert box["point_labels"].tolist() == [[2, 3]]
    assert not box["has_mask_input"].any()


def test_the_session_is_asked_as_the_table_says(tmp_path: Path) -> None:
    engine = Sam2Engine("nano", str(PACKAGED / "nano.yaml"), PACKAGED / "nano.safetensors", "cpu")
    (clip,) = heldout.flat()
    (disc, *_) = clip.targets
    three = Target(disc.name, {index: disc.masks[index] for index in (0, 1, 2)})
    short = HeldOut("short", clip.frames[:3], [three])
    figures, tracks = measure(engine, short, tmp_path)
    assert len(figures["disc"]["1 click"]) == 3
    assert min(figures["disc"]["1 click"]) > 0.85
    assert figures["disc"]["J"][0] > 0.85
    assert [mask.shape for mask in tracks["disc"]] == [(360, 640)] * 3


def test_the_alternative_cuts_out_a_plain_disc_and_carries_it_on() -> None:
    frames = np.full((4, 90, 120, 3), (190, 200, 210), np.uint8)
    frames += np.random.default_rng(0).integers(0, 20, frames.shape, np.uint8)
    masks = []
    for index, frame in enumerate(frames):
        mask = np.zeros((90, 120), np.uint8)
        cv2.circle(mask, (40 + 3 * index, 45), 18, 1, -1)
        frame[mask > 0] = (200, 40, 30)
        masks.append(mask > 0)
    found = classical.grabcut(frames[0], [(40, 45, 1)])
    assert overlap(found, masks[0]) > 0.9
    boxed = classical.grabcut(frames[0], [], box_of(masks[0]))
    assert overlap(boxed, masks[0]) > 0.9
    carried = classical.carry(frames, masks[0])
    assert overlap(carried[-1], masks[-1]) > 0.8


def test_the_alternative_takes_a_box_round_everything_as_it_is() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    assert classical.grabcut(frame, [], (0, 0, 60, 40)).all()


@pytest.mark.parametrize(
    "file", sorted((PACKAGED.parents[1] / "training/nano/outlines").glob("*.json"))
)
def test_outlines_lie_in_their_frames(file: Path) -> None:
    said = json.loads(file.read_text())
    size = said["height"], said["width"]
    for name, drawn in said["objects"].items():
        assert len(drawn) == 3, name
        for polygons in drawn.values():
            mask = heldout.fill(polygons, size)
            assert 0.002 < mask.mean() < 0.6
            for polygon in polygons:
                assert np.min(polygon) >= 0
                assert np.all(np.array(polygon) <= (size[1], size[0]))


def test_an_outline_covers_the_pixels_inside_it() -> None:
    mask = heldout.fill([[[2, 3], [8, 3], [8, 9], [2, 9]]], (12, 12))
    assert mask[3:9, 2:8].all()
    assert mask.sum() <= 49
