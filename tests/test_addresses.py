"""Addresses of downloads: what is read from where, redirects, certificates and proxies."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sam2_widget.fetching import fetch
from tests.fetches import CONTENT, contents, is_whole, refused
from tests.servers import Web, answers, closed_port, serving

pytestmark = pytest.mark.usefixtures("no_proxy")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://x/y", "data:,x", "x.pt", ""])
def test_only_web_addresses_are_read(web: Web, tmp_path: Path, url: str) -> None:
    assert "is no web address" in refused(web, tmp_path, web.entry(url=url))
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_a_redirect_to_anything_else_is_refused(web: Web, tmp_path: Path, url: str) -> None:
    web.behaviours = [answers(302, Location=url)]
    refused(web, tmp_path)
    assert contents(tmp_path) == {}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for this machine that nobody has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", f"{path}.key", "-out", str(path), "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    both = path.with_name("both.pem")
    both.write_bytes(path.read_bytes() + Path(f"{path}.key").read_bytes())
    return both


def test_an_untrusted_certificate_is_refused_and_said(certificate: Path, tmp_path: Path) -> None:
    with serving(CONTENT, certificate) as secure:
        text = refused(secure, tmp_path)
    assert "certificate of 127.0.0.1 is not trusted (self" in text
    assert "SSL_CERT_FILE" in text
    assert contents(tmp_path) == {}


def test_https_stays_https(
    web: Web, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(CONTENT, certificate) as secure:
        secure.behaviours = [answers(302, Location=f"{web.url}/test.pt")]
        assert "which is not encrypted" in refused(secure, tmp_path)
        assert web.requests == []
        assert contents(tmp_path) == {}
        secure.behaviours = [answers(302, Location=f"{secure.url}/there")]
        fetch(secure.entry(), tmp_path)
    assert is_whole(tmp_path)


def test_circles_of_redirects_end(web: Web, tmp_path: Path) -> None:
    web.behaviours = [answers(302, Location="/test.pt")] * 30
    assert "HTTP 302" in refused(web, tmp_path)


def test_no_network_is_said_at_once(web: Web, tmp_path: Path) -> None:
    dead = f"http://127.0.0.1:{closed_port()}/test.pt"
    text = refused(web, tmp_path, web.entry(url=dead))
    assert "127.0.0.1 cannot be reached (" in text
    assert "https_proxy" in text
    assert contents(tmp_path) == {}


def test_a_name_that_nobody_knows_is_said(web: Web, tmp_path: Path) -> None:
    text = refused(web, tmp_path, web.entry(url="http://nobody.invalid/test.pt"))
    assert "nobody.invalid cannot be reached" in text


def test_the_proxy_of_the_environment_is_used(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web.url)
    fetch(web.entry(url="http://checkpoints.invalid/test.pt"), tmp_path)
    assert [path for path, _ in web.requests] == ["http://checkpoints.invalid/test.pt"]
    assert is_whole(tmp_path)


def test_a_proxy_that_refuses_is_said(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", web.url)
    web.behaviours = [answers(407)]
    text = refused(web, tmp_path, web.entry(url="https://checkpoints.invalid/test.pt"))
    assert "cannot be reached (Tunnel connection failed: 407" in text
    assert [path for path, _ in web.requests] == ["checkpoints.invalid:443"]
