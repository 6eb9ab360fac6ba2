"""What was tracked, kept within a budget: what can be computed again goes first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from sam2_widget.engines.sam2.memory import Output, Stretch, move, nbytes

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator


@dataclass(slots=True)
class Past:
    """A tracked output kept for corrections and for passes that begin beside it.

    Its memory features are None where they can be computed from the rest, and its logits where
    the stretch can be tracked again up to here.
    """

    output: Output
    run: str
    reverse: bool
    stretch: Stretch | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return nbytes(self.output)


class Archive:
    """Past tracked outputs of all scopes in host memory, within `budget` bytes.

    A correction of a tracked frame, or a pass that resumes beside it, reads them. Over the budget,
    the memory features of the oldest go first: they can be computed again from the rest, bit for
    bit. Then logits go, but for those of the frames that are read where a pass can be taken up
    again, which is every 16 frames. Then the oldest outputs go; where they are gone the saved mask
    takes their place.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.size = 0
        self.thin = False
        self._items: OrderedDict[tuple[Hashable, int], Past] = OrderedDict()
        self._whole: OrderedDict[tuple[Hashable, int], None] = OrderedDict()
        self._lean: OrderedDict[tuple[Hashable, int], None] = OrderedDict()

    def __len__(self) -> int:
        """Return how many outputs are kept."""
        return len(self._items)

    def __iter__(self) -> Iterator[Past]:
        """Iterate over what is kept, the oldest first."""
        return iter(self._items.values())

    def items(self) -> Iterator[tuple[tuple[Hashable, int], Past]]:
        """Iterate over scope and frame of what is kept, and what that is."""
        return iter(self._items.items())

    def put(
        self,
        scope: Hashable,
        frame: int,
        output: Output,
        run: str,
        reverse: bool,
        stretch: Stretch | None = None,
    ) -> None:
        """Keep an output, replacing what was kept of that frame."""
        key = scope, frame
        before = self._items.get(key)
        # The same step, done again because memory ran out: its stretch goes on.
        self._pop(key, keep=before is not None and before.stretch is stretch)
        past = Past(move(output, torch.device("cpu")), run, reverse, stretch)
        self._items[key] = past
        self._whole[key] = None
        self.size += past.nbytes
        if stretch is not None and stretch.first == frame:
            self.size += stretch.nbytes
        self._trim()

    def shed(self) -> bool:
        """Keep nothing that can be computed again from now on; False where it does not anyway."""
        if self.thin:
            return False
        self.thin = True
        self._trim()
        return True

    def _trim(self) -> None:
        while (self.thin or self.size > self.budget) and self._whole:
            key, _ = self._whole.popitem(last=False)
            self._change(key, lean(self._items[key].output))
            self._lean[key] = None
        while (self.thin or self.size > self.budget) and self._lean:
            key, _ = self._lean.popitem(last=False)
            self._change(key, thin(key[1], self._items[key]))
        while self.size > self.budget and self._items:
            self._pop(next(iter(self._items)))

    def get(self, scope: Hashable, frame: int) -> Past | None:
        """Return what is kept of a frame; its memory features may be None, and its logits."""
        return self._items.get((scope, frame))

    def drop(self, scope: Hashable, frame: int | None = None) -> None:
        """Forget a frame of a scope, or all of them."""
        keys = [(scope, frame)] if frame is not None else [k for k in self._items if k[0] == scope]
        for key in keys:
            self._pop(key)

    def _change(self, key: tuple[Hashable, int], output: Output) -> None:
        past = self._items[key]
        self._items[key] = replace(past, output=output)
        self.size += nbytes(output) - past.nbytes

    def _pop(self, key: tuple[Hashable, int], *, keep: bool = False) -> None:
        past = self._items.pop(key, None)
        self._whole.pop(key, None)
        self._lean.pop(key, None)
        if past is None:
            return
        self.size -= past.nbytes
        if past.stretch is not None and past.stretch.first == key[1]:
            self.size -= past.stretch.nbytes
            if not keep:
                past.stretch.window = None


def lean(output: Output) -> Output:
    """Return the output without what can be computed again, in as few bits as lose nothing.

    Under autocast the decoder makes logits of 16 bits, which are float32 only in their type.
    """
    masks = output["pred_masks"]
    for kind in (torch.bfloat16, torch.float16):
        short = masks.to(kind)
        if torch.equal(short.float(), masks):
            masks = short
            break
    return {**output, "maskmem_features": None, "pred_masks": masks}


def thin(frame: int, past: Past) -> Output:
    """Return the output of a frame without what its stretch gives when it is tracked again."""
    output = lean(past.output) if past.output["pred_masks"] is not None else past.output
    if past.stretch is None or past.stretch.is_key(frame):
        return output
    return {**output, "pred_masks": None}
