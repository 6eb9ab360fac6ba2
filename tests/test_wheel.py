"""What is shipped: the wheel and the sdist, built from a clean copy, without Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = {
    "sam2_widget/__init__.py",
    "sam2_widget/py.typed",
    "sam2_widget/nano/nano.safetensors",
    "sam2_widget/nano/nano.yaml",
    "sam2_widget/shortcuts.json",
    "sam2_widget/static/widget.css",
    "sam2_widget/static/widget.js",
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what git tracks or would track: no bundle, no node_modules."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    copy = tmp_path_factory.mktemp("sources")
    for name in filter(None, listed.stdout.split("\0")):
        # Git also lists a file that was deleted and not yet committed.
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(sources: Path) -> zipfile.ZipFile:
    """Build the wheel straight from the sources, as pip does for a git address."""
    return zipfile.ZipFile(_build(sources, "--wheel"))


@pytest.fixture(scope="module")
def sdist(sources: Path) -> Path:
    """Build the source archive."""
    return _build(sources, "--sdist")


def _build(sources: Path, kind: str) -> Path:
    # A PATH with a shell and nothing else: npm has to come from the Python package.
    tools = sources / "tools-of-the-machine"
    tools.mkdir(exist_ok=True)
    shell = tools / "sh"
    if not shell.exists():
        shell.symlink_to("/bin/sh")
    out = sources / f"dist{kind}"
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", str(out), str(sources)],
        cwd=sources,
        env=os.environ | {"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.iterdir()
    return built


def test_the_wheel_carries_the_bundle_and_the_model(wheel: zipfile.ZipFile) -> None:
    assert set(wheel.namelist()) >= SHIPPED
    assert "export" in wheel.read("sam2_widget/static/widget.js").decode()


def test_the_wheel_carries_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    strangers = [
        name
        for name in wheel.namelist()
        if not name.startswith(("sam2_widget/", "sam2_widget-"))
        or "frontend" in name
        or "node_modules" in name
    ]
    assert strangers == []


def test_the_wheel_stays_small(wheel: zipfile.ZipFile) -> None:
    assert sum(info.file_size for info in wheel.infolist()) < 12e6


def test_the_model_is_shipped_unchanged(wheel: zipfile.ZipFile) -> None:
    for name in ("nano.safetensors", "nano.yaml"):
        file = ROOT / "sam2_widget" / "nano" / name
        assert wheel.read(f"sam2_widget/nano/{name}") == file.read_bytes()


def test_the_sdist_carries_the_bundle_and_its_sources(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= SHIPPED | {"hatch_build.py", "sam2_widget/frontend/package-lock.json"}
    assert not [name for name in names if name.startswith("tests/") or "node_modules" in name]


def test_the_wheel_of_an_sdist_needs_no_npm(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    shutil.rmtree(unpacked / "sam2_widget" / "frontend")
    with zipfile.ZipFile(_build(unpacked, "--wheel")) as built:
        assert set(built.namelist()) >= SHIPPED
