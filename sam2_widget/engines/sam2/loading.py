"""Builds Meta's video predictor from a yaml and a checkpoint, checking both."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_object, instantiate
from omegaconf import OmegaConf
from safetensors.torch import load_file

from sam2_widget.errors import ModelError

# What upstream's build_sam2_video_predictor sets with apply_postprocessing=True, except that holes
# are not filled (that needs the CUDA extension) and that corrections become conditioning frames
# (without it the next propagation overwrites them: facebookresearch/sam2 issue 731).
OVERRIDES = {
    "_target_": "sam2.sam2_video_predictor.SAM2VideoPredictor",
    "sam_mask_decoder_extra_args": {
        "dynamic_multimask_via_stability": True,
        "dynamic_multimask_stability_delta": 0.05,
        "dynamic_multimask_stability_thresh": 0.98,
    },
    "binarize_mask_from_pts_for_mem_enc": True,
    "fill_hole_area": 0,
    "add_all_frames_to_correct_as_cond": True,
}


def load_predictor(config: str, checkpoint: Path, device: torch.device) -> Any:
    """Return a ``SAM2VideoPredictor`` in evaluation mode.

    Parameters
    ----------
    config : str
        A yaml file, or the name of one that the sam2 package ships.
    checkpoint : Path
        ``.safetensors``, or ``.pt`` read with ``weights_only=True``: no code in it is run.
    device : torch.device
        Where to put the model.

    Raises
    ------
    ModelError
        If a file cannot be read or the two do not fit together.
    """
    model = _build(config)
    weights = _read_weights(checkpoint)
    _check_fit(model.state_dict(), weights, config, checkpoint)
    model.load_state_dict(weights)
    return model.to(device).eval()


def find_config(config: str) -> Path:
    """Return the yaml file of a path or of a name such as ``configs/sam2.1/sam2.1_hiera_l.yaml``.

    Raises
    ------
    ModelError
        If there is no such file.
    """
    spec = importlib.util.find_spec("sam2")
    shipped = Path(spec.origin).parent if spec and spec.origin else Path()
    for path in (Path(config), shipped / config):
        if path.is_file():
            return path
    raise ModelError(
        f"There is no model config {config!r}; give a yaml file, or a name that sam2 ships such as "
        "'configs/sam2.1/sam2.1_hiera_l.yaml'."
    )


def _build(config: str) -> Any:
    path = find_config(config)
    try:
        tree = OmegaConf.to_container(OmegaConf.load(path).model, resolve=True)
        _check_tree(tree, path)
        return instantiate(OmegaConf.merge(tree, OVERRIDES), _recursive_=True)
    except ModelError:
        raise
    except Exception as error:  # any yaml can be wrong in any way: one sentence for all
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(
            f"The model config {path} cannot be built ({reason}); "
            "use one of sam2's own yaml files or correct it."
        ) from error


def _check_tree(tree: Any, path: Path) -> None:
    """Refuse a resolved yaml that would call anything but sam2's classes or read other files."""
    if isinstance(tree, dict):
        target = tree.get("_target_")
        if target is not None and not _is_model_class(target):
            raise ModelError(
                f"{path} names {target!r}; a model config may only name classes of sam2.modeling."
            )
        if tree.get("weights_path") is not None:
            raise ModelError(f"{path} gives a weights_path; take it out, the checkpoint has all.")
        children = [*tree, *tree.values()]
    else:
        children = tree if isinstance(tree, list) else []
    for child in children:
        # Escaped ones would be resolved after this check.
        if isinstance(child, str) and "${" in child:
            raise ModelError(f"{path} holds {child!r:.80}; write the value itself.")
        _check_tree(child, path)


def _is_model_class(target: object) -> bool:
    if not isinstance(target, str) or not target.startswith("sam2.modeling."):
        return False
    # sam2's modules import others: a path through them could lead to any function.
    found = get_object(target)
    return isinstance(found, type) and found.__module__.startswith("sam2.modeling.")


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"The checkpoint {path} does not exist; check the path.") from error
    except Exception as error:  # torch, zip, pickle and safetensors each raise their own
        raise ModelError(
            f"The checkpoint {path} cannot be read as PyTorch weights; "
            "download it again, or give the file that training saved."
        ) from error
    weights = content.get("model", content) if isinstance(content, dict) else None
    if (
        not isinstance(weights, dict)
        or not weights
        or not all(isinstance(v, torch.Tensor) for v in weights.values())
    ):
        raise ModelError(f"The checkpoint {path} holds no model weights; give another file.")
    return dict(weights)


def _check_fit(
    ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], config: str, path: Path
) -> None:
    wrong = [
        f"{name}: {_shape(theirs.get(name))} in the file, {_shape(ours.get(name))} in the config"
        for name in sorted(ours.keys() | theirs.keys())
        if _shape(ours.get(name)) != _shape(theirs.get(name))
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ModelError(
            f"The checkpoint {path} does not match the config {config} "
            f"({'; '.join(wrong[:5])}{more}); give the config it was trained with."
        )


def _shape(tensor: torch.Tensor | None) -> str:
    return "missing" if tensor is None else str(list(tensor.shape))
