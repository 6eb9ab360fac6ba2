"""Running out of memory: gives some back, step by step, and does what failed once more."""

from __future__ import annotations

import functools
import gc
import threading
import traceback
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

import torch

from sam2_widget.errors import OutOfMemoryError, Sam2WidgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_P = ParamSpec("_P")
_T = TypeVar("_T")

# What allocators say that raise no error of their own kind: of the CPU, MPS, cuBLAS and cuDNN.
_TEXTS = ("out of memory", "can't allocate memory", "not enough memory", "STATUS_ALLOC_FAILED")
_HOST_TEXTS = ("DefaultCPUAllocator",)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that an allocator has nothing left, whichever it was."""
    if isinstance(error, Sam2WidgetError):
        return False
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)


class Pressure:
    """How short memory is. What was given up once stays given up, so that nothing swings.

    Parameters
    ----------
    device : torch.device
        Where the model runs.
    steps : sequence of callable
        Each gives memory back and tells whether there was any to give; it is told whether it is
        the host's that ran out. They are tried in order; one is called again until it has no more.
    warn : callable
        Tells the user, at most once.

    Attributes
    ----------
    batch_limit : int or None
        How many objects may go through the model together; None as long as none was set.
    on_host : bool
        Whether what the model remembers lies in the host's memory and is moved for each frame.
    """

    def __init__(
        self,
        device: torch.device,
        steps: Sequence[Callable[[bool], bool]],
        warn: Callable[[str], None],
    ) -> None:
        self._device = device
        self._steps = steps
        self._warn = warn
        self._told = False
        self._together = 1
        self.batch_limit: int | None = None
        self.on_host = False
        # The engine's methods hold it, and whoever makes a large mask on another thread waits.
        self.lock = threading.RLock()

    def fitting(self, count: int) -> int:
        """Return how many of so many objects go through the model together.

        Whoever makes batches asks before each, since a smaller one is asked for by failing.
        """
        self._together = count if self.batch_limit is None else min(count, self.batch_limit)
        return self._together

    def halve_batch(self) -> bool:
        """Have fewer objects go through the model together; False where it is one."""
        if self._together <= 1:
            return False
        self._together = self.batch_limit = self._together // 2
        return True

    def survive(self, action: Callable[[], _T]) -> _T:
        """Do something that can be done again from its start, and again where memory runs out.

        Raises
        ------
        OutOfMemoryError
            If there is nothing left to give back.
        """
        failures, in_vain = 0, 0
        while True:
            try:
                result = action()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                failures += 1
                with self.lock:
                    in_vain += not self._relieve(error)
                if in_vain > 1:
                    raise OutOfMemoryError(_advice(self._device)) from error
                # Once it is tried again with nothing given: others may have let go of something.
            else:
                if failures:
                    self._tell()
                return result

    def _relieve(self, error: Exception) -> bool:
        _let_go(error)
        host = self._device.type == "cpu" or _is_host(error)
        gave = any(_gives(step, host) for step in self._steps)
        gc.collect()
        _empty_cache(self._device)
        return gave

    def _tell(self) -> None:
        with self.lock:
            told, self._told = self._told, True
        if not told:
            self._warn(
                f"Memory ran short ({self._device.type}): less is kept in it from now on, and "
                "work went on where it was, if slower; a smaller model or max_side= needs less."
            )


class _Pressed(Protocol):
    pressure: Pressure

    def settle(self) -> None: ...


_E = TypeVar("_E", bound=_Pressed)


def within_memory(
    method: Callable[Concatenate[_E, _P], _T],
) -> Callable[Concatenate[_E, _P], _T]:
    """Have a method of an engine done again where memory ran out; one at a time.

    It must leave nothing half done when it fails: what it keeps, it keeps last.
    """

    @functools.wraps(method)
    def survived(engine: _E, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with engine.pressure.lock:
            result = engine.pressure.survive(lambda: method(engine, *args, **kwargs))
            engine.pressure.survive(engine.settle)
        return result

    return survived


def opening(device: torch.device, action: Callable[[], _T]) -> _T:
    """Do what comes before there is anything to give back.

    Raises
    ------
    OutOfMemoryError
        If memory runs out.
    """
    try:
        return action()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        _let_go(error)
        _empty_cache(device)
        raise OutOfMemoryError(_advice(device)) from error


def _gives(step: Callable[[bool], bool], host: bool) -> bool:
    try:
        return step(host)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        # What was moved may have found no room, and is gone: that gave something too.
        _let_go(error)
        return True


def _is_host(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(text in str(error) for text in _HOST_TEXTS)


def _let_go(error: BaseException | None) -> None:
    """Free what the frames of an error still hold: tensors, above all."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _empty_cache(device: torch.device) -> None:
    """Give what PyTorch keeps for later back, so that what is asked for next fits in one piece."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _advice(device: torch.device) -> str:
    other = "close other programs" if device.type == "cpu" else "give device='cpu'"
    return (
        f"Memory ran out ({device.type}) though all that could be was given back; what was tracked "
        "is kept: open the video again with a smaller max_side= or a smaller model, annotate fewer "
        f"objects at a time, or {other}, and track again to go on."
    )
