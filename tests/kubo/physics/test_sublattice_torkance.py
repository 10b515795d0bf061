"""Torkance by sublattice: the closed form of a PT-symmetric antiferromagnet, parity, sums, real magnets and films."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from mpi4py.MPI import Intracomm
from places import MODELS, REPOSITORY
from wannier_files import bloch

import hpcalo.api
from hpcalo import app
from hpcalo.errors import InputError
from hpcalo.hamiltonian.antiferromagnet import antiferromagnet
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.exchange import on_pairs, pauli_on_pairs, unit_vector
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.symmetry import candidates
from hpcalo.hamiltonian.turning import spin_rotation
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.sublattice_torkance import PAIR, SublatticeTorkance
from hpcalo.kubo.responses.torkance import Torkance
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.operators import SPIN, TORQUE
from hpcalo.kubo.states.sublattice_torque import SUBLATTICE_TORQUE
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Request, Sums
from hpcalo.kubo.sums.symmetry_check import symmetries_of
from hpcalo.units import BOHR_IN_ANGSTROM

T, T2, RASHBA, DELTA = 1.0, 0.3, 0.4, 0.8
N_HAT = unit_vector((0.48, -0.36, 0.8))
ENERGIES = np.linspace(-2.2, 1.3, 8)
GAMMA = 0.15
K = grid(10, 12)


def sums(model: WannierModel, **options) -> RunSums:
    pairs = (PAIR, TORQUE_VELOCITY)
    return run_sums(
        model,
        K if model.crystal.dimensions == 2 else grid(3, 2, 3),
        ENERGIES,
        broadened=pairs,
        sea=pairs,
        gammas=(GAMMA,),
        **options,
    )


def closed_form(k: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """t^odd of the cell and t^even of A minus B, (torque, field, energy) in e a0, from the algebra of Γ = (τ_x, τ_z σ).

    H = ε + d·Γ, T_i = t_i·Γ, v_j = ∂_j ε + w_j·Γ. Traces over the twofold levels ε ± |d|: 2 (t·d̂)(w·d̂ ± ∂_j ε) within
    a level, 2 [t·w − (t·d̂)(w·d̂)] between the two. A minus B is T'_i = (Δ/2) (n̂ × σ)_i with σ_z = −iΓ_1Γ_2, …: from the
    lower to the upper level 2i (Δ/2) [n̂ × (d̂ × w_j)]_i, in the other order its complex conjugate.
    """
    x, y = 2.0 * np.pi * k[:, 0], 2.0 * np.pi * k[:, 1]
    zero = np.zeros_like(x)
    eps = -2.0 * T2 * (np.cos(x) + np.cos(y))
    d = np.stack([-4.0 * T * np.cos(x / 2) * np.cos(y / 2), RASHBA * np.sin(y), -RASHBA * np.sin(x), zero], axis=1)
    d[:, 1:] += 0.5 * DELTA * n
    size = np.linalg.norm(d, axis=1)
    along_x = np.stack([2.0 * T * np.sin(x / 2) * np.cos(y / 2), zero, -RASHBA * np.cos(x), zero], axis=1)
    along_y = np.stack([2.0 * T * np.cos(x / 2) * np.sin(y / 2), RASHBA * np.cos(y), zero, zero], axis=1)
    drift = 2.0 * T2 * np.sin(x), 2.0 * T2 * np.sin(y)
    low, high = eps - size, eps + size
    a, b = ENERGIES[:, None] - low, ENERGIES[:, None] - high
    green_low, green_high = GAMMA / (a**2 + GAMMA**2), GAMMA / (b**2 + GAMMA**2)
    gap = 2.0 * size  # of (n, m) = (low, high)
    log = np.angle((-b - 1j * GAMMA) / (-a - 1j * GAMMA))
    bracket = gap * green_low * green_high / GAMMA - 2.0 * green_high / gap + 2.0 * log / gap**2
    bracket -= -gap * green_low * green_high / GAMMA + 2.0 * green_low / gap - 2.0 * log / gap**2
    odd, even = np.zeros((3, 2, len(ENERGIES))), np.zeros((3, 2, len(ENERGIES)))
    for j, w in enumerate((along_x, along_y)):
        w_along = (w * d).sum(axis=1) / size
        across = 0.5 * DELTA * np.cross(n, np.cross(d[:, 1:], w[:, 1:])) / size[:, None]
        for i in range(3):
            t = 0.5 * DELTA * np.concatenate([[0.0], np.cross(n, np.eye(3), axisb=1)[:, i]])
            t_along = (d @ t) / size
            total = 2.0 * green_low**2 * t_along * (w_along - drift[j])
            total += 2.0 * green_high**2 * t_along * (w_along + drift[j])
            total += 4.0 * green_low * green_high * (w @ t - t_along * w_along)
            odd[i, j] = total.mean(axis=1) / np.pi
            even[i, j] = (2.0 * across[:, i] * bracket).mean(axis=1) / (2.0 * np.pi)
    return odd / BOHR_IN_ANGSTROM, even / BOHR_IN_ANGSTROM


@pytest.mark.parametrize("n", [(0.48, -0.36, 0.8), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)])
def test_closed_form_of_a_pt_symmetric_antiferromagnet(n: tuple[float, float, float]) -> None:
    """The cell's torque is odd only, the staggered one even only, both as the closed form has them."""
    model = antiferromagnet(T, T2, RASHBA, DELTA, n_hat=n)
    run = sums(model)
    found, whole = SublatticeTorkance().compute(run), Torkance().compute(run)
    odd, even = closed_form(K, np.array(n))
    top = min(np.abs(odd).max(), np.abs(even).max())
    assert top > 0.01
    np.testing.assert_allclose(whole["torkance_odd"][0, 0], odd, atol=1e-10)
    np.testing.assert_allclose(found["staggered_torkance_even"][0, 0], even, atol=1e-10)
    for zero in (whole["torkance_even"], whole["torkance_intrinsic"], found["staggered_torkance_odd"]):
        assert np.abs(zero).max() < 1e-11
    for part in ("even", "odd", "intrinsic"):
        total = found[f"sublattice_torkance_{part}"].sum(axis=-4)
        np.testing.assert_allclose(total, whole[f"torkance_{part}"], atol=1e-13)


def test_turned_neel_vector_and_parity_of_each_sublattice() -> None:
    """The model made for ẑ and turned is the one made for n̂; a reversed one has the same and opposite parts."""
    turned = sums(antiferromagnet(T, T2, RASHBA, DELTA), n_hat=[N_HAT, -N_HAT])
    made = sums(antiferromagnet(T, T2, RASHBA, DELTA, n_hat=tuple(N_HAT)))
    found, expected = SublatticeTorkance().compute(turned), SublatticeTorkance().compute(made)
    for part, sign in (("even", 1.0), ("odd", -1.0), ("intrinsic", 1.0)):
        t = found[f"sublattice_torkance_{part}"]
        np.testing.assert_allclose(t[0], expected[f"sublattice_torkance_{part}"][0], atol=1e-12)
        np.testing.assert_allclose(t[1], sign * t[0], atol=1e-12)


def ferrimagnet() -> WannierModel:
    """A magnet without any symmetry with three orbitals on three sites: the second points the other way, the third has
    hardly any exchange, and the exchange reaches from site to site.
    """
    model = ferromagnet(orbitals=3, n_hat=tuple(N_HAT))
    factor = np.array([1.0, -0.7, 0.05, 1.0, -0.7, 0.05])
    odd = 0.5 * (factor[:, None] + factor) * model.odd_Rnn
    return replace(model, H_Rnn=model.H_Rnn - model.odd_Rnn + odd, odd_Rnn=odd)


@pytest.mark.parametrize("true_spin", [False, True])
def test_sublattices_of_a_ferrimagnet(true_spin: bool) -> None:
    """Found from the exchange; each torque is the derivative of H by a rotation of that exchange field alone."""
    model = with_magnetization(ferrimagnet())
    assert model.crystal.sublattices == (1, 2, 0)
    assert any("collinear (1: X11, 2: X22, rest: X33)" in note for note in model.notes)
    if true_spin:
        spin = np.zeros((len(model.R), 3, 6, 6), dtype=complex)
        spin[model.home] = pauli_on_pairs(model.up, model.down)
        model = replace(model, spin_Rvnn=spin)
    k = np.array([0.13, 0.37, 0.21])
    need = frozenset({SUBLATTICE_TORQUE, TORQUE})
    states = WannierStates(model, need).line(k[0], k[1], k[2:], need)
    torque = states[SUBLATTICE_TORQUE][0].reshape(6, 3, 3, 6)
    np.testing.assert_allclose(torque.sum(axis=1), states[TORQUE][0], atol=1e-12)
    share = np.array([[1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]])
    step = 1e-4
    for s in range(3):
        exchange = 0.5 * (share[s][:, None] + share[s]) * model.odd_Rnn
        for v in range(3):
            shifts = []
            for angle in (step, -step):
                U = on_pairs(spin_rotation(np.eye(3)[v], angle), model.up, model.down)
                H = model.H_Rnn - exchange + U @ exchange @ U.conj().T
                shifts.append(np.linalg.eigvalsh(bloch(model, H, k)[0]))
            diagonal = np.einsum("nn->n", torque[:, s, v]).real
            np.testing.assert_allclose(diagonal, (shifts[0] - shifts[1]) / (2.0 * step), atol=1e-6)


def test_one_sublattice_has_all_of_the_torkance() -> None:
    run = sums(ferromagnet(orbitals=2))
    found, whole = SublatticeTorkance().compute(run), Torkance().compute(run)
    assert "staggered_torkance_even" not in found
    np.testing.assert_allclose(found["sublattice_torkance_odd"][:, :, 0], whole["torkance_odd"], atol=1e-13)


def test_atomic_orbitals_by_sublattice() -> None:
    """A film whose layers are called sublattices, its exchange partly across n̂, turned: the sum is the torque."""
    film = read_model(MODELS / "mnw3_dzp.h5")
    film = replace(film, crystal=replace(film.crystal, sublattices=(1, *[2] * (len(film.crystal.symbols) - 1))))
    rng = np.random.default_rng(2)
    across = 0.1 * rng.normal(size=(3, *film.up_Rnn.shape[1:]))
    canted = np.zeros((3, *film.up_Rnn.shape))
    canted[:, int(np.flatnonzero((film.R == 0).all(axis=1))[0])] = across + across.mT
    film = replace(film, canted_vRnn=canted)
    need = frozenset({SUBLATTICE_TORQUE, TORQUE})
    states = LcaoStates(film, N_HAT, need).line(0.0, 0.11, np.array([0.37]), need)
    parts, whole = states[SUBLATTICE_TORQUE][0], states[TORQUE][0]
    assert min(np.abs(parts[:, :3]).max(), np.abs(parts[:, 3:]).max()) > 1e-3
    np.testing.assert_allclose(parts[:, :3] + parts[:, 3:], whole, atol=1e-11 * np.abs(whole).max())


@pytest.mark.parametrize("n", [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0)])
def test_operations_that_exchange_the_sublattices(n: tuple[float, float, float]) -> None:
    """Twice as many as keep each of them, among them inversion with time reversal; the sums at gk are those at k."""
    model = antiferromagnet(T, T2, RASHBA, DELTA, n_hat=n)
    few, all_of_them = (candidates(model.crystal, model.n_hat, exchanging=e) for e in (False, True))
    assert len(all_of_them) == 2 * len(few)
    assert "inversion with T" in [op.label for op in all_of_them if op.exchanges]
    pairs = (PAIR, TORQUE_VELOCITY)
    axes = (np.array([-1.0, 0.5]), np.array([GAMMA]), np.zeros(0), np.zeros(0))
    request = Request(model.crystal, *axes, Sums(broadened=pairs, sea=pairs, levels=(SPIN,)))
    found = symmetries_of(WannierStates(model, request.need()), all_of_them, request, 1e-6)
    assert len(found.operations) == len(all_of_them)
    # Not of a ferrimagnet, whose sublattices differ.
    unlike = replace(model.crystal, moments=np.array([1.0, -0.8, 0.0, 0.0]))
    assert not [op for op in candidates(unlike, model.n_hat, exchanging=True) if op.exchanges]


def test_the_guide_page_as_it_is(tmp_path: Path, world: Intracomm) -> None:
    """Its input runs; what PT symmetry forbids is 0, and the file names the sublattices."""
    page = (REPOSITORY / "docs" / "guide" / "antiferromagnets.md").read_text()
    source = tmp_path / "antiferromagnet.toml"
    source.write_text(page.partition('title="antiferromagnet.toml"\n')[2].partition("```")[0])
    smaller = ("kubo.k.grid=[12,12,1]", "kubo.energies.points=5")
    app.run(world, source, output=tmp_path / "a.h5", quiet=True, overrides=smaller)
    result = read_dataset(tmp_path / "a.h5")
    assert [str(s) for s in result["sublattice"]] == ["1", "2"]
    for name in ("torkance_even", "torkance_intrinsic", "staggered_torkance_odd"):
        assert not np.any(result[name])
    for name in ("torkance_odd", "staggered_torkance_even", "staggered_torkance_intrinsic", "sublattice_torkance_odd"):
        assert np.abs(result[name]).max() > 1e-4
        assert result.variables[name].error is not None
    # The sum over sublattices is checked where the cell has a torque: of the odd part.
    assert [check.status for check in SublatticeTorkance().checks(result)] == ["passed"]


def test_sublattices_given_in_the_table(tmp_path: Path) -> None:
    """They replace those that are found, survive the model file, and must fit the atoms."""
    model = hpcalo.api.load_model("antiferromagnet", sublattices=[1, 1, 2, 0])
    assert model.crystal.sublattices == (1, 1, 2, 0)
    assert "magnetic sublattices as given (1: Mn1 Mn2, 2: O3, rest: O4)" in model.notes
    write_model(tmp_path / "a.h5", model)
    assert read_model(tmp_path / "a.h5").crystal.sublattices == (1, 1, 2, 0)
    for wrong, text in (([1, 2], "expected 4 numbers, one for each atom"), ([1, 3, 1, 3], "without a gap")):
        with pytest.raises(InputError, match=text):
            hpcalo.api.load_model("antiferromagnet", sublattices=wrong)
