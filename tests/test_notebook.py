"""docs/moments.ipynb: small and valid; a slow test executes it and checks that its network beats chance."""

import json
from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parent.parent / "docs" / "moments.ipynb"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_is_small_and_valid_and_shows_a_figure(notebook):
    nbformat.validate(notebook)
    assert NOTEBOOK.stat().st_size < 100_000
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", ()) for output in outputs)
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def test_no_cell_is_of_another_version_of_the_code(notebook):
    """Cells are executed in order, from the first one on."""
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.slow
def test_finds_moments_better_than_chance(notebook):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("matplotlib")
    means = 'print(json.dumps({"right": float(np.mean(right)), "by_chance": float(np.mean(by_chance))}))'
    notebook.cells.append(nbformat.v4.new_code_cell(means))
    folder = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", resources=folder).execute()
    shares = json.loads(notebook.cells[-1].outputs[-1].text)
    assert shares["right"] > shares["by_chance"] + 0.1
    figures = [
        output for cell in notebook.cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", ())
    ]
    assert len(figures) == 1
