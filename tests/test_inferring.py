"""Configs found by shapes, and checkpoints refused by the sizes they have or claim."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

import sam2_widget as sw
from sam2_widget.catalogue import OFFICIAL
from sam2_widget.engines.sam2 import weights as reading
from sam2_widget.engines.sam2.inferring import infer_config, model_shapes
from sam2_widget.engines.sam2.loading import build_model, find_config, load_predictor
from sam2_widget.engines.sam2.weights import read_shapes, read_weights
from sam2_widget.errors import ModelError
from sam2_widget.models import nano

if TYPE_CHECKING:
    from typing import Any

NANO = nano()


def copy_config(name: str, **changes: object) -> Path:
    """Put nano's config into the folder of the user's configs, with changes."""
    content = yaml.safe_load(Path(NANO.config).read_text("utf-8"))
    content["model"].update(changes)
    path = Path("configs") / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


def empty_weights(config: str, path: Path) -> Path:
    """Save a checkpoint of the right shapes whose numbers take no room."""
    shapes = model_shapes(config)
    torch.save({"model": {name: torch.zeros(1).expand(s) for name, s in shapes.items()}}, path)
    return path


# Shapes


def test_shapes_are_those_of_the_weights(tmp_path: Path) -> None:
    tensors = load_file(NANO.checkpoint)
    expected = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert read_shapes(NANO.checkpoint) == expected
    for old, wrapped in ((False, True), (False, False), (True, True)):
        path = tmp_path / "mine.pt"
        content: Any = {"model": tensors} if wrapped else tensors
        torch.save(content, path, _use_new_zipfile_serialization=not old)
        assert read_shapes(path) == expected


@pytest.mark.parametrize("config", ["configs/sam2.1/sam2.1_hiera_t.yaml", NANO.config])
def test_shapes_of_a_config_are_those_of_the_real_model(config: str) -> None:
    real = {name: tuple(tensor.shape) for name, tensor in build_model(config).state_dict().items()}
    assert model_shapes(config) == real


# Inferring


@pytest.mark.parametrize("config", OFFICIAL.values())
def test_every_shipped_config_is_told_by_its_shapes(tmp_path: Path, config: str) -> None:
    assert infer_config(empty_weights(config, tmp_path / "tuned.pt")) == (config, "")


def test_weights_of_nano_under_another_name_open_without_a_config(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(NANO.checkpoint.read_bytes())
    with sw.Session(np.zeros((2, 64, 64, 3), np.uint8), model=path, device="cpu") as session:
        assert session.add_point(0, 20, 20).shape == (64, 64)


def test_a_config_of_the_user_s_is_found_by_shape_and_wins_over_the_packaged_one() -> None:
    mine = copy_config("mine.yaml", image_size=128)
    config, note = infer_config(NANO.checkpoint)
    assert config == str(mine)
    assert "nano.safetensors fits configs/mine.yaml and" in note.replace("\\", "/")
    assert "was taken; config= chooses another" in note


def test_which_of_several_was_taken_reaches_the_user(tmp_path: Path) -> None:
    copy_config("mine.yaml", image_size=128)
    path = tmp_path / "other.safetensors"
    path.write_bytes(NANO.checkpoint.read_bytes())
    with sw.Session(np.zeros((2, 64, 64, 3), np.uint8), model=path, device="cpu") as session:
        session.add_point(0, 20, 20)
        assert "was taken" in session._live.status.note


def test_equal_configs_count_once() -> None:
    Path("configs").mkdir()
    Path("configs/nano.yaml").write_bytes(Path(NANO.config).read_bytes())
    assert infer_config(NANO.checkpoint) == (str(Path("configs/nano.yaml")), "")


def test_damaged_and_hostile_configs_are_passed_over() -> None:
    copy_config("a.yaml", memory_encoder={"_target_": "os.mkdir", "_args_": ["was here"]})
    Path("configs/b.yaml").write_text("{", "utf-8")
    Path("configs/c.yaml").mkdir()
    assert infer_config(NANO.checkpoint) == (NANO.config, "")
    assert not Path("was here").exists()


def test_weights_that_fit_nothing_are_told_by_the_closest(tmp_path: Path) -> None:
    tensors = load_file(NANO.checkpoint)
    path = tmp_path / "changed.safetensors"
    save_file({**tensors, "no_mem_embed": torch.zeros(1, 1, 7), "aa": torch.zeros(2)}, path)
    with pytest.raises(ModelError) as refused:
        infer_config(path)
    text = str(refused.value)
    assert "fits no known model config; the closest, " in text
    assert "nano.yaml" in text
    assert "aa: [2] in the file, missing in the config" in text
    assert "no_mem_embed: [1, 1, 7] in the file, [1, 1, 128] in the config" in text
    assert "more" not in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("name", ["mine", "mine.yaml", "configs/mine.yaml"])
def test_a_config_of_the_user_s_is_found_by_name(name: str) -> None:
    mine = copy_config("mine.yaml")
    assert find_config(name).samefile(mine)


@pytest.mark.parametrize("name", ["sam2.1_hiera_l", "sam2.1_hiera_l.yaml"])
def test_a_shipped_config_is_found_by_its_short_name(name: str) -> None:
    assert find_config(name) == find_config("configs/sam2.1/sam2.1_hiera_l.yaml")


# Sizes


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("read", [read_weights, read_shapes])
def test_an_oversized_file_is_refused_before_reading(
    tmp_path: Path, suffix: str, read: Any
) -> None:
    path = tmp_path / f"huge{suffix}"
    with path.open("wb") as file:
        # A hole: it takes no room.
        file.truncate(reading.MAX_BYTES + 1)
    with pytest.raises(ModelError, match=r"has 8\.0 GB, more than any SAM 2 model"):
        read(path)


@pytest.mark.parametrize("read", [read_weights, read_shapes])
def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Any
) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 1_000_000)
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data/0", bytes(1_000_001))
    assert path.stat().st_size < 10_000
    with pytest.raises(ModelError, match="more than any SAM 2 model"):
        read(path)


@pytest.mark.parametrize("read", [read_weights, read_shapes])
def test_a_header_of_a_hostile_size_is_refused(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "header.safetensors"
    with path.open("wb") as file:
        file.write((reading.MAX_HEADER + 1).to_bytes(8, "little"))
        file.truncate(reading.MAX_HEADER + 100)
    with pytest.raises(ModelError, match=r"has a header of 16\.0 MB|has a header of 16 MB"):
        read(path)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{",
        b'{"a": 1}',
        b'{"a": {"shape": 3}}',
        b'{"a": {"shape": ["x"]}}',
        b"[" * 9999,
    ],
    ids=repr,
)
def test_a_damaged_header_says_so(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelError, match="cannot be read as PyTorch weights"):
        read_shapes(path)


def test_a_header_that_lies_about_shapes_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lies.safetensors"
    claim = {"a": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}
    header = json.dumps(claim).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ModelError, match="fits no known model config"):
        infer_config(path)
    with pytest.raises(ModelError, match="cannot be read as PyTorch weights"):
        load_predictor(NANO.config, path, torch.device("cpu"))
