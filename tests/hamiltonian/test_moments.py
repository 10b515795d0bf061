"""Moments of atoms (Bohr magnetons where occupied states are known, else ratios) and direction of the magnetization."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from hpcalo.app.verbs.convert import convert
from hpcalo.hamiltonian.exchange import PAULI, odd_part, unit_vector
from hpcalo.hamiltonian.magnetization import direction_of, with_magnetization
from hpcalo.hamiltonian.readers.overlapping import lcao_model
from hpcalo.hamiltonian.types import Crystal, WannierModel


@pytest.mark.parametrize(("fermi", "moment", "unit"), [(12.6312, 2.357, "Bohr magneton"), (None, 1.0, "1")])
def test_iron(shared: Path, tmp_path: Path, fermi: float | None, moment: float, unit: str) -> None:
    convert(shared / "data/fe/Fe", tmp_path / "fe.h5", force=False, options={"fermi_energy": fermi})
    with h5py.File(tmp_path / "fe.h5") as file:
        stored = file["crystal/moments"]
        assert stored[0] == pytest.approx(moment, abs=2e-3)
        assert stored.attrs["units"] in {unit, unit.encode()}


def magnet(*exchange: tuple[float, float, float], fermi_energy: float | None = None) -> WannierModel:
    """One orbital on each atom of a chain with hopping 1, with these exchange splittings Δ n̂ (eV)."""
    N = len(exchange)
    R = np.array([(-1, 0, 0), (0, 0, 0), (1, 0, 0)])
    inside = np.diag(np.ones(N - 1), 1)
    across = np.zeros((N, N))
    across[-1, 0] = 1.0
    H = np.stack([np.kron(across.T, np.eye(2)), np.kron(inside + inside.T, np.eye(2)), np.kron(across, np.eye(2))])
    H = H.astype(complex)
    for i, split in enumerate(exchange):
        H[1, 2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += 0.5 * np.tensordot(split, PAULI, 1)
    positions = np.arange(N)[:, None] * np.array([[1.5, 0.0, 0.0]])
    crystal = Crystal(np.diag([1.5 * N, 9.0, 9.0]), (True, False, False), positions, ("Mn",) * N, np.zeros(N))
    up, down = np.arange(0, 2 * N, 2), np.arange(1, 2 * N, 2)
    return WannierModel(
        crystal, R, H, np.repeat(positions, 2, axis=0),
        up=up, down=down, odd_Rnn=odd_part(H, up, down), fermi_energy=fermi_energy,
    )  # fmt: skip


def warned(model: WannierModel) -> str:
    return next((note for note in model.notes if note.startswith("warning: ")), "")


NOISE = 2e-5 * unit_vector((0.3, 0.2, 0.93))
AXIS = unit_vector((1.0, 2.0, 0.0))


@pytest.mark.parametrize("fermi_energy", [None, -0.2, 0.0])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_direction_of_an_antiferromagnet_is_not_that_of_noise(noise: float, fermi_energy: float | None) -> None:
    found = with_magnetization(magnet(-AXIS, AXIS + noise * NOISE, fermi_energy=fermi_energy))
    np.testing.assert_allclose(found.n_hat, -AXIS, atol=2e-5)
    assert "antiferromagnet" in warned(found)
    assert "atom 1 (Mn)" in warned(found)
    assert "give n_hat" in warned(found)
    first, second = found.crystal.moments
    assert first > 0.0 > second
    given = with_magnetization(magnet(-AXIS, AXIS, fermi_energy=fermi_energy), (0.0, 0.0, 2.0))
    assert given.n_hat.tolist() == [0.0, 0.0, 1.0]
    assert not warned(given) or "perpendicular" in warned(given)


def test_moments_without_a_common_axis_and_no_moments() -> None:
    turn = [np.array([np.cos(a), np.sin(a), 0.0]) for a in np.radians([0, 120, 240])]
    triangle = with_magnetization(magnet(*turn))
    assert triangle.n_hat.tolist() == [0.0, 0.0, 1.0]
    assert "no common axis" in warned(triangle)
    assert triangle.crystal.sublattices == (1, 2, 3)
    assert any(
        "not collinear (1: Mn1, 2: Mn2, 3: Mn3); torque and other n̂: all moments turn" in n for n in triangle.notes
    )
    weak = with_magnetization(magnet(NOISE, 2 * NOISE))
    assert weak.n_hat.tolist() == [0.0, 0.0, 1.0]
    assert "hardly magnetic" in warned(weak)
    assert "0.04 meV" in warned(weak)


def test_ferromagnets_and_ferrimagnets_have_the_direction_of_their_moment() -> None:
    assert not warned(with_magnetization(magnet(AXIS, 0.2 * AXIS)))
    ferrimagnet = with_magnetization(magnet(-1.5 * AXIS, AXIS))
    np.testing.assert_allclose(ferrimagnet.n_hat, -AXIS, atol=1e-12)
    assert ferrimagnet.crystal.sublattices == (1, 2)
    assert not warned(ferrimagnet)
    # Exchange that cancels and unlike sites: the moment decides.
    split, moments = np.array([AXIS, -AXIS]), np.array([0.5 * AXIS, -1.0 * AXIS])
    n, warning = direction_of(split, moments, ("Mn", "Fe"))
    np.testing.assert_allclose(n, -AXIS)
    assert not warning


def test_a_direction_given_in_the_table_is_the_models(shared: Path, tmp_path: Path) -> None:
    source, options = shared / "cases/06-antiferromagnet-noise/x_hr.dat", {"spin": "interleaved"}
    _, model = convert(source, tmp_path / "a.h5", force=False, options=options)
    assert model.n_hat.tolist() == [1.0, 0.0, 0.0]
    assert "antiferromagnet" in warned(model)
    _, model = convert(source, tmp_path / "b.h5", force=False, options=options, overrides=["n_hat=[-1,0,0]"])
    assert model.n_hat.tolist() == [-1.0, 0.0, 0.0]
    assert not warned(model)
    assert any("(-1, 0, 0) as given" in note for note in model.notes)


@pytest.mark.parametrize(
    "exchange",
    [(-AXIS, AXIS), (AXIS, AXIS), (2.0 * AXIS, -AXIS, 0.05 * AXIS), (AXIS, -AXIS, AXIS, -AXIS)],
    ids=["antiferromagnet", "ferromagnet", "ferrimagnet with a weak atom", "four atoms"],
)
def test_atomic_orbitals_find_the_sublattices_of_wannier_functions(exchange: tuple[np.ndarray, ...]) -> None:
    """The same matrices with an overlap of 1; moments that no file tells are ratios, so that opposite atoms differ."""
    wannier = magnet(*map(tuple, exchange))
    expected = with_magnetization(wannier)
    S = np.zeros((3, len(exchange), len(exchange)))
    S[1] = np.eye(len(exchange))
    tau = wannier.crystal.positions
    found = lcao_model(wannier.crystal, wannier.R, wannier.H_Rnn, S, tau, None)
    assert found.crystal.sublattices == expected.crystal.sublattices
    several = bool(expected.crystal.sublattices)
    assert several == any(note.startswith("magnetic sublattices, collinear") for note in found.notes)
    if several:
        np.testing.assert_allclose(found.crystal.moments, expected.crystal.moments, atol=2e-3)
