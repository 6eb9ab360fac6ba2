"""Attention to memories, with what does not depend on the object done once per frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sam2.modeling.sam.transformer import RoPEAttention

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch


class SharedAttention:
    """Does what upstream's ``MemoryAttention`` does, bit for bit.

    Its first layer attends to the frame itself before any memory is read. That is the same for
    every object, so that it is computed for the first and kept for the others.

    Parameters
    ----------
    attention : MemoryAttention
        The module of the model.
    """

    def __init__(self, attention: Any) -> None:
        self._attention = attention
        self._frame: torch.Tensor | None = None
        self._first: torch.Tensor | None = None

    def itself(self, top: torch.Tensor, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return what the first layer makes of a frame alone, computed once.

        Parameters
        ----------
        top : Tensor
            (1, C, H, W), the last level of features.
        compute : callable
            Returns what `first` makes of it.
        """
        if self._frame is not top or self._first is None:
            self._frame, self._first = top, compute()
        return self._first

    def first(self, top: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        """Return what the first layer makes of a frame alone, (1, HW, C) or (HW, 1, C).

        Parameters
        ----------
        top : Tensor
            (1, C, H, W), the last level of features.
        where : Tensor
            The same shape, its positional encoding.
        """
        module, tokens = self._attention, _flat(top)
        pos = _flat(where)
        if module.pos_enc_at_input:
            tokens = tokens + 0.1 * pos
        if module.batch_first:
            tokens, pos = tokens.transpose(0, 1), pos.transpose(0, 1)
        made: torch.Tensor = module.layers[0]._forward_sa(tokens, pos)
        return made

    def __call__(
        self,
        first: torch.Tensor,
        where: torch.Tensor,
        memory: torch.Tensor,
        memory_where: torch.Tensor,
        pointers: int,
    ) -> torch.Tensor:
        """Return the features of a frame, told what each memory holds.

        Parameters
        ----------
        first : Tensor
            What `itself` returns of the frame.
        where : Tensor
            (1, C, H, W), the positional encoding of the last level of features.
        memory, memory_where : Tensor
            (N, B, C) tokens of B objects, and their positions; (N, 1, C) if they share them.
        pointers : int
            How many of the last tokens are pointers.

        Returns
        -------
        Tensor
            (B, C, H, W).
        """
        module, count = self._attention, memory.shape[1]
        pos = _flat(where)
        if module.batch_first:
            pos, memory = pos.transpose(0, 1), memory.transpose(0, 1)
            memory_where = memory_where.transpose(0, 1)
        batch = 0 if module.batch_first else 1
        shape = [count if axis == batch else -1 for axis in range(3)]
        tokens, pos = first.expand(shape), pos.expand(shape)
        for number, layer in enumerate(module.layers):
            if number:
                tokens = layer._forward_sa(tokens, pos)
            alone = isinstance(layer.cross_attn_image, RoPEAttention)
            tokens = layer._forward_ca(tokens, memory, pos, memory_where, pointers if alone else 0)
            inner = layer.linear2(
                layer.dropout(layer.activation(layer.linear1(layer.norm3(tokens))))
            )
            tokens = tokens + layer.dropout3(inner)
        normed = module.norm(tokens)
        if module.batch_first:
            normed = normed.transpose(0, 1)
        attended: torch.Tensor = normed.permute(1, 2, 0).view(count, *where.shape[1:])
        return attended


def _flat(level: torch.Tensor) -> torch.Tensor:
    """Return (1, C, H, W) as tokens (HW, 1, C)."""
    return level.flatten(2).permute(2, 0, 1)
