"""What of an object's memory a frame reads: as tokens, each with its position in time."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from sam2.modeling.sam2_utils import get_1d_sine_pe, select_closest_cond_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sam2_widget.engines.sam2.memory import Memory, Output

    Where = tuple[tuple[int, ...], tuple[int, ...], int]
    """The places in time of the memories, the distances of the pointers, and the most there are."""

_REMEMBERED = 4
"""Sets of positions kept, 7 MB each at SAM 2.1's size. Objects prompted on the same frame share
them; on the next frame all are others, as the prompted one is further away."""


class Reading:
    """Chooses what is read, and lines it up as upstream's ``SAM2Base`` does.

    Positions depend on nothing but when something was seen: they are made once for all objects
    and frames where that is the same.

    Parameters
    ----------
    model : SAM2Base
        The model.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._grid: torch.Tensor | None = None
        self._memory_positions: list[torch.Tensor] = []
        self._positions: OrderedDict[Where, torch.Tensor] = OrderedDict()

    def set_grid(self, positions: torch.Tensor) -> None:
        """Set the positions of memory features within their frame, (1, C, h, w)."""
        if self._grid is None:
            self._grid = positions[:1]

    def layout(self, frame: int, memory: Memory) -> tuple[int, int]:
        """Return how many memories and pointers are read."""
        chosen, others = self._choose(frame, memory)
        memories = sum(1 for _ in self._recent(frame, memory, chosen, others))
        return memories, sum(1 for _ in self._pointers(frame, memory, chosen, others))

    def tokens(
        self, frame: int, memories: Sequence[Memory], device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor, int]:
        """Return what a frame reads of several objects of one layout.

        Returns
        -------
        tokens, positions : Tensor
            (N, B, C), and the same or (N, 1, C) where all objects have the same.
        pointers : int
            How many of the last tokens are pointers.
        """
        each = [self._tokens(frame, memory, device) for memory in memories]
        pointers = each[0][2]
        if len(each) == 1:
            return each[0][0], self._where(each[0][1]), pointers
        tokens = torch.cat([tokens for tokens, _, _ in each], dim=1)
        if len({where for _, where, _ in each}) == 1:
            return tokens, self._where(each[0][1]), pointers
        return tokens, torch.cat([self._where(where) for _, where, _ in each], dim=1), pointers

    # -- of one object ------------------------------------------------------------------------

    def _tokens(
        self, frame: int, memory: Memory, device: torch.device
    ) -> tuple[torch.Tensor, Where, int]:
        model = self._model
        chosen, others = self._choose(frame, memory)
        tokens, places = [], []
        for place, output in self._recent(frame, memory, chosen, others):
            tokens.append(output["maskmem_features"].to(device).flatten(2).permute(2, 0, 1))
            places.append(place)
        pointers = list(self._pointers(frame, memory, chosen, others))
        if not model.use_obj_ptrs_in_encoder or not pointers:
            return torch.cat(tokens, dim=0), (tuple(places), (), 0), 0
        distances, vectors = zip(*pointers, strict=True)
        stacked = torch.stack(vectors, dim=0)
        parts = model.hidden_dim // model.mem_dim
        if parts > 1:
            stacked = stacked.reshape(-1, 1, parts, model.mem_dim)
            stacked = stacked.permute(0, 2, 1, 3).flatten(0, 1)
        where = tuple(places), tuple(distances), min(memory.count, self._most)
        return torch.cat([*tokens, stacked], dim=0), where, len(stacked)

    def _choose(self, frame: int, memory: Memory) -> tuple[dict[int, Output], dict[int, Output]]:
        """Return the prompted frames that are read in full, and the rest of them."""
        chosen: tuple[dict[int, Output], dict[int, Output]] = select_closest_cond_frames(
            frame, memory.cond, self._model.max_cond_frames_in_attn
        )
        return chosen

    def _recent(
        self, frame: int, memory: Memory, chosen: dict[int, Output], others: dict[int, Output]
    ) -> Iterator[tuple[int, Output]]:
        """Yield the outputs whose memories are read, each with its place in time, 0 for prompts."""
        model = self._model
        for output in chosen.values():
            yield 0, output
        stride = model.memory_temporal_stride_for_eval
        for place in range(1, model.num_maskmem):
            back = model.num_maskmem - place
            if back == 1:
                at = frame + 1 if memory.reverse else frame - 1
            elif memory.reverse:
                at = -(-(frame + 2) // stride) * stride + (back - 2) * stride
            else:
                at = ((frame - 2) // stride) * stride - (back - 2) * stride
            found = memory.tracked.get(at) or others.get(at)
            if found is not None:
                yield place, found

    def _pointers(
        self, frame: int, memory: Memory, chosen: dict[int, Output], others: dict[int, Output]
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield the object pointers that are read, each with its distance in frames."""
        model, sign = self._model, -1 if memory.reverse else 1
        for at, output in chosen.items():
            if model.only_obj_ptrs_in_the_past_for_eval and (at - frame) * sign > 0:
                continue
            distance = (frame - at) * sign
            signed = model.use_signed_tpos_enc_to_obj_ptrs
            yield distance if signed else abs(distance), output["obj_ptr"]
        for distance in range(1, min(memory.count, self._most)):
            at = frame - sign * distance
            if not 0 <= at < memory.count:
                break
            found = memory.tracked.get(at) or others.get(at)
            if found is not None:
                yield distance, found["obj_ptr"]

    @property
    def _most(self) -> int:
        """How many frames back pointers are read, the frame at hand counted."""
        most: int = self._model.max_obj_ptrs_in_encoder
        return most

    # -- positions ----------------------------------------------------------------------------

    def _where(self, where: Where) -> torch.Tensor:
        """Return the positions of tokens, (N, 1, C)."""
        found = self._positions.pop(where, None)
        if found is None:
            places, distances, most = where
            positions = [self._memory_position(place) for place in places]
            if distances:
                positions.append(self._pointer_position(distances, most))
            found = torch.cat(positions, dim=0)
        self._positions[where] = found
        if len(self._positions) > _REMEMBERED:
            self._positions.popitem(last=False)
        return found

    def _memory_position(self, place: int) -> torch.Tensor:
        """Return where and when a memory is from; the same for every frame."""
        if not self._memory_positions:
            model, grid = self._model, self._grid
            assert grid is not None, "nothing was encoded yet"
            flat = grid.flatten(2).permute(2, 0, 1)
            self._memory_positions = [
                flat + model.maskmem_tpos_enc[model.num_maskmem - p - 1]
                for p in range(model.num_maskmem)
            ]
        return self._memory_positions[place]

    def _pointer_position(self, distances: tuple[int, ...], most: int) -> torch.Tensor:
        model = self._model
        device = self._memory_positions[0].device
        if not model.add_tpos_enc_to_obj_ptrs:
            where = torch.zeros(len(distances), 1, model.mem_dim, device=device)
        else:
            size = model.hidden_dim if model.proj_tpos_enc_in_obj_ptrs else model.mem_dim
            at = torch.tensor(distances).to(device=device, non_blocking=True)
            encoded = model.obj_ptr_tpos_proj(get_1d_sine_pe(at / (most - 1), dim=size))
            where = encoded.unsqueeze(1)
        parts = model.hidden_dim // model.mem_dim
        return where.repeat_interleave(parts, dim=0) if parts > 1 else where
