"""Answers requests of the browser: each with one result, or with one error that the user sees."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sam2_widget import answers, requests, wire
from sam2_widget.errors import Sam2WidgetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_log = logging.getLogger("sam2_widget")

Send = Callable[[dict[str, Any], list[bytes]], None]
Respond = Callable[[requests.Request, Callable[[], answers.Answer]], None]
Handlers = dict[type[requests.Request], Callable[[Any], None]]


class Answering:
    """Takes requests, hands each to its handler, and sees to it that it gets an answer.

    Parameters
    ----------
    send : callable
        Sends content and buffers to all views.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._handlers: Handlers = {}

    def receive(self, content: object, buffers: Iterable[Any] = ()) -> None:
        """Take a request from the browser."""
        try:
            request = wire.parse(content, buffers)
        except wire.MessageError as error:
            self._refuse(content, error)
            return
        with self._reporting(request):
            self._handlers.get(type(request), self._no_handler)(request)

    def _no_handler(self, request: requests.Request) -> None:
        raise Sam2WidgetError(f"The widget cannot do this now ({request.kind}).")

    def _answer(self, request: requests.Request, answer: answers.Answer) -> None:
        content, buffers = wire.encode(request.id, request.view, answer)
        try:
            self._send(content, buffers)
        except Exception:  # a browser that cannot be reached must not undo what was asked for
            _log.exception("An answer could not be sent.")

    def _respond(self, request: requests.Request, act: Callable[[], answers.Answer]) -> None:
        """Answer a request with what `act` returns, or with why it does not."""
        with self._reporting(request):
            self._answer(request, act())

    def _refuse(self, content: object, error: wire.MessageError) -> None:
        """Answer what could not be parsed, where it says who asks."""
        if isinstance(content, dict):
            number, view = content.get("id"), content.get("view")
            if isinstance(number, int) and isinstance(view, str):
                self._send(*wire.encode(number, view, answers.Failed(str(error))))

    @contextlib.contextmanager
    def _reporting(self, request: requests.Request) -> Iterator[None]:
        """Turn an exception into the answer of a request: in a message handler it would vanish."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, Sam2WidgetError):
                _log.exception("A request of the browser failed.")
            self._answer(request, answers.Failed(str(error) or type(error).__name__))


class Aside:
    """Answers requests that take long, one after the other on a thread of its own.

    Parameters
    ----------
    respond : callable
        Answers a request with what a function returns, or with why it does not.
    name : str
        Name of the thread.
    """

    def __init__(self, respond: Respond, name: str) -> None:
        self._respond = respond
        self._thread = ThreadPoolExecutor(1, name)

    def close(self) -> None:
        """Take no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _soon(self, request: requests.Request, act: Callable[[], answers.Answer | None]) -> None:
        """Answer a request with what `act` returns, or that it is done, when its turn comes."""
        self._thread.submit(self._respond, request, lambda: act() or answers.Done())
