"""From files to a model: what fits is loaded, what is hostile is refused, frames are upstream's."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import sam2
import torch
import yaml
from safetensors.torch import load_file, save_file
from sam2.utils.misc import load_video_frames

from sam2_widget.engines.sam2 import loading
from sam2_widget.engines.sam2.images import LazyImages
from sam2_widget.engines.sam2.loading import find_config, load_predictor
from sam2_widget.engines.sam2.precision import inference, limit_threads, pick_device
from sam2_widget.errors import ModelError
from sam2_widget.models import OFFICIAL, nano

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NANO = nano()
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _threads_as_in_the_engine() -> None:
    """Count threads as the engine does: later tests compare its sums with this thread's."""
    limit_threads(CPU)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return load_file(NANO.checkpoint)


def config(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """Write nano's config with a change."""
    content = yaml.safe_load(Path(NANO.config).read_text("utf-8"))
    change(content["model"])
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    return str(path)


def same(model: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> bool:
    state = model.state_dict()
    return state.keys() == weights.keys() and all(
        torch.equal(state[name], weights[name]) for name in weights
    )


# What loads


def test_the_packaged_model_loads_with_upstream_s_overrides(
    weights: dict[str, torch.Tensor],
) -> None:
    model = load_predictor(NANO.config, NANO.checkpoint, CPU)
    assert type(model).__name__ == "SAM2VideoPredictor"
    assert not model.training
    assert same(model, weights)
    assert model.binarize_mask_from_pts_for_mem_enc is True
    assert model.add_all_frames_to_correct_as_cond is True
    assert model.fill_hole_area == 0
    decoder = model.sam_mask_decoder
    assert decoder.dynamic_multimask_via_stability is True
    assert decoder.dynamic_multimask_stability_delta == 0.05
    assert decoder.dynamic_multimask_stability_thresh == 0.98


@pytest.mark.parametrize("wrapped", [True, False], ids=["as upstream saves", "plain"])
def test_a_pt_file_of_the_same_weights_loads(
    tmp_path: Path, weights: dict[str, torch.Tensor], wrapped: bool
) -> None:
    path = tmp_path / "mine.pt"
    torch.save({"model": weights} if wrapped else weights, path)
    assert same(load_predictor(NANO.config, path, CPU), weights)


@pytest.mark.parametrize("name", sorted(set(OFFICIAL.values())))
def test_sam2_s_own_names_of_configs_are_found(name: str) -> None:
    assert find_config(name) == Path(sam2.__file__).parent / name
    assert find_config(name).is_file()


def test_a_config_file_wins_over_sam2_s_of_the_same_name() -> None:
    name = "configs/sam2.1/sam2.1_hiera_t.yaml"
    mine = Path(name)
    mine.parent.mkdir(parents=True)
    mine.write_text("model: {}", "utf-8")
    assert find_config(name) == mine


# What does not fit


def test_a_config_that_does_not_exist_shows_how_one_looks() -> None:
    with pytest.raises(ModelError, match=r"no model config 'gone\.yaml'.*sam2\.1_hiera_l\.yaml"):
        load_predictor("gone.yaml", NANO.checkpoint, CPU)


def test_a_checkpoint_of_another_config_names_tensors_and_shapes(tmp_path: Path) -> None:
    def narrow(model: dict[str, Any]) -> None:
        model["memory_encoder"]["out_dim"] = 32

    with pytest.raises(ModelError) as refused:
        load_predictor(config(tmp_path, narrow), NANO.checkpoint, CPU)
    text = str(refused.value)
    assert "does not match the config" in text
    assert "obj_ptr_tpos_proj.bias: [64] in the file, [32] in the config" in text
    assert "give the config it was trained with" in text
    assert len(text.splitlines()) == 1


def test_missing_and_surplus_tensors_are_named(
    tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "other.safetensors"
    changed = {**weights, "aa.surplus": torch.zeros(2)}
    del changed["no_mem_embed"]
    save_file(changed, path)
    with pytest.raises(ModelError) as refused:
        load_predictor(NANO.config, path, CPU)
    assert "aa.surplus: [2] in the file, missing in the config" in str(refused.value)
    assert "no_mem_embed: missing in the file" in str(refused.value)


def test_many_wrong_tensors_are_counted_not_listed(
    tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "empty.safetensors"
    save_file({"only": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match=rf"and {len(weights) + 1 - 5} more"):
        load_predictor(NANO.config, path, CPU)


# Hostile checkpoints


class Hostile:
    """Makes a folder when unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path, writer: str) -> None:
    path, trace = tmp_path / "evil.pt", tmp_path / "was here"
    content = {"model": {"weight": Hostile(trace)}}
    if writer == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(ModelError, match="cannot be read as PyTorch weights"):
        load_predictor(NANO.config, path, CPU)
    assert not trace.exists()
    # The file would have done it.
    if writer == "pickle":
        pickle.loads(path.read_bytes())
        assert trace.exists()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("data", [b"", b"damaged", b"\xff" * 100, b"PK\x03\x04"], ids=repr)
def test_a_damaged_checkpoint_says_so(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="cannot be read as PyTorch weights; download it again"):
        load_predictor(NANO.config, path, CPU)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_checkpoint_that_does_not_exist_says_so(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        load_predictor(NANO.config, tmp_path / f"gone{suffix}", CPU)


@pytest.mark.parametrize(
    "content",
    [{}, [], torch.zeros(3), {"model": torch.zeros(3)}, {"model": {}}, {"model": [1]}, {"a": 5}],
    ids=str,
)
def test_a_file_without_weights_says_so(tmp_path: Path, content: object) -> None:
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(ModelError, match="holds no model weights"):
        load_predictor(NANO.config, path, CPU)


# Hostile configs

HOSTILE = "os.mkdir"
DISGUISED = "sam2.modeling.sam2_base.torch.os.mkdir"


def call(target: str, folder: Path) -> dict[str, object]:
    return {"_target_": target, "_args_": [str(folder)]}


@pytest.mark.parametrize("target", [HOSTILE, "torch.hub.load", "sam2.build_sam.build_sam2"])
def test_a_config_that_names_code_outside_sam2_modeling_is_refused(
    tmp_path: Path, target: str
) -> None:
    trace = tmp_path / "was here"
    for place in ("memory_encoder", "image_encoder"):
        path = config(tmp_path, lambda model, p=place: model.update({p: call(target, trace)}))
        with pytest.raises(ModelError, match=r"may only name classes of sam2\.modeling"):
            load_predictor(path, NANO.checkpoint, CPU)
    assert not trace.exists()


def test_a_config_that_reaches_out_through_sam2_s_own_imports_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "was here"
    path = config(tmp_path, lambda model: model.update(memory_encoder=call(DISGUISED, trace)))
    with pytest.raises(ModelError, match="may only name classes"):
        load_predictor(path, NANO.checkpoint, CPU)
    assert not trace.exists()


@pytest.mark.parametrize(
    "hidden",
    [
        "${oc.create:{_target_: os.mkdir, path: was_here}}",
        "\\${oc.create:{_target_: os.mkdir, path: was_here}}",
        "${oc.decode:'{_target_: os.mkdir, path: was_here}'}",
    ],
)
def test_a_config_that_hides_a_target_in_an_interpolation_is_refused(
    tmp_path: Path, hidden: str
) -> None:
    path = config(tmp_path, lambda model: model.update(memory_encoder=hidden))
    with pytest.raises(ModelError):
        load_predictor(path, NANO.checkpoint, CPU)
    assert not Path("was_here").exists()


def test_a_target_in_a_list_is_found(tmp_path: Path) -> None:
    trace = tmp_path / "was here"
    path = config(tmp_path, lambda model: model.update(other=[[1, call(HOSTILE, trace)]]))
    with pytest.raises(ModelError, match="may only name classes"):
        load_predictor(path, NANO.checkpoint, CPU)
    assert not trace.exists()


def test_a_config_may_not_give_arguments_by_place(tmp_path: Path) -> None:
    def hide(model: dict[str, Any]) -> None:
        trunk = model["image_encoder"]["trunk"]
        model["image_encoder"]["trunk"] = {"_target_": trunk["_target_"], "_args_": [32, 1]}

    path = config(tmp_path, hide)
    with pytest.raises(ModelError, match="gives arguments as _args_"):
        load_predictor(path, NANO.checkpoint, CPU)


def test_a_config_may_not_read_weights_of_its_own(tmp_path: Path) -> None:
    evil, trace = tmp_path / "evil.pt", tmp_path / "was here"
    torch.save({"weight": Hostile(trace)}, evil)

    def change(model: dict[str, Any]) -> None:
        model["image_encoder"]["trunk"]["weights_path"] = str(evil)

    with pytest.raises(ModelError, match="weights_path"):
        load_predictor(config(tmp_path, change), NANO.checkpoint, CPU)
    assert not trace.exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "model:", "model: 5", "model: []", "{", "a: b", "model: {_target_: 5}", "\0"],
)
def test_a_damaged_config_is_one_clear_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "damaged.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ModelError, match=r"damaged\.yaml") as refused:
        load_predictor(str(path), NANO.checkpoint, CPU)
    assert len(str(refused.value).splitlines()) == 1


def test_a_failure_without_a_word_still_gives_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(loading, "instantiate", fail)
    with pytest.raises(ModelError, match=r"cannot be built \(AssertionError\)"):
        load_predictor(NANO.config, NANO.checkpoint, CPU)


# Device


def test_auto_takes_cuda_then_mps_then_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"cuda": True, "mps": True}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: found["mps"])
    assert pick_device("auto").type == "cuda"
    found["cuda"] = False
    assert pick_device("auto").type == "mps"
    found["mps"] = False
    assert pick_device("auto").type == "cpu"


def test_a_device_by_name_is_taken() -> None:
    assert pick_device("cpu") == CPU


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "", "cpu:x"])
def test_a_device_that_is_not_there_says_what_to_give(name: str) -> None:
    with pytest.raises(ModelError, match="cannot be used here; give device='cpu'"):
        pick_device(name)


def test_inference_keeps_no_gradients_and_full_precision_on_the_cpu() -> None:
    layer = torch.nn.Linear(2, 2)
    with inference(CPU):
        out = layer(torch.ones(2))
    assert out.dtype == torch.float32
    assert not out.requires_grad


@pytest.mark.parametrize(
    ("cores", "set_by_user", "threads_now", "device", "expected"),
    [
        (4, False, 4, "cpu", [3]),
        (1, False, 1, "cpu", [1]),
        (4, False, 4, "cuda", [1]),
        (4, True, 4, "cpu", []),
        (4, False, 2, "cpu", []),
    ],
)
def test_a_core_is_left_free_unless_the_user_chose(
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    set_by_user: bool,
    threads_now: int,
    device: str,
    expected: list[int],
) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads_now)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_by_user:
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
    limit_threads(torch.device(device))
    assert chosen == expected


# Frames


class Folder:
    """Stored frames in a folder."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._paths = sorted(path.iterdir())
        self.width, self.height = width, height

    def __len__(self) -> int:
        return len(self._paths)

    def path(self, index: int, /) -> Path:
        return self._paths[index]

    def is_ready(self, index: int) -> bool:
        return True


@pytest.mark.parametrize(
    ("width", "height", "size"), [(96, 64, 128), (300, 200, 128), (33, 77, 64), (64, 64, 64)]
)
def test_frames_are_upstream_s_bit_for_bit(
    tmp_path: Path, width: int, height: int, size: int
) -> None:
    random = np.random.default_rng(width)
    for index in range(3):
        pixels = random.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), np.uint8)
        picture = cv2.resize(pixels, (width, height))
        assert cv2.imwrite(str(tmp_path / f"{index:05d}.jpg"), picture)
    upstream, video_height, video_width = load_video_frames(
        str(tmp_path), size, offload_video_to_cpu=True, compute_device=CPU
    )
    ours = LazyImages(Folder(tmp_path, width, height), size)
    assert (len(ours), video_height, video_width) == (len(upstream), height, width)
    for index in range(len(ours)):
        assert ours[index].dtype == upstream[index].dtype == torch.float32
        assert torch.equal(ours[index], upstream[index])


def test_frames_read_ahead_are_those_that_are_asked_for(tmp_path: Path) -> None:
    for index in range(8):
        picture = np.full((16, 16, 3), 20 * index, np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{index:05d}.jpg"), picture)
    images, plain = (LazyImages(Folder(tmp_path, 16, 16), 16) for _ in range(2))
    images.read_ahead([1, 2, 3, 4])
    read: list[int] = []
    once = images._read
    images._read = lambda index: read.append(index) or once(index)  # type: ignore[func-returns-value, method-assign]
    for index in range(1, 6):
        images.read_ahead(range(index + 1, index + 5))
        assert torch.equal(images[index], plain[index])
    assert torch.equal(images[7], plain[7])
    assert sorted(read) == [5, 6, 7], "each once, and none beyond the end"
    images.read_ahead([0])
    # Those that a jump leaves behind are dropped.
    assert set(images._ahead) == {0}
    images.close()
    plain.close()


def test_every_byte_value_is_normalised_as_upstream_does(tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 64).reshape(128, 128)
    assert cv2.imwrite(str(tmp_path / "00000.jpg"), ramp, [cv2.IMWRITE_JPEG_QUALITY, 100])
    upstream, _, _ = load_video_frames(
        str(tmp_path), 128, offload_video_to_cpu=True, compute_device=CPU
    )
    ours = LazyImages(Folder(tmp_path, 128, 128), 128)[0]
    assert len(torch.unique(ours)) > 600
    assert torch.equal(ours, upstream[0])


def test_reading_a_frame_leaves_the_ones_before_as_they_were(tmp_path: Path) -> None:
    for index, grey in enumerate((0, 255)):
        picture = np.full((16, 16, 3), grey, np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{index:05d}.jpg"), picture)
    images = LazyImages(Folder(tmp_path, 16, 16), 16)
    first = images[0]
    before = copy.deepcopy(first)
    assert not torch.equal(images[1], first)
    assert torch.equal(first, before)


def test_a_model_is_built_without_the_gpu_that_is_there(
    monkeypatch: pytest.MonkeyPatch, weights: dict[str, torch.Tensor]
) -> None:
    # sam2 asks this while a model is built, and moves tensors there: any such move fails here.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    model = load_predictor(NANO.config, NANO.checkpoint, CPU)
    assert same(model, weights)
    encoding = model.image_encoder.neck.position_encoding
    assert all(known.device == CPU for known in encoding.cache.values())
    rotary = model.memory_attention.layers[0].self_attn.freqs_cis
    assert rotary.device == CPU


def test_opening_a_model_does_not_import_pytorchs_compiler() -> None:
    """That takes a second of every first click: sam2 computes while it is built, for shapes too."""
    code = f"""
import sys, torch
from sam2_widget.engines.sam2.loading import build_model, model_shapes
for config in ("configs/sam2.1/sam2.1_hiera_t.yaml", "configs/sam2/sam2_hiera_b+.yaml"):
    torch.manual_seed(7)
    first = torch.rand(3)
    torch.manual_seed(7)
    assert model_shapes(config)
    assert torch.equal(torch.rand(3), first), "a notebook's random numbers"
build_model({NANO.config!r})
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
