"""The notebooks run, and what they assert holds."""

from __future__ import annotations

import pytest
from limits import HANG
from places import NOTEBOOKS as NOTEBOOKS_FOLDER

NOTEBOOKS = sorted(NOTEBOOKS_FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
def test_notebook_runs(path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    client.NotebookClient(notebook, timeout=int(HANG), kernel_name="python3", resources=resources).execute()


def test_notebooks_are_kept_with_their_outputs():
    """The site shows them as they are in the repository."""
    nbformat = pytest.importorskip("nbformat")
    for path in NOTEBOOKS:
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        assert any(o.get("data", {}).get("image/png") for c in cells for o in c.outputs), path.name
        assert not any(o.output_type == "error" for c in cells for o in c.outputs), path.name
