"""The training of nano: its world, one step, going on after a stop, and how it is measured."""

from __future__ import annotations

import json
import shutil
import sys
import types
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
import pytest
import torch

from sam2_widget.engines.sam2 import Sam2Engine
from training.nano import classical, evaluate, heldout
from training.nano.camera import Lens
from training.nano.cards import card_ground
from training.nano.clicks import correction, middle
from training.nano.collect import collect, is_thing
from training.nano.evaluate import box_of, measure, overlap
from training.nano.gather import gather
from training.nano.heldout import HeldOut, Target
from training.nano.label import label, outlines
from training.nano.losses import mask_loss
from training.nano.muon import Muon
from training.nano.network import PACKAGED, build, save_half
from training.nano.passes import Pass
from training.nano.photos import Photos
from training.nano.places import Places
from training.nano.plan import FIRST_HELD_OUT, Plan
from training.nano.samples import Batch, make_batch
from training.nano.scenes import draw_clip
from training.nano.state import State
from training.nano.teacher import Teacher
from training.nano.textures import Textures
from training.nano.train import Run, train_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from training.nano.figures import Kind

FEW = 40  # textures: each takes some milliseconds to draw
TINY = Plan(shapes=((2, 1), (1, 3), (1, 3)), small=100, warmup=1, fade=1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Keep torch from waiting for a core that another test has: the tensors are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def textures() -> Textures:
    return Textures(0, FEW)


@pytest.fixture(scope="module")
def batch(textures: Textures) -> Batch:
    return make_batch((0, 1), textures, clips=2, length=3, side=128)


def edges(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return how steep a picture is at each pixel."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))


def outline(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    kernel = np.ones((3, 3), np.uint8)
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, kernel) > 0


def test_a_seed_gives_the_same_batch_whatever_was_drawn_before(textures: Textures) -> None:
    first = make_batch((3, 7), textures, clips=1, length=2, side=128)
    again = make_batch((3, 7), Textures(0, FEW), clips=1, length=2, side=128)
    other = make_batch((3, 8), textures, clips=1, length=2, side=128)
    for name in vars(first):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert not np.array_equal(first.frames, other.frames)


@pytest.mark.parametrize("kind", ["figures", "pieces", "cards"])
def test_edges_of_the_masks_are_edges_of_the_pictures(textures: Textures, kind: Kind) -> None:
    on, off = [], []
    for number in range(12):
        clip = draw_clip(np.random.default_rng(number), textures, 1, kind=kind)
        line = outline(clip.figures[0] > 0)
        steep = edges(clip.frames[0])
        on.append(steep[line].mean() / steep.mean())
        off.append(steep[np.roll(line, (8, 8), (0, 1))].mean() / steep.mean())
    assert np.mean(on) > 1.5 * np.mean(off)


def test_the_same_figure_goes_on_from_frame_to_frame(textures: Textures) -> None:
    moved = []
    for number in range(8):
        clip = draw_clip(np.random.default_rng(number), textures, 3, 128)
        for figure in np.unique(clip.figures[0])[1:]:
            first, second, _ = clip.mask(int(figure))
            if second.any():
                near = cv2.dilate(first.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
                moved.append(np.mean(near[second]))
    assert len(moved) > 8
    assert np.mean(moved) > 0.9


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of real pictures out of a package that has a red disc and a landscape."""
    folder = tmp_path_factory.mktemp("photos")
    source = folder / "source"
    (source / "symbols").mkdir(parents=True)
    rng = np.random.default_rng(0)
    disc = np.zeros((400, 300, 4), np.uint8)
    cv2.circle(disc, (150, 200), 100, (40, 30, 220, 255), -1)
    disc[..., :3] += rng.integers(0, 35, (400, 300, 3), np.uint8)
    cv2.imwrite(str(source / "disc.png"), disc)
    cv2.imwrite(str(source / "symbols" / "letter.png"), disc)
    cv2.imwrite(str(source / "speck.png"), disc[:240, :60])
    land = cv2.resize(rng.integers(0, 255, (9, 16, 3), np.uint8), (960, 540))
    cv2.imwrite(str(source / "land.jpg"), land)
    cv2.imwrite(str(source / "icon.jpg"), land[:100])
    assert collect(folder, [source]) == (1, 1)
    return folder


def test_real_pictures_are_cut_out_and_lie_in_the_scenes(photos: Path) -> None:
    pictures = Photos(photos)
    thing = pictures.cutout(np.random.default_rng(1), 120)
    assert max(thing.shape[:2]) == 120
    assert 0.7 < (thing[..., 3] > 127).mean() < 0.82
    textures = Textures(0, FEW, pictures)
    red = 0
    for number in range(12):
        clip = draw_clip(np.random.default_rng(number), textures, 1, 128, "pieces")
        shown = clip.frames[0].astype(int)
        reddish = (shown[..., 0] > 110) & (shown[..., 1:].max(2) < 100)
        red += int((reddish & (clip.figures[0] > 0)).sum() > 100)
    assert red >= 3


def test_a_world_drawn_alone_is_the_one_without_pictures(photos: Path) -> None:
    both, drawn = Textures(3, photos=Photos(photos)), Textures(3)
    assert both.alone().photos is None
    assert both.photos is not None
    clips = [draw_clip(np.random.default_rng(7), world, 2) for world in (both.alone(), drawn)]
    np.testing.assert_array_equal(clips[0].frames, clips[1].frames)


def test_cards_lie_on_real_backgrounds_too_and_hide_nothing_real(photos: Path) -> None:
    textures = Textures(0, FEW, Photos(photos))
    for number in range(6):
        clip = draw_clip(np.random.default_rng(number), textures, 1, 128, "cards")
        assert clip.placed.shape[1] == 0
        assert set(np.unique(clip.figures)) <= {0, 1, 2, 3, 4}
        assert (clip.figures > 0).any()

    def part(rng: np.random.Generator, side: int, least: float) -> npt.NDArray[np.float32]:
        return np.full((side, side, 3), 7, np.float32)

    assert textures.photos is not None
    textures.photos.part = part  # type: ignore[method-assign]
    seeds = range(20)
    real = [(card_ground(np.random.default_rng(n), textures, 32) == 7).all() for n in seeds]
    assert 6 <= sum(real) <= 18
    drawn = [
        (card_ground(np.random.default_rng(n), textures.alone(), 32) == 7).all() for n in seeds
    ]
    assert not any(drawn)


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


def test_a_plan_says_how_large_frames_are() -> None:
    plan = Plan(side=192, small=1, shapes=((2, 1),) * 3)
    assert (plan.shape(0), plan.shape(1)) == ((4, 1, 96), (2, 1, 192))


def test_rendered_things_come_half_of_the_time_and_signs_never(tmp_path: Path) -> None:
    source = tmp_path / "package"
    source.mkdir()
    rng = np.random.default_rng(0)
    # An apple, a flag, a clock, a sign, and a hand in two tones of skin.
    for name in ("1f34e", "1f1e8-1f1ed", "1f550", "2714", "1f44b-1f3fb", "1f44b-1f3fd"):
        disc = np.zeros((200, 200, 4), np.uint8)
        cv2.circle(disc, (100, 100), 80, (220, 60, 30, 255), -1)
        disc[..., :3] += rng.integers(0, 35, (200, 200, 3), np.uint8)
        cv2.imwrite(str(source / f"{name}.webp"), disc)
    assert [is_thing(name) for name in ("1f34e", "1f1e8-1f1ed", "1f550", "2714")] == [True] + 3 * [
        False
    ]
    assert sum(is_thing(f"1f44b-1f3f{tone}") for tone in "bcdef") == 1
    folder = tmp_path / "photos"
    land = cv2.resize(rng.integers(0, 255, (9, 16, 3), np.uint8), (960, 540))
    red = np.zeros((200, 200, 4), np.uint8)
    cv2.circle(red, (100, 100), 80, (30, 30, 220, 255), -1)
    red[..., :3] += rng.integers(0, 35, (200, 200, 3), np.uint8)
    (tmp_path / "cut").mkdir()
    cv2.imwrite(str(tmp_path / "cut" / "red.png"), red)
    cv2.imwrite(str(tmp_path / "cut" / "land.jpg"), land)
    assert collect(folder, [tmp_path / "cut"]) == (1, 1)
    things, _ = collect(folder, [source], "renders")
    assert things == len(list((folder / "renders").iterdir())) <= 2
    pictures = Photos(folder)
    blue = 0
    for number in range(40):
        thing = pictures.cutout(np.random.default_rng(number), 60)
        inner = thing[20:40, 20:40, :3].astype(int).mean((0, 1))
        blue += int(inner[2] > inner[0])
    assert 8 < blue < 32


class RoundThings:
    """A teacher that finds the disc below a point, and is unsure elsewhere."""

    def see(self, picture: npt.NDArray[np.uint8]) -> None:
        self._picture = picture

    def ask(
        self, points: Sequence[tuple[float, float, int]]
    ) -> tuple[float, npt.NDArray[np.float32]]:
        """Return a disc of a quarter of the resolution, as the real one does."""
        ((x, y, _),) = points
        red = self._picture[..., 0] > 180
        _, labels = cv2.connectedComponents(red.astype(np.uint8))
        number = labels[int(y), int(x)]
        mask = cv2.resize((labels == number).astype(np.float32), None, fx=0.25, fy=0.25)
        return (0.97 if number else 0.5), mask * 20 - 10


@pytest.fixture(scope="module")
def places(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Add photographs of two red discs on grass to a folder of real pictures."""
    folder = tmp_path_factory.mktemp("places") / "photos"
    shutil.copytree(photos, folder)
    source = folder / "package"
    source.mkdir()
    rng = np.random.default_rng(3)
    for name in ("one.png", "again.jpg"):
        picture = cv2.resize(rng.integers(40, 120, (12, 16, 3), np.uint8), (800, 600))
        picture[..., 1] += rng.integers(0, 40, (600, 800), np.uint8)
        cv2.circle(picture, (250, 300), 90, (30, 40, 230), -1)
        cv2.circle(picture, (600, 200), 60, (30, 40, 230), -1)
        picture[..., :2] += rng.integers(0, 110, (600, 800, 2), np.uint8)
        cv2.imwrite(str(source / name), picture)
        rng = np.random.default_rng(3)
    drawn = np.full((600, 800, 3), 255, np.uint8)
    cv2.rectangle(drawn, (100, 100), (500, 500), (0, 0, 0), -1)
    cv2.imwrite(str(source / "drawn.png"), drawn)
    assert gather(folder, [source]) == 1, "the same once, drawings never"
    assert label(folder, RoundThings()) == (1, 2)
    assert label(folder, RoundThings()) == (0, 0), "done"
    return folder


def test_things_in_photographs_are_asked_for_where_they_are(places: Path) -> None:
    seen = Places(places / "places")
    for number in range(8):
        squeeze = (0.5625, 1.0) if number % 2 else (1.0, 0.75)
        view = seen.view(np.random.default_rng(number), 128, squeeze)
        assert view.picture.shape == (256, 256, 3)
        assert view.masks
        for mask in view.masks:
            red = view.picture[..., 0] > 165
            assert (red & (mask > 0)).sum() > 0.93 * mask.sum()
            assert mask[64:192, 64:192].any()
    textures = Textures(0, FEW, Photos(places))
    clips = [draw_clip(np.random.default_rng(n), textures, 3, 128) for n in range(12)]
    with_things = [clip for clip in clips if clip.placed.any()]
    assert 3 <= len(with_things) < 12
    for clip in with_things:
        assert not (clip.placed & (clip.figures[:, None] > 0)).any(), "figures cover them"


def test_a_closer_look_finds_what_is_small_and_never_halves_of_things() -> None:
    picture = np.full((600, 800, 3), 60, np.uint8)
    cv2.circle(picture, (400, 150), 100, (230, 40, 30), -1)  # across the quarters
    cv2.circle(picture, (700, 520), 18, (230, 40, 30), -1)
    rng = np.random.default_rng
    far = [outlines(RoundThings(), picture, rng(n)) for n in range(12)]
    close = [outlines(RoundThings(), picture, rng(n), closer=True) for n in range(12)]
    assert sum(map(len, far)) < sum(map(len, close))
    for found in close:
        for _, mask in found:
            y, x = (int(np.median(where)) for where in np.nonzero(mask))
            radius = {400: 100, 700: 18}[min((400, 700), key=lambda middle: abs(middle - x))]
            assert abs(mask.sum() / (np.pi * radius**2) - 1) < 0.15, (x, y)


def test_what_is_outlined_and_stands_free_is_cut_out_too(places: Path) -> None:
    things = list((places / "cutouts").glob("*--*.webp"))
    assert len(things) == 2
    for file in things:
        picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        inner = picture[picture[..., 3] > 200]
        assert np.median(inner[:, 2]) > 180 > np.median(inner[:, 1])


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


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no pictures; make them with"):
        Photos(tmp_path)


def test_prompts_point_at_their_objects(batch: Batch) -> None:
    assert batch.frames.shape == (2, 3, 128, 128, 3)
    assert batch.masks.shape == (3, len(batch.owner), 32, 32)
    for mask, (x, y), (x0, y0, x1, y1) in zip(
        batch.masks[0], batch.clicks, batch.boxes, strict=True
    ):
        assert mask[int(y / 4), int(x / 4)] > 0
        rows, columns = np.nonzero(mask > 127)
        assert x0 / 4 - 3 < columns.min() <= columns.max() < x1 / 4 + 3
        assert y0 / 4 - 3 < rows.min() <= rows.max() < y1 / 4 + 3


def test_training_on_one_batch_lowers_its_loss(batch: Batch) -> None:
    state = State(build(PACKAGED / "nano.safetensors"))

    def loss() -> float:
        with torch.no_grad():
            return float(Pass(state.model, batch, np.random.default_rng(0)).run())

    before = loss()
    plan = Plan(warmup=1, rate=1e-4)
    for _ in range(3):
        values = train_step(state, batch, plan)
    assert loss() < before
    assert values["norm"][0] > 0


def test_weights_from_nothing_learn_from_the_first_steps(batch: Batch) -> None:
    torch.manual_seed(0)
    state = State(build(None))
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    for _ in range(3):
        values = train_step(state, batch, Plan(balanced=100, warmup=1))
        assert np.isfinite(values["loss"]).all()
    after = state.model.state_dict()
    still = {name for name, value in before.items() if torch.equal(value, after[name])}
    # What these three batches ask for decides over the rest: boxes, masks, absent objects.
    parts = ("trunk", "neck", "memory_attention", "memory_encoder", "transformer", "upscaling")
    assert [name for name in still if any(part in name for part in parts)] == []


def test_stacks_of_matrices_take_the_steps_of_muon() -> None:
    torch.manual_seed(0)
    shapes = [(24, 24)] * 3 + [(48, 24)] * 2 + [(24, 60)]
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [torch.nn.Parameter(each.detach().clone()) for each in ours]
    stacked = Muon(ours, 0.05)
    stacked.rate = 1e-2
    single = torch.optim.Muon(
        theirs, lr=1e-2, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(4):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        stacked.step()
        single.step()
    for mine, other in zip(ours, theirs, strict=True):
        # Steps are of 0.2 in all; both compute in 16 bits, in orders of their own.
        assert torch.allclose(mine, other, atol=2e-3)


def test_the_estimate_that_costs_least_is_the_mean_of_what_may_be_meant() -> None:
    """A mask that is either right or quite wrong: its estimate is in between, not one of both."""
    mask = torch.full((1, 1, 8, 8), -9.0)
    mask[..., :4] = 9.0
    right = (mask[:, 0] > 0).float()
    wrong = 1 - right
    there = torch.full((1, 1), 9.0)

    def cost(estimate: float) -> float:
        given = torch.tensor([[estimate]])
        both = [mask_loss(mask, each, given, there).value for each in (right, right, wrong)]
        return float(sum(both))

    costs = {estimate: cost(estimate) for estimate in (0.0, 0.5, 0.66, 0.8, 1.0)}
    assert min(costs, key=lambda estimate: costs[estimate]) == 0.66


def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(tmp_path: Path) -> None:
    def run(folder: Path, most: int) -> State:
        torch.manual_seed(0)
        state = State(build(PACKAGED / "nano.safetensors"))
        Run(folder, state, TINY).train(3, most=most)
        return state

    whole = run(tmp_path / "whole", 100)
    run(tmp_path / "parts", 1)
    parts = run(tmp_path / "parts", 100)
    assert parts.step == whole.step == 3
    assert parts.fading_since == whole.fading_since == 2
    for mine, other in ((parts.model, whole.model), (parts.average, whole.average)):
        for name, value in mine.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name
    assert (tmp_path / "parts" / "final.safetensors").is_file()


def test_a_file_named_anneal_ends_a_run_slowly(tmp_path: Path) -> None:
    (tmp_path / "anneal").touch()
    state = State(build(PACKAGED / "nano.safetensors"))
    Run(tmp_path, state, TINY).train(1000)
    assert (state.step, state.fading_since) == (1, 0)
    rates = [TINY.rate_at(step, 0) for step in (0, 1)]
    assert rates == pytest.approx([TINY.rate, 0.01 * TINY.rate])


def test_kept_weights_are_what_the_widget_loads(tmp_path: Path) -> None:
    model = build(PACKAGED / "nano.safetensors")
    save_half(model.state_dict(), tmp_path / "kept.safetensors")
    assert (tmp_path / "kept.safetensors").stat().st_size < 10e6
    again = build(tmp_path / "kept.safetensors")
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_no_plan_trains_on_what_is_held_out() -> None:
    with pytest.raises(ValueError, match="give one from 0"):
        Plan(seed=FIRST_HELD_OUT)


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


def test_a_good_camera_keeps_every_edge() -> None:
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::2] = 255
    for seed in range(40):
        lens = Lens(np.random.default_rng(seed), 64)
        lens.clean()
        frame = lens.develop(stripes, 0).astype(int)
        assert np.abs(np.diff(frame, axis=1)).max(2).min() > 15
