"""Which operations a run uses by default, what it says about them, and what they do to its results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from places import INPUTS

from hpcalo import app
from hpcalo.app.inputs import load_input
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.symmetry import candidates, closed, subgroup
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.passes import sum_over_k
from hpcalo.kubo.sums.plan import expected_operations, plan, size_of
from hpcalo.kubo.sums.request import SEA, TORQUE_VELOCITY, VELOCITY_VELOCITY, Request, Sums, raw_name
from hpcalo.kubo.sums.symmetry_check import symmetries_of


def planned(source: Path, *overrides: str):
    """Mesh and notes of the first direction of an input."""
    _, settings = load_input(source, overrides)
    model = load_model(settings.model)
    _, n_hat, request = prepare(settings.kubo, model)
    solver = next(solvers(model, n_hat[:1], request.need()))
    return sized(solver, request, settings.kubo.k)


def sized(solver: StateSolver, request: Request, grid: KGrid):
    found = symmetries_of(solver, expected_operations(solver, request, grid), request, grid.largest_violation)
    return size_of(solver, request, grid, found)


def test_iron_takes_its_wedge(shared, tmp_path):
    """All 16 operations, from the shipped model and from the files of Wannier90; without replicas and with them."""
    files = tmp_path / "fe.toml"
    text = (INPUTS / "fe_ahc.toml").read_text().replace('file = "models/fe.h5"', f'wannier90 = "{shared}/data/fe/Fe"')
    files.write_text(text.replace("[kubo]\n", "[kubo]\nn_hat = [[0, 0, 1]]\n"))
    for source, more in ((INPUTS / "fe_ahc.toml", ["model.replicas=true"]), (files, ["model.fermi_energy=12.6"])):
        mesh, notes = planned(source, "kubo.k={grid=[48,48,48]}", *more)
        assert (mesh.count, mesh.full) == (7669, 110592)
        assert notes[0].startswith("7669 of 110592 k-points, 16 of 16 symmetry operations (kept by the Hamiltonian to ")
        assert len(notes) == 1
    assert planned(INPUTS / "fe_ahc.toml", 'kubo.k={grid=[8,8,8],symmetry="off"}')[0].count == 512


def test_what_is_not_used_is_told():
    """FeTe's position matrix breaks six of its eight operations; the half-way shift lets only two map the mesh."""
    mesh, notes = planned(INPUTS / "fete.toml")
    assert len(mesh.operations) == 2
    assert "breaks 6 of the crystal's 8 symmetry operations by more than 1.0e-03: C2 [0 1 0] with T (" in notes[1]
    mesh, notes = planned(INPUTS / "fete.toml", "kubo.k.tolerance=1")
    assert len(mesh.operations) == 2
    assert "mapped onto itself by 2 of 8 operations; with shift = [0, 0, 0]: 8" in notes[1]
    assert "made symmetric with all 8" in notes[1]
    quantities = 'kubo.quantities=["damping"]'  # torque and spin alone: nothing is broken
    assert len(planned(INPUTS / "fete.toml", quantities, "kubo.k.shift=[0,0,0]")[0].operations) == 8


def strained(gap: float):
    """The Rashba film, fourfold but for a hopping along x that is changed by `gap`, eV."""
    model = rashba()
    H = model.H_Rnn.copy()
    for i, r in enumerate(model.R.tolist()):
        if r in ([1, 0, 0], [-1, 0, 0]):
            H[i] += gap * np.eye(2)
    return replace(model, H_Rnn=H)


def request(model, pair=TORQUE_VELOCITY):
    energies = np.linspace(-2.0137, 2.0, 21)
    return Request(model.crystal, energies, np.array([0.05]), np.array([0.1]), np.array([0.03]), Sums((pair,), (pair,)))


def test_a_broken_operation_is_told_and_not_used(comm):
    model = strained(1e-3)
    task = plan(WannierStates(model, request(model).need()), request(model), KGrid(grid=(8, 8, 1)), comm)
    assert len(task.symmetry.operations) == 4
    assert closed(task.symmetry.operations)
    assert sorted(op.label for op, _, _ in task.symmetry.broken) == [
        "C4 [0 0 1]", "C4 [0 0 1]", "mirror [-1 1 0] with T", "mirror [1 1 0] with T",
    ]  # fmt: skip
    assert all(1e-3 < gap < 0.1 for _, gap, _ in task.symmetry.broken)
    assert "breaks 4 of the crystal's 8 symmetry operations" in task.notes[1]


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.31, 0.17, 0.0)])
def test_tensors_are_symmetric_on_any_mesh(comm, shift):
    """A generic shift leaves no wedge, but the elements that must vanish do, and equal ones are equal; "off" assumes
    nothing.
    """
    model = rashba()
    name, ask = raw_name(SEA, VELOCITY_VELOCITY), request(model, VELOCITY_VELOCITY)
    solver = WannierStates(model, ask.need())
    auto, off = (
        sum_over_k(plan(solver, ask, KGrid(grid=(9, 7, 1), shift=shift, symmetry=s), comm), comm).total[name]
        for s in ("auto", "off")
    )
    size = np.abs(off).max()
    assert np.abs(auto[[0, 3]]).max() < 1e-14 * size  # xx and yy of Im W
    np.testing.assert_allclose(auto[1], -auto[2], rtol=0, atol=1e-14 * size)
    np.testing.assert_allclose(auto[1], 0.5 * (off[1] - off[2]), rtol=0, atol=1e-13 * size)


def test_what_a_broken_symmetry_can_do_is_told(comm, tmp_path):
    """FeTe, all operations allowed, with its wedge and without: told for each quantity, part of the error, and true."""
    change = ["kubo.k.grid=[6,6,6]", "kubo.k.shift=[0,0,0]", "kubo.n_hat=[[0,0,-1]]", "kubo.energies.points=21"]
    quantities = '["torkance","spiralization","anomalous_hall","conductivity","damping"]'
    results = {}
    for name, more in (("off", ["kubo.k.symmetry=off"]), ("auto", ["kubo.k.tolerance=1"])):
        output = tmp_path / f"{name}.h5"
        overrides = [*change, *more, f"kubo.quantities={quantities}"]
        app.run(comm, INPUTS / "fete.toml", output=output, quiet=True, overrides=overrides)
        results[name] = read_dataset(output)
    assert "symmetry" not in results["off"].texts["notes"]
    notes = results["auto"].texts["notes"]
    assert "what the broken symmetry can do" in notes
    assert "41 of 216 k-points, 8 of 8 symmetry operations" in notes
    assert app.info(tmp_path / "auto.h5").count("what the broken symmetry can do") == 1
    ratios = {}
    for name, variable in results["auto"].variables.items():
        assert "symmetry_violation" not in results["off"].variables[name].attrs
        x, full, error = variable.data, results["off"].variables[name].data, variable.error
        effect = float(variable.attrs["symmetry_violation"]) * np.sqrt(np.nanmean(x**2))
        ratios[name] = effect / np.sqrt(np.nanmean((x - full) ** 2))
        known = ~np.isnan(error)
        assert np.sqrt(np.mean(error[known] ** 2)) >= 0.99 * effect
    assert min(ratios.values()) > 0.5
    assert np.median(list(ratios.values())) < 20.0


@pytest.mark.mpi
@pytest.mark.ranks(2, 3)
def test_all_ranks_agree_with_one(comm):
    """The operations, their deviations and the notes, to the last bit."""
    model = strained(1e-5)
    ask = request(model)
    solver = WannierStates(model, ask.need())
    alone = symmetries_of(solver, candidates(model.crystal, model.n_hat), ask, 1e-3)
    task = plan(solver, ask, KGrid(grid=(8, 8, 1)), comm)
    assert len(alone.operations) == 8
    assert 1e-6 < alone.worst < 1e-3
    assert task.symmetry.deviations == alone.deviations
    assert all(np.array_equal(task.symmetry.violation[name], parts) for name, parts in alone.violation.items())
    assert sized(solver, ask, KGrid(grid=(8, 8, 1)))[1] == task.notes


def test_a_group_among_operations():
    """Of operations whose products are missing, a group remains."""
    model = rashba()
    whole = candidates(model.crystal, model.n_hat)
    part = [op for op in whole if op.label not in ("C2 [0 0 1]",)]
    assert len(whole) == len(subgroup(whole)) == 8
    assert closed(subgroup(part))
    assert 1 < len(subgroup(part)) < len(part)
