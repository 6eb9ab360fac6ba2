"""The repository itself: what documents say and files repeat stays true."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

import sam2_widget

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("sam2_widget/*/*.md")]
    if ".venv" not in path.parts
)
# A lock file's address of a package, and pip's option: both would name a registry.
REGISTRY = re.compile(r'"resolved": *"http|(?:extra-)?index-' + "url")


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def test_the_versions_agree() -> None:
    assert sam2_widget.__version__ == version("sam2-widget")
    assert f"## {sam2_widget.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_in_a_document_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (document.parent / target).exists()] == []


def test_the_config_to_copy_is_the_packaged_one() -> None:
    packaged = ROOT / "sam2_widget/nano/nano.yaml"
    assert (ROOT / "configs/nano.yaml").read_bytes() == packaged.read_bytes()


def test_the_readme_tells_nano_s_figures_as_its_card_does() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    card = (ROOT / "sam2_widget/nano/MODEL_CARD.md").read_text(encoding="utf-8")
    table = readme.partition("intersection over union of nano")[2].partition("\n\n")[0]
    figures = re.findall(r"0\.\d\d", table)
    assert figures
    assert [figure for figure in figures if figure not in card] == []


def test_no_file_names_a_package_registry() -> None:
    named = []
    for file in _tracked():
        text = file.read_bytes().decode("utf-8", errors="ignore")
        if REGISTRY.search(text):
            named.append(file.relative_to(ROOT))
    assert named == []


def test_every_dependency_tells_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = project.partition("\ndependencies = [\n")[2].partition("\n]")[0]
    assert [line for line in block.splitlines() if "# " not in line] == []


def test_every_module_of_the_package_is_on_the_map() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    package = ROOT / "sam2_widget"
    modules = [path for path in package.rglob("*.py") if path.name != "__init__.py"]
    sources = (package / "frontend" / "src").glob("*.ts")
    names = [path.name for path in modules if "node_modules" not in path.parts]
    names += [path.name for path in sources]
    told = set(re.findall(r"[`/]([\w-]+\.(?:py|ts))`", guide))
    assert sorted(set(names) - told) == []
