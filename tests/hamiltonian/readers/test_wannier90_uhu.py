"""`.uHu` in every dialect of its programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wannier_dialects import records_of, with_marks
from wannierized import Run, larger

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions

OPTIONS = WannierOptions(external_terms=True, thickness=8.0)


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    Run(larger(), 5).write(tmp_path / "x")
    return tmp_path / "x"


def formatted(path: Path) -> None:
    """As pw2wannier90 with uHu_formatted writes it."""
    items = records_of(path)
    rows = [items[0].decode(), " ".join(str(i) for i in np.frombuffer(items[1], "<i4"))]
    rows += [f"{z.real:26.16E}{z.imag:26.16E}" for item in items[2:] for z in np.frombuffer(item, complex)]
    path.write_text("\n".join(rows) + "\n")


@pytest.mark.parametrize(
    "change",
    [formatted, lambda path: with_marks(path, ">", 4), lambda path: with_marks(path, "<", 8)],
    ids=["formatted", "big-endian", "8-byte marks"],
)
def test_dialects(seed: Path, change) -> None:
    expected = read_wannier90(seed, OPTIONS).external_Rvnn
    change(seed.with_suffix(".uHu"))
    found = read_wannier90(seed, OPTIONS)
    assert found.external_source == "x.uHu"
    np.testing.assert_allclose(found.external_Rvnn, expected, atol=1e-13)


def test_matrices_of_other_states_are_refused(seed: Path) -> None:
    path = seed.with_suffix(".uHu")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="truncated"):
        read_wannier90(seed, OPTIONS)
    Run(larger(), 5, gauge=True).write(seed.with_name("y"))
    path.write_bytes(seed.with_name("y.uHu").read_bytes())
    with pytest.raises(ModelError, match="different runs"):
        read_wannier90(seed, OPTIONS)
