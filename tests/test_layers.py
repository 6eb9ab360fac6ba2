"""The layers of the package: imports point one way, and heavy libraries are imported late."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sam2_widget"
# From the bottom up: a module may import those of earlier lines.
LAYERS = [
    {"answers", "errors", "requests"},
    {"catalogue", "framerows", "ids", "json_files", "model_names"},
    {
        *("bits", "checksums", "confidence", "durable", "finding", "images", "locking", "look"),
        *("names", "room", "saver", "shortcuts", "transfer", "turns"),
    },
    {
        *("annotations", "brush", "choosing", "downloads", "listing", "progressline", "uploads"),
        *("verifying", "watching", "wire", "worker"),
    },
    {"cleaning", "keypoints", "palette", "partfile", "ui_state"},
    {"blending", "fetching", "labels", "records"},
    {"models", "recordtable"},
    {"formats", "model_download"},
    {"engines", "events", "frame_files", "jpeg", "project", "rollback", "sample"},
    {"masks", "options", "provenance", "sources"},
    {"columns", "extraction", "history", "masktrack", "planning"},
    {"tracking"},
    {"video"},
    {"engine_slot", "lanes", "video_info"},
    {"live"},
    {"making", "registry", "versions"},
    {"editing", "views"},
    {"exports", "importing", "keypoint_marks", "plots", "session_base"},
    {"merging", "render"},
    {"previewing", "still"},
    {"loading", "poster"},
    {
        *("cleaning_session", "file_session", "keypoint_session", "label_session", "model_session"),
        *("prompt_session", "track_session"),
    },
    {"answering", "library", "session", "snapshot"},
    {"receiving"},
    {"filing", "modelling"},
    {"responder"},
    {"picker"},
    {"annotator"},
    {"__init__"},
    {"command"},
    {"__main__"},
]
HEAVY = {"torch", "sam2", "hydra", "omegaconf", "safetensors", "torchvision"}


def modules() -> dict[str, Path]:
    """Return the modules by their dotted name inside the package."""
    paths = [path for path in PACKAGE.rglob("*.py") if "frontend" not in path.parts]
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in paths}


def imports(path: Path) -> set[str]:
    """Return everything a module imports, also inside functions and for type checks."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def own_imports(path: Path) -> set[str]:
    """Return the first names inside the package that a module imports."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("sam2_widget.")}
    return names - {"__version__"}


def layer(name: str) -> int:
    first = name.split(".")[0]
    (number,) = [number for number, names in enumerate(LAYERS) if first in names]
    return number


def run(code: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_every_module_has_its_layer() -> None:
    assert {name.split(".")[0] for name in modules()} == set().union(*LAYERS)


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_module_imports_only_what_lies_below_it(name: str) -> None:
    first = name.split(".")[0]
    upward = {
        other for other in own_imports(modules()[name]) - {first} if layer(other) >= layer(first)
    }
    assert upward == set()


@pytest.mark.parametrize("name", sorted(modules()))
def test_only_the_sam2_engine_imports_the_model_s_libraries(name: str) -> None:
    used = {other.split(".")[0] for other in imports(modules()[name])} & HEAVY
    assert used == set() or name.startswith("engines.sam2.")


@pytest.mark.parametrize(
    "name", [name for name in sorted(modules()) if not name.startswith("engines.sam2")]
)
def test_the_sam2_engine_is_imported_inside_functions_alone(name: str) -> None:
    tree = ast.parse(modules()[name].read_text("utf-8"))
    at_once = {
        node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sam2_widget")
    }
    assert not any(module.startswith("sam2_widget.engines.sam2") for module in at_once if module)


def test_importing_the_package_imports_neither_torch_nor_pandas() -> None:
    run("import sys, sam2_widget; assert not {'torch', 'sam2', 'pandas'} & sys.modules.keys()")


def test_a_session_with_another_engine_imports_neither_torch_nor_pandas() -> None:
    run(
        """
import sys
import numpy as np
import sam2_widget as sw
from sam2_widget.engines.fake import FakeEngine

video = np.zeros((3, 48, 64, 3), np.uint8)
with sw.Session(video, model=FakeEngine()) as session:
    assert session.add_point(0, 20, 20).any()
    session.track().wait()
    assert session.masks[1, "overall"][2].any()
assert not {"torch", "sam2", "pandas"} & sys.modules.keys()
"""
    )


@pytest.mark.parametrize("name", ["requests", "answers"])
def test_the_messages_know_nothing_of_the_rest(name: str) -> None:
    assert own_imports(modules()[name]) == set()
