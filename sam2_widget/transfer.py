"""One HTTP request for a file or its rest, read on a thread so that it can be left at any time."""

from __future__ import annotations

import http.client
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sam2_widget.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from email.message import Message

_CHUNK = 1 << 18
"""Bytes of the largest piece; a slow connection gives smaller ones."""
_LOOK = 0.1
"""Seconds between two looks at whether the caller still wants the file."""


class BrokenError(Exception):
    """The connection broke or stalled, or the server is busy: another try may go on."""


class SlowError(BrokenError):
    """So little came for so long that the server counts as stalled."""


class UnreachableError(BrokenError):
    """No connection could be made at all."""


@dataclass(frozen=True, slots=True)
class Slowest:
    """What a connection must bring at least: `least` bytes in each `window` seconds of waiting."""

    least: int = 60_000
    window: float = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: status and headers, and the pieces of the file as they come."""

    status: int
    headers: Message
    pieces: Generator[bytes, None, None]


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from HTTPS to an unencrypted address."""

    # Python 3.10 does not know it yet.
    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: Any,
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after != "https" and not before == after == "http":
            fp.close()
            raise DownloadError(
                f"{host(req.full_url)} leads on to {newurl:.200}, which is not encrypted; "
                "nothing was downloaded."
            )
        return super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)


def host(url: str) -> str:
    """Return the name of the server in an address."""
    return urlsplit(url).hostname or url


def request(
    url: str,
    headers: dict[str, str],
    timeout: float,
    slowest: Slowest,
    check: Callable[[], None],
) -> Answer:
    """Send a request and return the answer once its headers are there.

    The standard library does it: it takes proxies from ``http_proxy``, ``https_proxy`` and
    ``no_proxy`` (and from the settings of Windows and macOS), and needs no further dependency.

    Parameters
    ----------
    url : str
        ``https://``, or ``http://``; no other scheme, and no redirect to a weaker one.
    headers : dict
        More headers.
    timeout : float
        Seconds without a byte after which the connection counts as stalled.
    slowest : Slowest
        What counts as stalled although some bytes come.
    check : callable
        Called at least ten times a second, while nothing comes too; what it raises ends the
        transfer at once.

    Raises
    ------
    BrokenError
        If the connection breaks or stalls, also while pieces are read; `SlowError` if it is slower
        than the slowest, `UnreachableError` if there was none.
    DownloadError
        If trying again will not help: no trusted certificate, an unfit address.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"{url:.200} is no web address; only https:// is downloaded from.")
    reader = _Reader(url, headers, timeout)
    pieces = _pieces(reader, slowest, check)
    status, answered = next(pieces)
    return Answer(status, answered, pieces)


def _pieces(
    reader: _Reader, slowest: Slowest, check: Callable[[], None]
) -> Generator[Any, None, None]:
    """Yield what a reader puts: status and headers, then pieces of the file."""
    # What the caller does with a piece takes its own time: only waiting counts.
    came, waited = 0, 0.0
    try:
        while True:
            check()
            begun = time.monotonic()
            try:
                item = reader.items.get(timeout=_LOOK)
            except queue.Empty:
                item = b""
            waited += time.monotonic() - begun
            came += len(item) if isinstance(item, bytes) else 0
            if waited >= slowest.window:
                if came < slowest.least and item is not None:
                    raise SlowError(f"only {came:,} bytes came in {waited:.3g} seconds")
                came, waited = 0, 0.0
            if item == b"":
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        reader.unwanted.set()


class _Reader:
    """A thread that reads an answer into a short queue until it ends or is no longer wanted."""

    def __init__(self, url: str, headers: dict[str, str], timeout: float) -> None:
        self._request = urllib.request.Request(
            url, headers={"User-Agent": "sam2-widget", "Accept-Encoding": "identity", **headers}
        )
        self._timeout = timeout
        self.unwanted = threading.Event()
        self.items: queue.Queue[Any] = queue.Queue(maxsize=16)
        threading.Thread(target=self._run, name="sam2-widget-download", daemon=True).start()

    def _run(self) -> None:
        try:
            with _opener().open(self._request, timeout=self._timeout) as answer:
                self._put((answer.status, answer.headers))
                while not self.unwanted.is_set():
                    piece = answer.read1(_CHUNK)
                    if not piece:
                        break
                    self._put(piece)
            self._put(None)
        except urllib.error.HTTPError as error:
            # An answer all the same; its page is of no use.
            error.close()
            self._put((error.code, error.headers))
            self._put(None)
        except Exception as error:  # raised again where the pieces are read
            self._put(_translated(error, self._request.full_url, self._timeout))

    def _put(self, item: Any) -> None:
        while not self.unwanted.is_set():
            try:
                return self.items.put(item, timeout=_LOOK)
            except queue.Full:
                continue


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener for HTTP and HTTPS alone: the usual one reads local files too."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _translated(error: Exception, url: str, timeout: float) -> Exception:
    if isinstance(error, DownloadError):
        return error
    if isinstance(error, TimeoutError):
        return BrokenError(f"nothing came for {timeout:g} seconds")
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(
            f"The certificate of {host(url)} is not trusted ({reason.verify_message}); where a "
            "proxy replaces it, name its certificate in the variable SSL_CERT_FILE."
        )
    if isinstance(error, urllib.error.URLError):
        return UnreachableError(words)
    if isinstance(error, OSError | http.client.HTTPException):
        return BrokenError(words)
    return DownloadError(f"{host(url)} gave no usable answer ({words}); try again later.")
