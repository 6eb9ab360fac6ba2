"""Numbers, devices and transfers: what each device computes in, and that nothing waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from sam2_widget import models
from sam2_widget.engines.base import FrameInput
from sam2_widget.engines.sam2.constants import compute_constants_once
from sam2_widget.engines.sam2.features import Features
from sam2_widget.engines.sam2.images import LazyImages
from sam2_widget.engines.sam2.loading import load_predictor
from sam2_widget.engines.sam2.memory import Memory
from sam2_widget.engines.sam2.precision import cast_weights, inference, pick_precision
from sam2_widget.engines.sam2.propagation import Points, Propagation
from sam2_widget.engines.sam2.results import bring, pack, unpack
from sam2_widget.engines.sam2.switches import OWN_ATTENTION, TF32
from sam2_widget.errors import ModelError
from sam2_widget.sample import SAMPLE_CLICKS
from sam2_widget.session import Session
from tests.projects import open_sample

if TYPE_CHECKING:
    from pathlib import Path

    from sam2_widget.engines.sam2.memory import Output

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


# -- which numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "major", "able"),
    [
        (CUDA, 9, ("bfloat16", "float16", "float32")),
        (CUDA, 8, ("bfloat16", "float16", "float32")),
        (CUDA, 7, ("float16", "float32")),
        (MPS, 0, ("float32",)),
        (CPU, 0, ("float32", "bfloat16")),
    ],
)
def test_each_device_has_its_own_numbers_and_says_what_it_cannot(
    monkeypatch: pytest.MonkeyPatch, device: torch.device, major: int, able: tuple[str, ...]
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (major, 0))
    assert pick_precision("auto", device) == getattr(torch, able[0])
    for name in ("float32", "bfloat16", "float16"):
        if name in able:
            assert pick_precision(name, device) == getattr(torch, name)
        else:
            with pytest.raises(ModelError, match=rf"^precision='{name}' is not for {device.type}"):
                pick_precision(name, device)


def test_a_precision_that_does_not_exist_is_refused_at_once(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^precision is 'auto', 'float32', .* not 'double'\.$"):
        Session(clip, output_dir=tmp_path, model="nano", precision="double")
    assert not list(tmp_path.iterdir())


def test_a_precision_that_the_device_cannot_is_told_by_the_first_click(
    clip: Path, tmp_path: Path
) -> None:
    with open_sample(clip, tmp_path, precision="float16") as session:
        with pytest.raises(ModelError, match="give 'auto' or 'float32' or 'bfloat16'"):
            session.add_point(0, *SAMPLE_CLICKS["box"])
        assert session.live.status.status == "failed"


def test_half_the_bits_give_nearly_the_same_masks(clip: Path, tmp_path: Path) -> None:
    masks = {}
    for precision in ("float32", "bfloat16"):
        with open_sample(clip, tmp_path / precision, precision=precision) as session:
            session.add_point(0, *SAMPLE_CLICKS["box"])
            session.track().wait()
            masks[precision] = np.asarray(session.masks[1, "overall"])
    full, half = masks["float32"], masks["bfloat16"]
    shared = (full & half).sum(axis=(1, 2)) / (full | half).sum(axis=(1, 2))
    # Other numbers were used, and it shows little.
    assert shared.min() > 0.95
    assert not np.array_equal(full, half)


def test_settings_of_the_process_hold_while_an_engine_wants_them_and_are_put_back() -> None:
    for switch, read, wanted, before in (
        (TF32, torch.get_float32_matmul_precision, "high", "highest"),
        (OWN_ATTENTION, torch.backends.cuda.cudnn_sdp_enabled, False, True),
    ):
        first, second = object(), object()
        assert read() == before
        switch.end(first)  # which never began
        switch.begin(first)
        switch.begin(first)
        switch.begin(second)
        assert read() == wanted
        switch.end(first)
        switch.end(first)
        assert read() == wanted
        switch.end(second)
        assert read() == before


def test_who_turns_a_setting_meanwhile_has_the_last_word() -> None:
    TF32.begin(TF32)
    torch.set_float32_matmul_precision("highest")
    TF32.end(TF32)
    assert torch.get_float32_matmul_precision() == "highest"


def test_weights_that_are_cast_once_give_what_autocast_gives() -> None:
    spec = models.nano()
    plain = load_predictor(spec.config, spec.checkpoint, CPU)
    cast = load_predictor(spec.config, spec.checkpoint, CPU)
    cast_weights(cast, torch.bfloat16)
    image = torch.rand(1, 3, cast.image_size, cast.image_size)
    with inference(CPU, torch.bfloat16):
        one, other = plain.forward_image(image), cast.forward_image(image)
    assert one["backbone_fpn"][-1].abs().max() > 0
    for level, same in zip(one["backbone_fpn"], other["backbone_fpn"], strict=True):
        assert level.dtype == same.dtype
        assert torch.equal(level, same)
    cast_weights(plain, torch.float32)
    assert all(p.dtype == torch.float32 for p in plain.parameters())
    halves = [p for p in cast.parameters() if p.dtype == torch.bfloat16]
    assert len(halves) > 200


# -- what is moved ----------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(width=32))
def test_packed_masks_and_scores_come_out_as_they_went_in(
    height: int, width: int, seed: int, score: float
) -> None:
    inside = torch.from_numpy(np.random.default_rng(seed).random((height, width)) < 0.5)
    packed = pack(inside, torch.tensor([[score]]))
    assert packed.nbytes == 4 + -(-height * width // 8)
    mask, number = unpack(packed.numpy(), (height, width))
    assert (mask.dtype, mask.shape) == (np.dtype(bool), (height, width))
    assert np.array_equal(mask, inside.numpy())
    assert np.array_equal(number, score, equal_nan=True)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_mask_is_brought_as_it_was_computed(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    logits, score = torch.randn(1, 1, 16, 16), torch.tensor([[3.3]], dtype=kind)
    large = functional.interpolate(logits, (45, 67), mode="bilinear", align_corners=False)
    plain = (large[0, 0] > 0).numpy()
    mask, number = bring(logits, score, (45, 67))
    assert np.array_equal(mask, plain)
    assert number == float(score)
    mask, number = unpack(pack(large[0, 0] > 0, score).numpy(), (45, 67))
    assert np.array_equal(mask, plain)
    assert number == float(score)


class Folder:
    """Frames of a project."""

    def __init__(self, session: Session) -> None:
        self._video = session.video
        self.width, self.height = session.video.width, session.video.height

    def __len__(self) -> int:
        return len(self._video)

    def is_ready(self, index: int) -> bool:
        return True

    def path(self, index: int) -> Path:
        return self._video.path(index)


def test_bytes_that_are_normalised_on_the_device_are_the_same_numbers(
    clip: Path, tmp_path: Path
) -> None:
    with open_sample(clip, tmp_path) as session:
        frames = Folder(session)
        here, there = LazyImages(frames, 256), LazyImages(frames, 256)
        there._device = torch.device("meta")  # so that frames are left as bytes
        pixels = there[3]
        assert (pixels.dtype, tuple(pixels.shape)) == (torch.uint8, (256, 256, 3))
        assert torch.equal(there.normalised(pixels), here[3])
        here.close()
        there.close()


# -- what runs on the device ------------------------------------------------------------------


def test_nothing_forces_the_slow_attention_kernel(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call can take the fastest kernel: all are allowed, and the input is what they take."""
    attention, calls = functional.scaled_dot_product_attention, list[str]()

    def watched(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, **rest: Any) -> torch.Tensor:
        assert torch.backends.cuda.flash_sdp_enabled()
        assert torch.backends.cuda.mem_efficient_sdp_enabled()
        assert torch.backends.cuda.cudnn_sdp_enabled()
        assert set(rest) <= {"dropout_p"}
        assert not rest.get("dropout_p")
        for each in (q, k, v):
            assert each.dim() == 4
            assert each.shape[-1] <= 256
            assert each.stride(-1) == 1
        calls.append(str(q.dtype))
        return attention(q, k, v, **rest)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", watched)
    with open_sample(clip, tmp_path) as session:
        session.add_point(0, *SAMPLE_CLICKS["box"])
        session.track(stop=2).wait()
    assert len(calls) > 10


def on(model: Any, device: str) -> tuple[Propagation, Features, Points]:
    """Return a model on a device, with the features of a frame and a click there."""
    side = model.image_size
    propagation = Propagation(model, compute_constants_once(model))
    levels = model.forward_image(torch.zeros(1, 3, side, side, device=device))["backbone_fpn"]
    points = {
        "point_coords": torch.zeros(1, 1, 2, device=device),
        "point_labels": torch.ones(1, 1, dtype=torch.int32, device=device),
    }
    return propagation, Features(tuple(levels[-model.num_feature_levels :])), points


def away(output: Output) -> Output:
    """Return an output of the meta device with its large tensors in the host's memory."""
    large = ("maskmem_features", "pred_masks")
    kept = {k: v for k, v in output.items() if v is not None}
    return {
        **output,
        **{k: torch.zeros(kept[k].shape, dtype=kept[k].dtype) for k in large if k in kept},
    }


def test_memories_that_wait_in_the_host_s_memory_are_moved_where_they_are_read() -> None:
    """On torch's meta device: it computes shapes alone, and refuses what lies elsewhere.

    It refuses also whatever needs the value of a number, which on a GPU would wait for the device.
    """
    spec = models.resolve("nano")[0]
    model = load_predictor(spec.config, spec.checkpoint, torch.device("meta"))
    with torch.inference_mode():
        propagation, features, points = on(model, "meta")
        clicked = away(propagation.from_points(0, features, points, None, None))
        propagation.remember(features, clicked)
        assert clicked["maskmem_features"].device.type == "meta"
        memory = Memory({0: away(clicked)}, {}, 20)
        for frame in range(1, 10):
            output = propagation.track(frame, features, memory)
            assert {v.device.type for v in output.values()} == {"meta"}
            memory.tracked[frame] = away(output)
        lean = {**away(output), "maskmem_features": None}
        propagation.remember_tracked(features, lean)
        assert lean["maskmem_features"].device.type == "meta"


class Waits(TorchFunctionMode):
    """Notes what on a GPU would wait for it: numbers that are taken out of tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        taking = "__bool__ __float__ __int__ __index__ item tolist numpy nonzero cpu equal"
        if getattr(func, "__name__", "") in taking.split():
            self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


def test_a_step_of_a_track_takes_no_number_out_of_a_tensor(clip: Path, tmp_path: Path) -> None:
    with open_sample(clip, tmp_path) as session:
        session.add_point(0, *SAMPLE_CLICKS["box"])
        engine: Any = session.live.engine
        scope, given = session.scopes[0], session.live.annotations.of(session.scopes[0])

        def track() -> tuple[list[str], list[str], float]:
            engine.begin(
                scope,
                {0: FrameInput(given[0])},
                reverse=False,
                run="r",
                neighbours=[],
            )
            list(engine.steps([scope], 1))
            with Waits() as during:
                ((_, result),) = engine.steps([scope], 2)
            with Waits() as after:
                score = result.score
            assert result.mask.any()
            return during.seen, after.seen, score

        during, after, score = session.live.worker.run(track)
        assert during == []
        # Who saves the mask takes the score with it.
        assert "__float__" in after
        assert score > 0
