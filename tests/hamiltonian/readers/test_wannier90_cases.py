"""Files in the layouts of public reports (shared/cases, each with a README): what a correct program does with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.loading import load_model, section_for
from hpcalo.hamiltonian.types import WannierModel


@pytest.fixture(scope="module")
def cases(shared: Path) -> Path:
    """The folder of cases; the test is skipped where it is absent."""
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip(f"cases not found: {folder}")
    return folder


def read(cases: Path, name: str, **options: object) -> WannierModel:
    """The model of `<number>-…/<file>`."""
    number, _, file = name.partition("/")
    (folder,) = cases.glob(f"{number}-*")
    model = load_model(section_for(str(folder / file), {"fermi_energy": -0.5, **options}, "a test"))
    assert isinstance(model, WannierModel)
    return model


@pytest.fixture(scope="module")
def baseline(cases: Path) -> WannierModel:
    """The model that most of them vary, read from its `_tb.dat`, checkpoint and spin file."""
    return read(cases, "00/x_tb.dat")


@pytest.mark.parametrize(
    ("name", "options", "missing", "note"),
    [
        ("01/x_tb.dat", {}, {"spin_Rvnn"}, "no file names the atoms: 2 sites"),
        ("02/x_tb.dat", {"spin": "interleaved"}, {"spin_Rvnn", "A_Rvnn"}, "no position matrix (x_tb.dat ends after H)"),
        ("12/a/x_tb.dat", {}, set(), ""),
        ("12/c/x_tb.dat", {}, set(), ""),
        ("12/d/x_tb.dat", {}, set(), ""),
        ("14/x_hr.dat", {"spin": "interleaved"}, {"spin_Rvnn", "A_Rvnn"}, "no position matrix (x_hr.dat has none)"),
        ("16/x_tb.dat", {}, set(), "x.spn has all bands: the 2 that x.chk excludes left out"),
        ("19/x_tb.dat", {"thickness": 6.0, "spin": "interleaved"}, {"spin_Rvnn"}, "at most 1e-07 eV along the third"),
        ("26/b/x_tb.dat", {}, set(), ""),
    ],
    ids=lambda value: value.replace("/", "-") if isinstance(value, str) and "/x" in value else "",
)
def test_the_same_model(
    cases: Path, baseline: WannierModel, name: str, options: dict[str, object], missing: set[str], note: str
) -> None:
    model = read(cases, name, **options)
    for part in ("R", "H_Rnn", "odd_Rnn", "A_Rvnn", "spin_Rvnn", "centres", "up", "down", "n_hat"):
        if part in missing:
            assert getattr(model, part) is None
        else:
            np.testing.assert_array_equal(getattr(model, part), getattr(baseline, part), err_msg=part)
    np.testing.assert_allclose(model.crystal.lattice, baseline.crystal.lattice, atol=1e-9)
    np.testing.assert_allclose(model.crystal.positions, baseline.crystal.positions, atol=1e-8)
    assert model.crystal.volume == pytest.approx(54.0, rel=1e-9)
    assert any(note in line for line in model.notes)
    assert not any(line.startswith("warning") for line in model.notes)


@pytest.mark.parametrize("spin", ["auto", "interleaved"])
def test_a_layer_at_half_of_c(cases: Path, baseline: WannierModel, spin: str) -> None:
    """The position matrix has −14.97 Å for what the checkpoint has at 15.03: the same function, one layer of a film."""
    model = read(cases, "03/x_tb.dat", spin=spin)
    np.testing.assert_allclose(model.centres[:, 2], [14.96, 14.96, 15.03, 15.03], atol=1e-6)
    assert model.A_Rvnn is not None
    np.testing.assert_allclose(np.diagonal(model.A_Rvnn[model.home, 2]), model.centres[:, 2], atol=1e-12)
    np.testing.assert_array_equal(model.H_Rnn, baseline.H_Rnn)
    assert any("taken from x.chk: moved by (0, 0, 30) Å" in note for note in model.notes)


@pytest.mark.parametrize("spin", ["auto", "files"])
def test_a_stub_of_a_formatted_checkpoint(cases: Path, spin: str) -> None:
    with pytest.raises(ModelError, match=r"x\.chk\.fmt: ends before the lattice: truncated; 'w90chk2chk\.x -export'"):
        read(cases, "09/x_tb.dat", spin=spin)
    assert read(cases, "09/x_tb.dat", spin="none").A_Rvnn is not None
