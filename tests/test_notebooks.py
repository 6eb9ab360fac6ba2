"""The quickstart notebook: runs from top to bottom, and is stored without outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "quickstart.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    """Read the notebook as it is stored."""
    return nbformat.read(NOTEBOOK, as_version=4)


def test_the_quickstart_runs_from_top_to_bottom(
    notebook: nbformat.NotebookNode, tmp_path: Path
) -> None:
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()

    printed = "".join(
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stdout"
    )
    assert "frames, height, width: (60, 360, 640)" in printed
    (folder,) = tmp_path.glob("outputs/*/instance1/masks_overall")
    areas = [int(np.count_nonzero(Image.open(file))) for file in sorted(folder.glob("*.png"))]
    assert len(areas) == 60
    assert all(0 < area < 360 * 640 / 4 for area in areas)


def test_the_quickstart_is_stored_without_outputs(notebook: nbformat.NotebookNode) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
