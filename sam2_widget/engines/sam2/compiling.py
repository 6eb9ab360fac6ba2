"""Compiles the image encoder beside the work, and puts it in its place once it is ready."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from sam2_widget.engines.sam2.precision import inference
from sam2_widget.engines.sam2.switches import TURNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sam2_widget.engines.sam2.graphs import Graphs


class Compiled(nn.Module):
    """A compiled module that is always given tensors of the kind that it was compiled for.

    Another kind would be compiled anew, while somebody waits: frames that were read on another
    thread are no inference tensors.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._compiled: Any = torch.compile(module, dynamic=False)

    def forward(self, image: torch.Tensor) -> Any:
        """Do what the module does, of (1, 3, S, S) float32."""
        return self._compiled(image if image.is_inference() else image.clone())


class Compilation:
    """`torch.compile` of a model's image encoder, on a thread of its own.

    Until it is ready the encoder works as it is; then one assignment puts the other in its place.
    If it fails, nothing changes and the user is told. Only the image encoder is compiled, as its
    input always has one size: what the memory attention reads grows over the first frames of every
    pass, and each new size would be compiled while somebody waits.

    Parameters
    ----------
    model : SAM2Base
        The model.
    device : torch.device
        Where it is.
    kind : torch.dtype
        The numbers it computes in.
    warn : callable
        Tells the user.
    graphs : Graphs
        What records nothing meanwhile.
    """

    def __init__(
        self,
        model: Any,
        device: torch.device,
        kind: torch.dtype,
        warn: Callable[[str], None],
        graphs: Graphs,
    ) -> None:
        self._device = device
        self._kind = kind
        self._warn = warn
        self._lock = threading.Lock()
        self._model: Any = model
        self._graphs = graphs
        graphs.paused = True
        self._thread = threading.Thread(
            target=self._work, args=(model,), name="sam2-widget-compile", daemon=True
        )
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is ready or has failed; False if the time ran out."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Let go of the model; what is being compiled ends by itself and is dropped."""
        with self._lock:
            self._model = None

    def _work(self, model: Any) -> None:
        TURNS.begin(self)
        try:
            self._try(model)
        finally:
            TURNS.end(self)
            self._graphs.paused = False

    def _try(self, model: Any) -> None:
        try:
            compiled = self._compiled(model)
        except Exception as error:  # no compiler, an unknown device, too little memory: it is extra
            reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
            with self._lock:
                cancelled = self._model is None
            if not cancelled:
                self._warn(f"The model could not be compiled ({reason:.160}); it works as it is.")
            return
        with self._lock:
            if self._model is not None:
                self._model.image_encoder = compiled

    def _compiled(self, model: Any) -> Compiled:
        plain, size = model.image_encoder, model.image_size
        with inference(self._device, self._kind):
            example = torch.zeros(1, 3, size, size, device=self._device)
            # What it computes once and keeps should not become part of what is compiled.
            plain(example)
            compiled = Compiled(plain)
            # The first call compiles; the second finds all that the first may have changed.
            for _ in range(2):
                compiled(example)
        return compiled
