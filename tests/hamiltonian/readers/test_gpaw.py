"""GPAW's .gpw: bands, spin-orbit levels and dipoles are GPAW's own, from the SCF to the torkance (if GPAW is there)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import eigh

import hpcalo.api
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.types import LcaoModel

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
LCAO = {"mode": "lcao", "basis": "dzp", "xc": "PBE", "nbands": "nao", "symmetry": "off", "txt": None}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A chain of iron with a hydrogen atom beside it, five k-points, not converged further than a test needs."""
    gpaw, ase = pytest.importorskip("gpaw"), pytest.importorskip("ase")
    atoms = ase.Atoms("FeH", positions=[[0, 2.4, 2.5], [0.4, 3.2, 3.8]], cell=[3.4, 5.5, 6.0], pbc=(1, 0, 0))
    atoms.set_initial_magnetic_moments([3.0, 0.0])
    calc = gpaw.GPAW(**LCAO, h=0.26, kpts={"size": (5, 1, 1), "gamma": True}, convergence={"density": 1e-3})
    atoms.calc = calc
    atoms.get_potential_energy()
    path = tmp_path_factory.mktemp("gpaw") / "chain.gpw"
    calc.write(str(path), mode="all")
    return path, calc


def at(model: LcaoModel, X_R: np.ndarray, k: np.ndarray) -> np.ndarray:
    return np.tensordot(np.exp(2j * np.pi * k @ model.R.T), X_R, 1)


def test_levels_with_and_without_spin_orbit_coupling(chain: tuple[Path, Any]) -> None:
    """Those of GPAW at its k-points, to rounding; positions are their own adjoint; moments and charges are GPAW's."""
    from gpaw.spinorbit import soc_eigenstates  # noqa: PLC0415

    path, calc = chain
    model = hpcalo.api.load_model(path)
    k = calc.get_bz_k_points()
    S, *spins = (at(model, X, k) for X in (model.S_Rnn, model.up_Rnn, model.down_Rnn))
    for spin, H in enumerate(spins):
        for i in range(len(k)):
            np.testing.assert_allclose(eigh(H[i], S[i])[0], calc.get_eigenvalues(i, spin), atol=1e-9)
    theirs = soc_eigenstates(calc).eigenvalues()
    coupling = [at(model, X, k) for X in model.soc_vRnn]
    split = 0.0
    for i in range(len(k)):
        mean, half = 0.5 * (spins[0][i] + spins[1][i]), 0.5 * (spins[0][i] - spins[1][i])
        H = np.kron(np.eye(2), mean) + np.kron(PAULI[2], half)
        plain = eigh(H, np.kron(np.eye(2), S[i]))[0]
        H = H + sum(np.kron(PAULI[v], 1j * coupling[v][i]) for v in range(3))
        levels = eigh(H, np.kron(np.eye(2), S[i]))[0]
        np.testing.assert_allclose(levels, theirs[i], atol=1e-8)
        split = max(split, float(np.abs(levels - plain).max()))
    assert split > 0.01
    assert model.electrons == 9.0
    assert model.fermi_energy == pytest.approx(calc.get_fermi_level(), abs=1e-9)
    np.testing.assert_allclose(model.crystal.moments, calc.get_magnetic_moments(), atol=1e-3)


def test_from_scf_to_torkance(chain: tuple[Path, Any]) -> None:
    settings = {
        "quantities": ["torkance"],
        "gamma": [0.1],
        "k": {"grid": [24, 1, 1]},
        "energies": {"minimum": -0.5, "maximum": 0.5, "points": 3},
    }
    data = hpcalo.api.run({"model": {"gpaw": str(chain[0])}, "kubo": settings})
    assert np.isfinite(data["torkance_even"]).all()
    assert np.abs(data["torkance_even"]).max() > 1e-4


def test_dipole_of_a_molecule() -> None:
    """Σ Z τ − Tr ρ r is the dipole that GPAW has from its density on the grid: of HF, 0.367 e Å."""
    gpaw, ase = pytest.importorskip("gpaw"), pytest.importorskip("ase")
    from gpaw.lcao.tools import get_lcao_hamiltonian  # noqa: PLC0415

    from hpcalo.hamiltonian.readers.gpaw.matrices import positions  # noqa: PLC0415

    atoms = ase.Atoms("FH", positions=[[2.5, 2.5, 2.6], [2.5, 2.5, 3.53]], cell=[5, 5, 6.0], pbc=(1, 0, 0))
    calc = gpaw.GPAW(**LCAO, h=0.2, kpts={"size": (2, 1, 1), "gamma": True}, convergence={"density": 1e-6})
    atoms.calc = calc
    atoms.get_potential_energy()
    H, S = get_lcao_hamiltonian(calc)
    r_kMN = positions(calc)[2]
    heights = np.repeat([2.6, 3.53], [setup.nao for setup in calc.dft.setups])
    electrons = 0.0
    for i in range(2):
        occupied = eigh(H[0, i], S[i])[1][:, :4]
        electrons += float(np.einsum("mn,mk,kn->", occupied.conj(), r_kMN[i] + S[i] * heights, occupied).real)
    assert 7 * 2.6 + 3.53 - electrons == pytest.approx(calc.get_dipole_moment()[2], abs=3e-4)


def test_what_gpaw_must_have_done(tmp_path: Path) -> None:
    gpaw, ase = pytest.importorskip("gpaw"), pytest.importorskip("ase")
    atoms = ase.Atoms("H", positions=[[0, 2, 2]], cell=[2.0, 4, 4], pbc=(1, 0, 0))
    for options, message in (
        ({**LCAO, "kpts": (2, 1, 1)}, r"x\.gpw: is not spin-polarized"),
        ({**LCAO, "kpts": (3, 1, 1), "symmetry": {}, "spinpol": True}, r"x\.gpw: k-points are reduced by symmetry"),
        ({"mode": "fd", "txt": None, "kpts": (2, 1, 1), "spinpol": True}, r"x\.gpw: is not of GPAW's mode='lcao'"),
    ):
        calc = gpaw.GPAW(**options, h=0.35, convergence={"density": 0.1, "eigenstates": 1.0, "energy": 1.0})
        atoms.calc = calc
        atoms.get_potential_energy()
        calc.write(str(tmp_path / "x.gpw"), mode="all")
        with pytest.raises(ModelError, match=message):
            hpcalo.api.load_model(tmp_path / "x.gpw")
    (tmp_path / "x.gpw").write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"x\.gpw: GPAW cannot read it"):
        hpcalo.api.load_model(tmp_path / "x.gpw")


def test_without_gpaw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"x\.gpw: not found"):
        hpcalo.api.load_model(tmp_path / "x.gpw")
    (tmp_path / "x.gpw").touch()
    monkeypatch.setitem(sys.modules, "gpaw", None)
    with pytest.raises(InputError, match=r"needs GPAW, which is not installed: pip install 'hpcalo\[gpaw\]'"):
        hpcalo.api.load_model(tmp_path / "x.gpw")
