"""The notebooks: they run from top to bottom, and are stored without outputs."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from sam2_widget.catalogue import CATALOGUE

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


def read(name: str) -> nbformat.NotebookNode:
    """Read a notebook as it is stored."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def run(notebook: nbformat.NotebookNode, folder: Path) -> str:
    """Run a notebook in a folder and return what it printed."""
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return "".join(
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stdout"
    )


def test_the_quickstart_runs_from_top_to_bottom(tmp_path: Path) -> None:
    assert "frames, height, width: (60, 360, 640)" in run(read("quickstart"), tmp_path)
    (folder,) = tmp_path.glob("outputs/*/instance1/masks_overall")
    areas = [int(np.count_nonzero(Image.open(file))) for file in sorted(folder.glob("*.png"))]
    assert len(areas) == 60
    assert all(0 < area < 360 * 640 / 4 for area in areas)


def test_the_notebook_for_colab_runs_outside_colab_too(tmp_path: Path) -> None:
    notebook = read("colab")
    (shown,) = [i for i, cell in enumerate(notebook.cells) if "ann.show()" in cell.source]
    # What the user does by hand.
    notebook.cells.insert(
        shown + 1, nbformat.v4.new_code_cell("ann.session.add_point(3, 128, 108).shape")
    )
    printed = run(notebook, tmp_path)
    assert "shape (60, 360, 640), masks on 1 frames" in printed
    names = set(zipfile.ZipFile(tmp_path / "annotations.zip").namelist())
    assert {"sample/instance1/masks_overall/00003.png", "sample/project.json"} <= names
    assert not any("frames/" in name for name in names)
    assert not (tmp_path / "checkpoints").exists()


def test_the_notebook_for_colab_asks_for_a_gpu_and_takes_the_checkpoints_of_sam2() -> None:
    notebook = read("colab")
    assert notebook.metadata.accelerator == "GPU"
    sources = "\n".join(cell.source for cell in notebook.cells)
    names = re.findall(r'"(sam2\.1_[a-z_]+)"[,\]]', sources)
    assert len(names) == 2
    assert set(names) <= CATALOGUE.keys()
    assert "sw.models.download(MODEL)" in sources


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    code = [cell for cell in read(path.stem).cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
