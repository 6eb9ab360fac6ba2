"""The yaml of a model: what a hostile one cannot do, and what an honest one may."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from omegaconf import OmegaConf

from sam2_widget.engines.sam2.configs import MAX_BYTES, read_model_config
from sam2_widget.engines.sam2.loading import find_config, load_predictor
from sam2_widget.errors import ModelError
from sam2_widget.models import OFFICIAL, nano

NANO = nano()
CPU = torch.device("cpu")


def written(text: str) -> Path:
    path = Path("model.yaml")
    path.write_text(text, "utf-8")
    return path


def changed(change: dict[str, Any], beside: str = "") -> Path:
    """Write nano's config with other entries of the model, and a text after it."""
    content = yaml.safe_load(Path(NANO.config).read_text("utf-8"))
    content["model"].update(change)
    return written(yaml.safe_dump(content) + beside)


def refused(path: Path, says: str) -> None:
    """Load it and have it refused in one sentence, within moments."""
    start = time.process_time()
    with pytest.raises(ModelError, match=says) as error:
        load_predictor(str(path), NANO.checkpoint, CPU)
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 500
    # Not a measurement: a bomb would take minutes, if it ended.
    assert time.process_time() - start < 30


# What is refused


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    path = written("model: {}\n")
    with path.open("ab") as file:
        file.truncate(1 << 40)
    refused(path, "too large for a model config")
    assert MAX_BYTES < 1 << 21


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    refused(written("\n".join([*lines, "model: *a11"])), "grows too large by its aliases")


@pytest.mark.parametrize("text", ["model: &m {a: *m}", "model: &m [*m, *m]", "a: &a {? *a : 1}"])
def test_an_alias_to_itself_is_refused(text: str) -> None:
    refused(written(text), "grows too large|cannot be built")


@pytest.mark.parametrize("text", ["[" * 200_000, "model: " + "{a: " * 100_000, "- " * 100_000])
def test_deep_nesting_is_refused(text: str) -> None:
    refused(written(text), "cannot be built")


@pytest.mark.parametrize(
    "value",
    [
        "${oc.env:HOME}", "x${oc.env:HOME}y", "${oc.decode:'[1]'}", "${oc.deprecated:model.a}",
        "\\${oc.env:HOME}", "${${other}.env:HOME}",
    ],
)  # fmt: skip
def test_what_would_call_a_resolver_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Environment(dict[str, str]):
        def get(self, key: Any, default: Any = None) -> Any:
            asked.append(key)
            return super().get(key, default)

    monkeypatch.setattr(os, "environ", Environment(os.environ))
    for place in ({"image_size": value}, {"other": [[value]]}, {value: 1}):
        refused(changed(place, "other: oc\n"), "write the value itself")
    assert "HOME" not in asked


@pytest.mark.parametrize(
    "target",
    [
        "os.system", "builtins.eval", "sam2.utils.misc.get_sdpa_settings",
        "sam2.utils.misc.load_video_frames", "sam2.build_sam.build_sam2",
        "sam2.modeling.sam2_base.torch.load", "sam2.modeling.sam2_utils.get_next_point",
        "sam2.modeling", "sam2.modeling.sam2_base", "sam2.modeling.nothing.There", "",
        "hydra.utils.instantiate", "functools.partial", ["os.system"], {"a": "os.system"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("partial", [False, True])
def test_only_classes_of_the_model_may_be_named(target: object, partial: bool) -> None:
    call: dict[str, Any] = {"_target_": target, "_args_": ["touch was_here"]}
    if partial:
        call["_partial_"] = True
    for place in ({"memory_encoder": call}, {"other": [1, [{"deep": call}]]}):
        refused(changed(place), "may only name classes|cannot be built")
    assert not Path("was_here").exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir", "!!python/name:os.system", "!x"])
def test_tags_of_python_are_refused(tag: str) -> None:
    refused(written(f"model: {tag} [was_here]"), "cannot be built")
    assert not Path("was_here").exists()


TRUNK = {"_target_": "sam2.modeling.backbones.hieradet.Hiera"}
HUGE: list[tuple[dict[str, Any], str]] = [
    ({"image_encoder": {"trunk": {**TRUNK, "embed_dim": 10**6}}}, "image_encoder.trunk.embed_dim"),
    ({"image_encoder": {"trunk": {**TRUNK, "embed_dim": -(10**6)}}}, "trunk.embed_dim"),
    ({"image_encoder": {"trunk": {**TRUNK, "stages": [1, 2, 10**4, 1]}}}, "trunk.stages"),
    ({"image_encoder": {"trunk": {**TRUNK, "stages": [200, 200]}}}, "trunk.stages"),
    ({"image_encoder": {"trunk": {**TRUNK, "dim_mul": 1e300}}}, "trunk.dim_mul"),
    ({"image_encoder": {"trunk": {**TRUNK, "dim_mul": float("nan")}}}, "trunk.dim_mul"),
    ({"image_encoder": {"trunk": {**TRUNK, "window_spec": [[10**5]]}}}, "trunk.window_spec"),
    ({"image_size": 10**6}, "image_size"),
    ({"num_maskmem": 10**9}, "num_maskmem"),
    ({"memory_attention": {"num_layers": 10**4}}, "memory_attention.num_layers"),
    ({"memory_attention": {"layer": {"a": {"feat_sizes": [600, 1]}}}}, "layer.a.feat_sizes"),
    ({"sam_mask_decoder_extra_args": {"iou_head_depth": 10**4}}, "iou_head_depth"),
    ({"other": [{"deep": [{"deeper": 10**5}]}]}, "other.deep.deeper"),
    ({"x" * 5000: 10**5}, "gives 100000 for xxx"),
]


@pytest.mark.parametrize(("change", "key"), HUGE, ids=lambda item: str(item)[:40])
def test_a_number_that_no_model_needs_is_refused_and_its_key_named(
    change: dict[str, Any], key: str
) -> None:
    refused(changed(change), rf"{key}.*the most that a model may have there; correct it")


def test_more_classes_than_a_model_has_are_refused() -> None:
    refused(changed({"other": [TRUNK] * 101}), "more than 100 classes")


def test_a_model_larger_than_its_checkpoint_is_refused_before_memory_is_taken() -> None:
    content = yaml.safe_load(Path(NANO.config).read_text("utf-8"))["model"]
    # 110 GB of weights, of numbers that each may be.
    content["image_encoder"]["trunk"] |= {"embed_dim": 600, "stages": [1, 2, 200, 53]}
    content["image_encoder"]["neck"]["backbone_channel_list"] = [4800, 2400, 1200, 600]
    with pytest.raises(ModelError, match="does not match the config"):
        load_predictor(str(changed(content)), NANO.checkpoint, CPU)


def test_positions_take_no_memory_before_the_widths_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = yaml.safe_load(Path(NANO.config).read_text("utf-8"))["model"]
    # 2.6 GB for each layer, of numbers that each may be.
    for attention in ("self_attention", "cross_attention"):
        layer = content["memory_attention"]["layer"][attention]
        layer |= {"embedding_dim": 10_000, "num_heads": 1, "feat_sizes": [256, 256]}
    polar, sizes = torch.polar, list[int]()
    monkeypatch.setattr(torch, "polar", lambda a, b: sizes.append(b.numel()) or polar(a, b))
    with pytest.raises(ModelError, match="does not match the config"):
        load_predictor(str(changed(content)), NANO.checkpoint, CPU)
    assert sizes
    assert max(sizes) < 100


# What is allowed


@pytest.mark.parametrize("config", [NANO.config, *OFFICIAL.values()])
def test_the_known_configs_are_read_as_they_are(config: str) -> None:
    path = find_config(config)
    expected = OmegaConf.to_container(OmegaConf.load(path).model, resolve=True)
    assert read_model_config(path) == expected


def test_aliases_and_references_to_values_are_honest_means() -> None:
    path = written("size: 64\nmodel: {a: &a [1, 2], b: *a, c: '${size}', d: '${model.a}'}\n")
    expected = {"a": [1, 2], "b": [1, 2], "c": 64, "d": [1, 2]}
    assert read_model_config(path) == expected
