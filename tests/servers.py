"""A web server on this machine that serves one file, well or in the ways that servers go wrong."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from sam2_widget.catalogue import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers a request as the next of the server's behaviours says, then as a good server."""

    def do_GET(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]
        web.requests.append((self.path, dict(self.headers.items())))
        behaviour = web.behaviours.pop(0) if web.behaviours else good
        with contextlib.suppress(ConnectionError):
            behaviour(self)

    def handle(self) -> None:
        # A client that does not trust the certificate ends the handshake.
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            super().handle()

    do_CONNECT = do_GET  # noqa: N815 (the name of the base class)

    @property
    def content(self) -> bytes:
        return self.server.web.content  # type: ignore[attr-defined, no-any-return]

    @property
    def tag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:8]}"'

    def start(self, status: int, **headers: object) -> None:
        """Send a status and headers; ``content_length=5`` is ``Content-Length: 5``."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tell nobody."""


@dataclass
class Web:
    """A server that runs.

    Attributes
    ----------
    content : bytes
        What it serves, whatever the path.
    url : str
        Its address.
    behaviours : list
        How the next requests are answered; later ones well.
    requests : list of (str, dict)
        Paths and headers of the requests that came.
    go_on : Event
        What `stall` waits for.
    """

    content: bytes
    url: str
    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def entry(self, name: str = "test", **changes: object) -> Entry:
        """Return a catalogue entry of the file that is served."""
        sha256 = hashlib.sha256(self.content).hexdigest()
        values = {"url": f"{self.url}/{name}.pt", "size": len(self.content), "sha256": sha256}
        return Entry(**{  # type: ignore[arg-type]
            **{"name": name, "file": f"{name}.pt", "config": "", "description": "for a test"},
            **values,
            **changes,
        })  # fmt: skip

    @property
    def ranges(self) -> list[str | None]:
        """The part of the file that each request asked for."""
        return [headers.get("Range") for _, headers in self.requests]


@contextlib.contextmanager
def serving(content: bytes, certificate: Path | None = None) -> Iterator[Web]:
    """Run a server until the block ends; with a certificate and its key in a file over HTTPS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # Shaken hands by the thread of the request, where a client that refuses ends nothing else.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        scheme = "https"
    web = Web(content, f"{scheme}://127.0.0.1:{server.server_address[1]}")
    server.web = web  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield web
    finally:
        web.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


# Ways to answer


def good(handler: Handler) -> None:
    """Serve the file, or the rest that was asked for if it is still the same."""
    content, tag = handler.content, handler.tag
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if asked is None or handler.headers.get("If-Range", tag) != tag:
        handler.start(200, Content_Length=len(content), ETag=tag)
        handler.wfile.write(content)
        return
    first = int(asked[1])
    if first >= len(content):
        handler.start(416, Content_Range=f"bytes */{len(content)}")
        return
    place = f"bytes {first}-{len(content) - 1}/{len(content)}"
    handler.start(206, Content_Length=len(content) - first, Content_Range=place, ETag=tag)
    handler.wfile.write(content[first:])


def ignores_ranges(handler: Handler) -> None:
    """Serve the whole file whatever was asked for."""
    handler.start(200, Content_Length=len(handler.content), ETag=handler.tag)
    handler.wfile.write(handler.content)


def breaks_after(count: int, **headers: object) -> Behaviour:
    """Promise the whole file and close the connection after some bytes."""

    def behaviour(handler: Handler) -> None:
        promised = {"Content_Length": len(handler.content), "ETag": handler.tag, **headers}
        handler.start(200, **{name: value for name, value in promised.items() if value is not None})
        handler.wfile.write(handler.content[:count])

    return behaviour


def stalls_after(count: int) -> Behaviour:
    """Send some bytes, then nothing until the test says so, then the rest."""

    def behaviour(handler: Handler) -> None:
        handler.start(200, Content_Length=len(handler.content), ETag=handler.tag)
        handler.wfile.write(handler.content[:count])
        handler.server.web.go_on.wait()  # type: ignore[attr-defined]
        handler.wfile.write(handler.content[count:])

    return behaviour


def drips(handler: Handler) -> None:
    """Send the rest that was asked for byte by byte, a hundred a second, until the test ends."""
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    first, size = int(asked[1]) if asked else 0, len(handler.content)
    place = {"Content_Range": f"bytes {first}-{size - 1}/{size}"} if first else {}
    handler.start(206 if first else 200, Content_Length=size - first, ETag=handler.tag, **place)
    for index in range(first, size):
        handler.wfile.write(handler.content[index : index + 1])
        if handler.server.web.go_on.wait(0.01):  # type: ignore[attr-defined]
            return


def drips_headers(handler: Handler) -> None:
    """Send the status line byte by byte, without an end, until the test ends."""
    while not handler.server.web.go_on.wait(0.01):  # type: ignore[attr-defined]
        handler.wfile.write(b"H")


def answers(status: int, body: bytes = b"", **headers: object) -> Behaviour:
    """Answer with a status, headers and a body."""

    def behaviour(handler: Handler) -> None:
        handler.start(status, **{"Content_Length": len(body), **headers})
        handler.wfile.write(body)

    return behaviour


def without_length(body: Callable[[bytes], bytes]) -> Behaviour:
    """Send what `body` makes of the file, without saying how much it is."""

    def behaviour(handler: Handler) -> None:
        handler.start(200)
        handler.wfile.write(body(handler.content))

    return behaviour
