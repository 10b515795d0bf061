"""Models made symmetric, judged by what knows nothing of how: responses at related k-points, wedge and full mesh."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from random_crystals import random_crystal, turned_on_sites

from hpcalo.hamiltonian.kmesh import uniform_mesh
from hpcalo.hamiltonian.orbitals import Orbital, angular_functions
from hpcalo.hamiltonian.readers.wannier90.assemble import read_with_replicas
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.readers.wannier90.projections import read_orbitals
from hpcalo.hamiltonian.replicas import fold
from hpcalo.hamiltonian.symmetrize.model import symmetrized_model
from hpcalo.hamiltonian.symmetry import candidates, identity
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.kubo.states.operators import SPIN
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, VELOCITY_VELOCITY, Request, Sums
from hpcalo.kubo.sums.symmetry import symmetrized
from hpcalo.kubo.sums.symmetry_check import symmetries_of

KINDS = (TORQUE_VELOCITY, TORQUE_TORQUE, VELOCITY_VELOCITY)
EXACT = 1e-12
ROUNDING = 1e-10  # of responses at one k-point between near levels; the matrices are symmetric to 1e-14
FE, FETE = ("fe/Fe", 12.6312, 16), ("fete/FeTe", 6.4264, 8)


def request(model: WannierModel, kinds=KINDS) -> Request:
    centre = model.fermi_energy or 0.0
    return Request(
        crystal=model.crystal,
        energies=centre + np.linspace(-2.0137, 2.0, 21),
        gammas=np.array([0.05]),
        mu=centre + np.array([0.1]),
        kt=np.array([0.03]),
        sums=Sums(kinds, kinds, kinds, (SPIN,)),
    )


def operations_of(model: WannierModel, tolerance: float = ROUNDING, kinds=KINDS) -> tuple[int, int]:
    """How many operations the model has, and its crystal."""
    ask = request(model, kinds)
    solver = WannierStates(model, ask.need())
    wanted = candidates(model.crystal, model.n_hat)
    return len(symmetries_of(solver, wanted, ask, tolerance).operations), len(wanted)


@cache
def converted(data: Path, case: tuple[str, float, int], *, projections: bool = True):
    """The model as it is, and made symmetric, replicas folded in."""
    seed, fermi, _ = case
    model, folding = read_with_replicas(data / seed, WannierOptions(fermi_energy=fermi))
    orbitals = read_orbitals(data / f"{seed}.win") if projections else None
    new, apart = symmetrized_model(model, folding, orbitals)
    return fold(model, folding), fold(new, apart) if apart is not None else new


@pytest.mark.parametrize("projections", [True, False], ids=["projections", "data"])
@pytest.mark.parametrize("case", [FE, FETE], ids=["Fe", "FeTe"])
def test_every_operation_of_the_crystal_holds(shared, case, projections):
    old, new = converted(shared / "data", case, projections=projections)
    count = case[2]
    if projections:
        assert operations_of(old)[0] == 1
    kinds = (TORQUE_TORQUE, VELOCITY_VELOCITY) if case is FE else KINDS  # torque-velocity cancels with inversion
    assert operations_of(new, EXACT, kinds) == (count, count)
    assert any(("projections" if projections else "H and spin") in note for note in new.notes)


def summed(model: WannierModel, operations, grid=(4, 4, 4), shift=(0.0, 0.0, 0.0)):
    ask = request(model)
    solver = WannierStates(model, ask.need())
    mesh = uniform_mesh(grid, shift, operations, solver.order)
    raw = sum_block(solver, mesh.points, mesh.weights, ask, slice(None))
    return symmetrized(raw, mesh.operations, ask), len(mesh.points)


@pytest.mark.parametrize("case", [FE, FETE], ids=["Fe", "FeTe"])
def test_wedge_equals_full_mesh(shared, case):
    """Sums with a width; those with steps in energy have them at levels that differ by rounding."""
    _, model = converted(shared / "data", case)
    shift = (0.5, 0.5, 0.5)
    wedge, few = summed(model, candidates(model.crystal, model.n_hat), shift=shift)
    full, all_points = summed(model, (identity(),), shift=shift)
    assert all_points == 64
    assert few <= 32
    compared = 0
    for name, (kind, pair) in request(model).pair_sums().items():
        if kind == "sea" or (case is FE and pair == TORQUE_VELOCITY):  # which vanishes with inversion
            continue
        scale = np.abs(full[name]).max()
        np.testing.assert_allclose(wedge[name], full[name], rtol=0, atol=EXACT * scale, err_msg=name)
        compared += 1
    assert compared == (4 if case is FE else 6)


def test_results_change_by_no_more_than_the_files_violate_symmetry(shared):
    """FeTe: H and spin are symmetric to the files' digits, so torque-torque sums stay; r was uncertain, so those with a
    velocity change by per cents of their maxima. Iron, where r is symmetric, keeps everything.
    """
    for case, limits in ((FE, dict.fromkeys(KINDS, 1e-4)), (FETE, dict(zip(KINDS, (2e-2, 1e-5, 2e-2), strict=True)))):
        old, new = converted(shared / "data", case)
        shift = (0.2, 0.1, 0.3)  # no level at an energy of the axis, where a sum jumps
        before, after = (summed(model, (identity(),), shift=shift)[0] for model in (old, new))
        checked = 0
        for name, (kind, pair) in request(old).pair_sums().items():
            scale = np.abs(before[name]).max()
            if kind == "broadened" and not (case is FE and pair == TORQUE_VELOCITY):
                checked += 1
                assert np.abs(after[name] - before[name]).max() < limits[pair] * scale, (case[0], name)
        assert checked == (2 if case is FE else 3)


CELLS = {
    "triangular, rounded lattice": (
        np.array([[2.5, 0.0, 0.0], [-1.25, 2.1650635, 0.0], [0.0, 0.0, 20.0]]),
        [("Fe", (0.0, 0.0, 0.0))],
        [[Orbital(l, mr, np.zeros(3)) for l in (0, 2, 3) for mr in angular_functions(l)]],
        2.6,
        (True, True, False),
        24,
    ),
    "diamond, hybrids": (
        np.array([[0.0, 1.8, 1.8], [1.8, 0.0, 1.8], [1.8, 1.8, 0.0]]),
        [("Fe", (0.1, 0.2, 0.3)), ("Fe", (0.35, 0.45, 0.55))],
        [[Orbital(-3, mr, np.zeros(3)) for mr in angular_functions(-3)]] * 2,
        1.7,
        (True, True, True),
        16,
    ),
    "hexagonal close packed, in other cells": (
        np.array([[2.5, 0.0, 0.0], [-1.25, 2.5 * np.sqrt(0.75), 0.0], [0.0, 0.0, 4.0]]),
        [("Fe", (1 / 3, 2 / 3, 0.25)), ("Fe", (2 / 3 + 1, 1 / 3, 0.75))],
        [[Orbital(-4, mr, np.zeros(3)) for mr in angular_functions(-4)]] * 2,
        2.6,
        (True, True, True),
        24,
    ),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_random_hamiltonian_becomes_symmetric(cell):
    """Nothing of it is, so all comes from the average; then a gauge that is not that of the orbitals is recovered."""
    *crystal, count = cell
    model, orbitals = random_crystal(*crystal)
    assert operations_of(model, 1e-3)[0] == 1
    new, _ = symmetrized_model(model, None, orbitals, limit=np.inf)
    assert operations_of(new) == (count, count)
    other, _ = turned_on_sites(new)
    rng = np.random.default_rng(1)
    spoiled = replace(other, H_Rnn=other.H_Rnn + 1e-6 * (rng.random(other.H_Rnn.shape) - 0.5))
    assert operations_of(spoiled)[0] == 1
    again, _ = symmetrized_model(spoiled, None, orbitals)
    assert operations_of(again) == (count, count)
    assert np.abs(again.H_Rnn - other.H_Rnn).max() < 1e-6
    assert any("projections do not describe these functions" in note for note in again.notes)
