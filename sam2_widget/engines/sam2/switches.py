"""Settings of PyTorch that are one for the process, and hold while an engine wants them."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable


class Switch:
    """A setting that is put back by the last who wanted it, unless somebody else turned it since.

    Parameters
    ----------
    read, write : callable
        Return and set it.
    wanted
        What it is turned to.
    """

    def __init__(
        self, read: Callable[[], Any], write: Callable[[Any], object], wanted: object
    ) -> None:
        self._read = read
        self._write = write
        self._wanted = wanted
        self._before: object = None
        self._turned: object = None
        self._users: set[int] = set()
        self._lock = threading.Lock()

    def begin(self, user: object) -> None:
        """Turn it on for somebody, who ends it before it is gone."""
        with self._lock:
            if not self._users:
                self._before = self._read()
                self._write(self._wanted)
                # Numbers come back rounded.
                self._turned = self._read()
            self._users.add(id(user))

    def end(self, user: object) -> None:
        """Somebody needs it no longer, or never did."""
        with self._lock:
            if id(user) not in self._users:
                return
            self._users.remove(id(user))
            if not self._users and self._read() == self._turned:
                self._write(self._before)


TF32 = Switch(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "high")
"""TensorFloat-32 for what autocast leaves in float32: of it GPUs multiply several times more."""

OWN_ATTENTION = Switch(
    torch.backends.cuda.cudnn_sdp_enabled, torch.backends.cuda.enable_cudnn_sdp, False
)
"""Attention without cuDNN, which PyTorch has come to prefer on Hopper and datacentre Blackwell.

It plans anew for each number of memories, on each thread: on an H200 with PyTorch 2.11 attending to
memories took 18 ms a layer on the first frames of a pass.
"""

TURNS = Switch(sys.getswitchinterval, sys.setswitchinterval, 1e-4)
"""Seconds that a thread of Python keeps the interpreter from the others, 5e-3 as Python has it.

Each operation of PyTorch gives it away and waits to have it back. Beside a thread that never
rests, as one that compiles, a click of some hundred operations took seconds on an H100.
"""
