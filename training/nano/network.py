"""Builds nano for training: from the packaged weights, or fresh with a start that learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from safetensors.torch import load_file, save_file

PACKAGED = Path(__file__).parents[2] / "sam2_widget" / "nano"


def build(weights: Path | None) -> Any:
    """Return nano as a ``SAM2Base`` in training mode.

    Parameters
    ----------
    weights
        A safetensors file; None starts from random numbers.
    """
    tree = OmegaConf.load(PACKAGED / "nano.yaml").model
    model = instantiate(tree, _recursive_=True)
    if weights is None:
        _prepare(model)
    else:
        model.load_state_dict({name: t.float() for name, t in load_file(weights).items()})
    return model.train()


def set_side(model: Any, side: int) -> None:
    """Have a model take frames of another height and width; its weights fit any."""
    cells = side // 16
    encoder = model.sam_prompt_encoder
    model.image_size, model.sam_image_embedding_size = side, cells
    encoder.input_image_size = side, side
    encoder.image_embedding_size = cells, cells
    encoder.mask_input_size = 4 * cells, 4 * cells


def save_half(weights: dict[str, torch.Tensor], path: Path) -> None:
    """Write weights as the package ships them: safetensors in half precision."""
    save_file({name: t.half().contiguous() for name, t in weights.items()}, path)


@torch.no_grad()
def _prepare(model: Any) -> None:
    """Change random weights so that a short training gets off the ground.

    Each of these changes first values alone, so the file loads in the unmodified package.
    """
    decoder = model.sam_mask_decoder
    # Without it half of all masks are replaced by "no object" and get no gradient.
    decoder.pred_obj_score_head.layers[-1].bias.fill_(3.0)
    for name, parameter in model.named_parameters():
        if "trunk" in name and "pos_embed" in name:
            torch.nn.init.trunc_normal_(parameter, std=0.02)
    # Query and key alike: a click looks at its own place from the first step.
    transformer = decoder.transformer
    crossing = [transformer.final_attn_token_to_image]
    for layer in transformer.layers:
        crossing += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
    for attention in crossing:
        attention.k_proj.weight.mul_(2.5)
        attention.q_proj.weight.copy_(attention.k_proj.weight)
        attention.q_proj.bias.zero_()
        attention.k_proj.bias.zero_()
    # A mask is the product of two factors that start near zero: a saddle.
    for head in decoder.output_hypernetworks_mlps:
        head.layers[-1].weight.mul_(4.0)
    decoder.output_upscaling[3].weight.mul_(2.0)
    decoder.conv_s0.weight.mul_(2.0)
    decoder.conv_s1.weight.mul_(1.5)
    # A constant in query and key at the high rotary frequencies: memory is looked up where it was.
    for layer in model.memory_attention.layers:
        attention = layer.cross_attn_image
        axis = attention.internal_dim // 4
        places = [2 * i for i in range(10)] + [2 * (axis + i) for i in range(10)]
        for projection in (attention.q_proj, attention.k_proj):
            projection.bias.zero_()
            projection.bias[places] = 2.2
