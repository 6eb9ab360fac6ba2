"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

import sam2_widget
from sam2_widget import command, models
from sam2_widget.fetching import fetch
from sam2_widget.models import nano
from sam2_widget.progressline import ProgressLine
from tests.servers import closed_port, serving, stalls_after

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "sam2_widget", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_models_are_listed() -> None:
    done = run("models")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{models.list()}\n"


def test_a_download_that_fails_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    proxies = {name: f"http://127.0.0.1:{closed_port()}" for name in ("https_proxy", "HTTPS_PROXY")}
    done = run(
        *("download", "sam2.1_hiera_tiny", "--folder", str(tmp_path)),
        **{**proxies, "no_proxy": "", "NO_PROXY": ""},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r"sam2-widget: dl\.fbaipublicfiles\.com cannot be reached .*\n", done.stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_a_download_prints_the_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["download", "nano"]) == 0
    assert capsys.readouterr().out == f"{nano().checkpoint}\n"


def test_an_unknown_name_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["download", "sam3"]) == 1
    assert "give one of sam2.1_hiera_large" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("tiny", "'tiny' to download; perhaps you mean sam2.1_hiera_tiny or sam2_hiera_tiny; "),
        ("SAM2.1", "perhaps you mean sam2.1_hiera_large or sam2.1_hiera_base_plus or "),
        ("sam21_hiera_small", "perhaps you mean sam2.1_hiera_small or sam2_hiera_small; there are"),
        ("", "'' to download; give one of sam2.1_hiera_large, "),
    ],
)
def test_a_name_that_is_nearly_right_is_told(
    wrong: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["download", wrong]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("sam2.1_hiera_tiny") == 1
    with pytest.raises(models.ModelError, match=r"perhaps you mean sam2\.1_hiera_tiny or"):
        models.resolve("tiny")


def test_a_terminal_is_told_how_to_get_a_model_and_a_pipe_is_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command.main(["models"]) == 0
    piped = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert command.main(["models"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(piped)
    assert "sam2-widget download NAME" in shown.removeprefix(piped)


@pytest.mark.parametrize("arguments", [[], ["fly"], ["download"], ["models", "more"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 2
    assert "usage: sam2-widget" in capsys.readouterr().err


INTERRUPTED = """
import json, sys
from sam2_widget.catalogue import CATALOGUE, Entry
from sam2_widget.command import main

CATALOGUE["test"] = Entry(**json.loads(sys.argv[1]))
sys.exit(main(["download", "test", "--folder", sys.argv[2]]))
"""


def test_an_interrupt_ends_with_130_and_the_same_command_goes_on(tmp_path: Path) -> None:
    with serving(bytes(100_000)) as web:
        web.behaviours = [stalls_after(50_000)]
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        arguments = [sys.executable, "-c", INTERRUPTED, json.dumps(asdict(web.entry()))]
        with subprocess.Popen(
            [*arguments, str(tmp_path)],
            env={**environment, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            part = tmp_path / "test.pt.part"
            while not part.exists() or part.stat().st_size < 50_000:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate()
        assert process.returncode == 130
        assert told == "sam2-widget: interrupted; the same command goes on from here.\n"
        assert fetch(web.entry(), tmp_path).read_bytes() == web.content
        assert web.ranges == [None, "bytes=50000-"]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.strip() == sam2_widget.__version__


def test_the_installed_command_is_this_one() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '[project.scripts]\nsam2-widget = "sam2_widget.command:main"' in text


def test_the_line_of_progress_is_written_over_and_ended() -> None:
    stream = io.StringIO()
    with ProgressLine("x.pt", stream) as line:
        line(0, 156_008_466)
        for done in range(1000):
            line(done, 156_008_466)
        line(156_008_466, 156_008_466)
    parts = stream.getvalue().split("\r")
    assert parts[1].startswith("x.pt: 0 bytes of 156 MB (0 %)")
    assert parts[-1].startswith("x.pt: 156 MB of 156 MB (100 %)")
    assert parts[-1].endswith("\n")
    # Not one for every piece that comes.
    assert len(parts) < 20


def test_nothing_is_written_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine("x.pt") as line:
        line(1, 2)
    assert capsys.readouterr() == ("", "")
