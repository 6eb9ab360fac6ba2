"""One frame of an object or a batch: memories in, masks and memories out, over ``SAM2Base``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sam2.modeling.sam2_base import NO_OBJ_SCORE
from torch.nn import functional

from sam2_widget.engines.sam2.attention import SharedAttention
from sam2_widget.engines.sam2.features import Features
from sam2_widget.engines.sam2.graphs import Graphs
from sam2_widget.engines.sam2.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from sam2_widget.engines.sam2.memory import Memory, Output

Points = dict[str, torch.Tensor]
"""Coordinates (1, N, 2) in pixels of the model's image and labels (1, N), in upstream's form."""
_PARTS = ("maskmem_features", "pred_masks", "obj_ptr", "object_score_logits")


@dataclass(frozen=True, slots=True)
class Candidates:
    """The masks (B, M, h, w) the decoder offers, and the index of the best where it is several."""

    masks: torch.Tensor
    best: tuple[torch.Tensor, torch.Tensor] | None

    def chosen(self, masks: torch.Tensor) -> torch.Tensor:
        """Return of such masks the best, (B, 1, h, w)."""
        return masks if self.best is None else masks[self.best].unsqueeze(1)


class Propagation:
    """What ``SAM2VideoPredictor`` does to one object on one frame, without what nobody reads.

    Every operation that makes a number is upstream's own, in upstream's order, so that masks are
    bit-identical. Left out are constants (see `constants`), and large masks where no memory
    is made of them.

    Parameters
    ----------
    model : SAM2Base
        The model.
    positions : Module
        Gives the positional encoding of the last level of features.
    graphs : Graphs, optional
        Launches on CUDA what has the same shapes on every frame, or for every click.
    """

    def __init__(self, model: Any, positions: nn.Module, graphs: Graphs | None = None) -> None:
        self._model = model
        self._positions = positions
        self._attention = SharedAttention(model.memory_attention)
        self._graphs = Graphs(torch.device("cpu")) if graphs is None else graphs
        self._reading = Reading(model)
        self._no_prompts: tuple[torch.Tensor, torch.Tensor] | None = None
        self._clicks = 0

    def from_points(
        self,
        frame: int,
        features: Features,
        points: Points,
        previous: torch.Tensor | None,
        memory: Memory | None,
    ) -> Output:
        """Return what points give; with a memory they correct a tracked frame."""
        read = () if memory is None else (memory,)
        conditioned = self._conditioned(frame, features, *read)
        initial, count = memory is None, len(features.levels)
        given = points["point_coords"], points["point_labels"]
        before = () if previous is None else (previous,)

        def decode(
            conditioned: torch.Tensor,
            coords: torch.Tensor,
            labels: torch.Tensor,
            *rest: torch.Tensor,
        ) -> tuple[torch.Tensor, ...]:
            here, mask = Features(rest[:count]), rest[count] if rest[count:] else None
            points = {"point_coords": coords, "point_labels": labels}
            output, _ = self._decode(here, conditioned, points, mask, initial=initial)
            return tuple(output[part] for part in _PARTS[1:])

        inputs = conditioned, *given, *features.levels, *before
        self._clicks += 1
        made = self._graphs.run(("decode", initial), decode, inputs, self._clicks)
        return {_PARTS[0]: None, **dict(zip(_PARTS[1:], made, strict=True))}

    def from_mask(self, features: Features, mask: torch.Tensor, *, encode: bool) -> Output:
        """Return what a mask of the model's image size gives, with its memory if that is wanted."""
        top = features.levels[-1]
        if not self._model.use_mask_input_as_output_without_sam:
            conditioned = self._conditioned(0, features)
            output, candidates = self._decode(features, conditioned, None, mask, initial=True)
            large = self._enlarged(candidates)
        else:
            high = list(features.levels[:-1]) or None
            found = self._model._use_mask_as_output(top, high, mask)
            *_, low, large, pointer, score = found
            output = _output(low, pointer, score)
        if encode:
            self._encode(features, output, large, from_points=False)
        return output

    def track(self, frame: int, features: Features, memory: Memory) -> Output:
        """Return the mask that follows from memory, and the memory it leaves."""
        return self.track_batch(frame, features, [memory])

    def track_batch(self, frame: int, features: Features, memories: Sequence[Memory]) -> Output:
        """Return what `track` does of several objects of one layout, as tensors of batch B."""
        if self._model.num_maskmem == 0:
            return self._decode(features, features.levels[-1], None, None, initial=False)[0]
        # In two parts: how much is read grows over the first frames, and all else stays the same.
        conditioned = self._recalled(frame, features, memories)

        def follow(conditioned: torch.Tensor, *levels: torch.Tensor) -> tuple[torch.Tensor, ...]:
            here = Features(levels)
            output, candidates = self._decode(here, conditioned, None, None, initial=False)
            self._encode(here, output, self._enlarged(candidates), from_points=False)
            return tuple(output[part] for part in _PARTS)

        made = self._graphs.run("follow", follow, (conditioned, *features.levels), frame)
        return dict(zip(_PARTS, made, strict=True))

    def layout(self, frame: int, memory: Memory) -> tuple[int, int]:
        """Return how many memories and pointers are read; a batch needs as many of each object.

        From when each of them is may differ: every object has its own temporal positions.
        """
        return self._reading.layout(frame, memory)

    @property
    def can_batch(self) -> bool:
        """Whether there is something to batch, and objects leave one another alone in it."""
        model = self._model
        return bool(model.num_maskmem and not model.non_overlap_masks_for_mem_enc)

    def remember(self, features: Features, output: Output) -> None:
        """Add to the output of a prompted frame the memory that a pass reads."""
        large = self._upsampled(output["pred_masks"].to(features.levels[-1].device))
        self._encode(features, output, large, from_points=True)

    def remember_tracked(self, features: Features, output: Output) -> None:
        """Add to the output of a tracked frame the memory that tracking made of it."""
        masks = output["pred_masks"].to(features.levels[-1].device)
        if self._model._use_multimask(False, None):
            # As many as there were then: see `_enlarged`.
            masks = masks.expand(-1, self._model.sam_mask_decoder.num_multimask_outputs, -1, -1)
        large = self._enlarged(Candidates(masks, None))[:, :1]
        self._encode(features, output, large, from_points=False)

    @property
    def reach(self) -> int:
        """How many frames away the memory features of tracked frames are read at most."""
        model = self._model
        return int(max(1, (model.num_maskmem - 2) * model.memory_temporal_stride_for_eval + 1))

    # -- memory attention ---------------------------------------------------------------------

    def _conditioned(self, frame: int, features: Features, *memories: Memory) -> torch.Tensor:
        """Return the last level of features, told what each memory holds; (B, C, H, W)."""
        model, top = self._model, features.levels[-1]
        if model.num_maskmem == 0:
            return top
        if memories:
            # Nobody who clicks waits for a recording of what differs from frame to frame.
            return self._recalled(frame, features, memories, record=False)
        if model.directly_add_no_mem_embed:
            added: torch.Tensor = top.flatten(2).permute(2, 0, 1) + model.no_mem_embed
            return added.permute(1, 2, 0).view(top.shape)
        memory = model.no_mem_embed.expand(1, 1, model.mem_dim)
        where = model.no_mem_pos_enc.expand(1, 1, model.mem_dim)
        return self._attention(self._itself(top), self._positions(top), memory, where, 0)

    def _recalled(
        self, frame: int, features: Features, memories: Sequence[Memory], *, record: bool = True
    ) -> torch.Tensor:
        """Return the last level of features, told what is read of each memory; (B, C, H, W)."""
        top = features.levels[-1]
        memory, where, pointers = self._reading.tokens(frame, memories, top.device)

        def attend(
            first: torch.Tensor, top: torch.Tensor, memory: torch.Tensor, where: torch.Tensor
        ) -> tuple[torch.Tensor, ...]:
            return (self._attention(first, self._positions(top), memory, where, pointers),)

        when = frame if record else None
        inputs = self._itself(top, when), top, memory, where
        return self._graphs.run(("attend", pointers), attend, inputs, when)[0]

    def _itself(self, top: torch.Tensor, frame: int | None = None) -> torch.Tensor:
        def compute(top: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (self._attention.first(top, self._positions(top)),)

        return self._attention.itself(
            top, lambda: self._graphs.run("itself", compute, (top,), frame)[0]
        )

    # -- mask decoder -------------------------------------------------------------------------

    def _decode(
        self,
        features: Features,
        conditioned: torch.Tensor,
        points: Points | None,
        mask: torch.Tensor | None,
        *,
        initial: bool,
    ) -> tuple[Output, Candidates]:
        """Do what upstream's ``_forward_sam_heads`` does, but for the large masks."""
        model = self._model
        several = model._use_multimask(initial, points)
        sparse, dense = self._prompts(points, mask, conditioned.device)
        sparse = sparse.expand(len(conditioned), -1, -1)
        masks, qualities, tokens, score = model.sam_mask_decoder(
            image_embeddings=conditioned,
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            repeat_image=False,
            high_res_features=list(features.levels[:-1]) or None,
        )
        if model.pred_obj_scores:
            appears = score > 0
            masks = torch.where(appears[:, None, None], masks, NO_OBJ_SCORE)
        masks, token, best = masks.float(), tokens[:, 0], None
        if several:
            rows = torch.arange(len(qualities), device=qualities.device)
            best = rows, torch.argmax(qualities, dim=-1)
            if tokens.size(1) > 1:
                token = tokens[best]
        pointer = model.obj_ptr_proj(token)
        if model.pred_obj_scores:
            share = score.sigmoid() if model.soft_no_obj_ptr else appears.float()
            if model.fixed_no_obj_ptr:
                pointer = share * pointer
            pointer = pointer + (1 - share) * model.no_obj_ptr
        candidates = Candidates(masks, best)
        return _output(candidates.chosen(masks), pointer, score), candidates

    def _enlarged(self, candidates: Candidates) -> torch.Tensor:
        """Return the chosen mask in the model's image size."""
        masks, choose = candidates.masks, candidates.chosen
        if masks.device.type == "cpu":
            # Its kernel for three channels rounds otherwise than the one for a single channel.
            return choose(self._upsampled(masks))
        return self._upsampled(choose(masks))

    def _upsampled(self, masks: torch.Tensor) -> torch.Tensor:
        size = self._model.image_size
        return functional.interpolate(masks, (size, size), mode="bilinear", align_corners=False)

    def _prompts(
        self, points: Points | None, mask: torch.Tensor | None, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        encoder = self._model.sam_prompt_encoder
        if mask is not None and mask.shape[-2:] != encoder.mask_input_size:
            mask = functional.interpolate(
                mask.float(),
                size=encoder.mask_input_size,
                align_corners=False,
                mode="bilinear",
                antialias=True,
            )
        if points is not None or mask is not None or self._no_prompts is None:
            given = points or {
                "point_coords": torch.zeros(1, 1, 2, device=device),
                "point_labels": -torch.ones(1, 1, dtype=torch.int32, device=device),
            }
            pair = given["point_coords"], given["point_labels"]
            encoded: tuple[torch.Tensor, torch.Tensor] = encoder(
                points=pair, boxes=None, masks=mask
            )
            if points is not None or mask is not None:
                return encoded
            self._no_prompts = encoded
        return self._no_prompts

    # -- memory encoder -----------------------------------------------------------------------

    def _encode(
        self, features: Features, output: Output, large: torch.Tensor, *, from_points: bool
    ) -> None:
        model, top = self._model, features.levels[-1]
        if model.num_maskmem == 0:
            return
        encoded, grid = model._encode_new_memory(
            current_vision_feats=[top.flatten(2).permute(2, 0, 1)],
            feat_sizes=[top.shape[-2:]],
            pred_masks_high_res=large,
            object_score_logits=output["object_score_logits"],
            is_mask_from_pts=from_points,
        )
        output["maskmem_features"] = encoded.to(torch.bfloat16)
        self._reading.set_grid(grid[-1])


def _output(masks: torch.Tensor, pointer: torch.Tensor, score: torch.Tensor) -> Output:
    return {
        "maskmem_features": None,
        "pred_masks": masks,
        "obj_ptr": pointer,
        "object_score_logits": score,
    }
