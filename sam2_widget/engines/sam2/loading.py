"""Builds Meta's video predictor from a yaml and a checkpoint, checking both."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from hydra.utils import get_object, instantiate
from omegaconf import OmegaConf
from torch import nn
from torch.overrides import TorchFunctionMode

from sam2_widget.engines.sam2.configs import check_numbers, read_model_config
from sam2_widget.engines.sam2.weights import differences, first_five, read_weights
from sam2_widget.errors import ModelError

if TYPE_CHECKING:
    from sam2_widget.engines.sam2.weights import Shape

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
    weights = read_weights(checkpoint)
    # Before a model is built, which then has no larger tensors than the file.
    _check_fit(model_shapes(config), weights, config, checkpoint)
    model = build_model(config)
    model.load_state_dict(weights)
    return model.to(device).eval()


def find_config(config: str) -> Path:
    """Return the yaml file of a path or a name.

    A name is that of a yaml file in ``./configs``, with or without ``.yaml``, or of one that sam2
    ships, such as ``configs/sam2.1/sam2.1_hiera_l.yaml`` or ``sam2.1_hiera_l``.

    Raises
    ------
    ModelError
        If there is no such file.
    """
    spec = importlib.util.find_spec("sam2")
    shipped = Path(spec.origin).parent if spec and spec.origin else Path()
    names = (config, f"{config}.yaml")
    places = [Path(), Path("configs"), shipped, *sorted(shipped.glob("configs/sam2*"))]
    for path in (place / name for place in places for name in names):
        if path.is_file():
            return path
    raise ModelError(
        f"There is no model config {config!r}; give a yaml file, the name of one in ./configs, or "
        "one that sam2 ships such as 'configs/sam2.1/sam2.1_hiera_l.yaml'."
    )


def build_model(config: str) -> Any:
    """Return the ``SAM2VideoPredictor`` that a config describes, on the CPU, its weights at random.

    Raises
    ------
    ModelError
        If there is no such config, or it would build anything but a model of sam2's.
    """
    return _build(config, torch.device("cpu"))


def _build(config: str, device: torch.device) -> Any:
    path = find_config(config)
    try:
        tree = read_model_config(path)
        _check_tree(tree, path)
        check_numbers(tree, path)
        with device, _StayOn(device):
            return instantiate(OmegaConf.merge(tree, OVERRIDES), _recursive_=True)
    except ModelError:
        raise
    except Exception as error:  # any yaml can be wrong in any way: one sentence for all
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(
            f"The model config {path} cannot be built ({reason}); "
            "use one of sam2's own yaml files or correct it."
        ) from error


def model_shapes(config: str) -> dict[str, Shape]:
    """Return the shapes of the tensors of the model that a config describes, by name.

    The model is built on PyTorch's meta device, where tensors have shapes and no numbers.

    Raises
    ------
    ModelError
        As `build_model`.
    """
    model = _build(config, torch.device("meta"))
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


_COMPUTED_WITH = torch.arange, torch.ones, torch.randn


class _StayOn(TorchFunctionMode):
    """Builds a model on one device: sam2's modules put constants on a GPU wherever there is one.

    A GPU that nobody asked for may be full, and of tensors on the meta device none can be moved.
    What sam2 computes with lies on the CPU in any case: it reads rates of stochastic depth from it,
    and to compute on the meta device PyTorch imports its compiler, which takes a second. Where only
    shapes are asked for, rotary positions are left out: no part of a checkpoint, and of any size.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._place = device

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        only_shapes = self._place.type == "meta"
        if only_shapes and getattr(func, "__module__", "") == nn.init.__name__:
            return given.get("tensor", *args[:1])
        if only_shapes and func is torch.outer:
            return torch.zeros(1, 1, device="cpu")
        if func is torch.linspace or (func in _COMPUTED_WITH and given.get("device") is None):
            given["device"] = "cpu"
            if only_shapes and func is torch.randn:
                # The random numbers of a notebook go on as if nothing had been built.
                func = torch.empty
        elif func is torch.Tensor.to and any(isinstance(a, str | torch.device) for a in args):
            return args[0]
        elif given.get("device") is not None:
            given["device"] = self._place
        return func(*args, **given)


def _check_tree(tree: Any, path: Path) -> None:
    """Refuse a resolved yaml that would call anything but sam2's classes or read other files."""
    if isinstance(tree, dict):
        target = tree.get("_target_")
        if target is not None and not _is_model_class(target):
            raise ModelError(
                f"{path} names {target!r}; a model config may only name classes of sam2.modeling."
            )
        if "_args_" in tree:
            # By place instead of by name nothing below could be told apart.
            raise ModelError(f"{path} gives arguments as _args_; give each by its name.")
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


def _check_fit(
    ours: dict[str, Shape], theirs: dict[str, torch.Tensor], config: str, path: Path
) -> None:
    wrong = differences(ours, {name: tuple(tensor.shape) for name, tensor in theirs.items()})
    if wrong:
        raise ModelError(
            f"The checkpoint {path} does not match the config {config} "
            f"({first_five(wrong)}); give the config it was trained with."
        )
