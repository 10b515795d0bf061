"""Wedge against full grid, detection of what a Hamiltonian lacks, meshes and blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from places import MODELS

from hpcalo.errors import InputError
from hpcalo.hamiltonian.builtin import ferromagnet, haldane, rashba
from hpcalo.hamiltonian.kmesh import block_size, mesh_size, uniform_mesh
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.symmetry import candidates, closed, identity
from hpcalo.hamiltonian.turning import rotated
from hpcalo.kubo.states.at_sites import SITE_TORQUE
from hpcalo.kubo.states.atomic_momentum import ATOMIC_MOMENTUM_CURRENT
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.operators import SPIN, VELOCITY
from hpcalo.kubo.states.orbital_momentum import ORBITAL_CURRENT
from hpcalo.kubo.states.spin_current import SPIN_CURRENT, SPIN_VECTOR
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, VELOCITY_VELOCITY, Request, Sums
from hpcalo.kubo.sums.symmetry import symmetrized
from hpcalo.kubo.sums.symmetry_check import SymmetryCheck, symmetries_of

KINDS = (TORQUE_VELOCITY, TORQUE_TORQUE, VELOCITY_VELOCITY, (SPIN_VECTOR, VELOCITY), (SPIN_CURRENT, VELOCITY))


def request(crystal, kinds=KINDS, centre=0.0, levels=()):
    return Request(
        crystal=crystal,
        energies=centre + np.linspace(-2.0137, 2.0, 21),  # no level of the models lies on a grid energy
        gammas=np.array([0.05]),
        mu=centre + np.array([0.1]),
        kt=np.array([0.03]),
        sums=Sums(kinds, kinds, kinds, levels),
    )


def compare(solver, wanted, grid, shift, ask):
    kept = symmetries_of(solver, wanted, ask, 1e-8).operations
    sums = []
    for operations in (kept, (identity(),)):
        mesh = uniform_mesh(grid, shift, operations, solver.order)
        size = mesh_size(grid, shift, operations)
        assert (size.count, size.full, size.operations) == (len(mesh.points), mesh.full, mesh.operations)
        assert mesh.weights.sum() == pytest.approx(1.0)
        total = None
        for block in mesh.blocks(block_size(solver.size)):
            part = sum_block(solver, mesh.points[block], mesh.weights[block], ask, slice(None))
            total = part if total is None else {name: total[name] + part[name] for name in part}
        sums.append((symmetrized(total, mesh.operations, ask), len(mesh.points)))
    for name, values in sums[1][0].items():
        scale = np.abs(values).max()
        np.testing.assert_allclose(sums[0][0][name], values, atol=1e-9 * max(scale, 1e-6), err_msg=name)
    return kept, sums[0][1], sums[1][1]


@pytest.mark.parametrize(
    ("n_hat", "order", "points"),
    [
        ((0, 0, 1), 8, 21),
        ((0, 0, -1), 8, 21),
        ((1, 0, 0), 4, 72),
        ((1, 1, 0), 4, 78),
        ((1, 0, 1), 2, 72),
        ((0.3, 0.5, 0.8), 1, 144),
    ],
)
def test_rashba_wedge_equals_full_grid(n_hat, order, points):
    """4mm film: the group of the magnetization direction; twofold rotation with time reversal leaves every k in its
    place.
    """
    n = np.array(n_hat) / np.linalg.norm(n_hat)
    model = rotated(rashba(), n)
    ask = request(model.crystal, levels=(SPIN,))
    solver = WannierStates(model, ask.need())
    kept, few, _ = compare(solver, candidates(solver.crystal, n), (12, 12, 1), (0.5, 0.5, 0.0), ask)
    assert len(kept) == order
    assert few == points
    assert closed(kept)


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.0), (0.3, 0.1, 0.0)])
def test_wedge_of_any_grid_equals_the_full_grid(shift):
    """A grid that an operation does not keep must not be folded with it."""
    ask = request(rashba().crystal)
    solver = WannierStates(rashba(), ask.need())
    compare(solver, candidates(solver.crystal, solver.n_hat), (8, 6, 1), shift, ask)


def test_film_wedge_equals_full_grid():
    film = read_model(MODELS / "mnw3_dzp.h5")
    others = (SPIN_CURRENT, SITE_TORQUE, ORBITAL_CURRENT, ATOMIC_MOMENTUM_CURRENT)
    ask = request(film.crystal, (TORQUE_VELOCITY, *((o, VELOCITY) for o in others)), film.fermi_energy)
    solver = LcaoStates(film, np.array([0.0, 0.0, 1.0]), ask.need())
    kept, few, _ = compare(solver, candidates(film.crystal, solver.n_hat), (4, 4, 1), (0.5, 0.5, 0.0), ask)
    assert len(kept) == 8
    assert few == 3


def test_haldane_has_no_time_reversal():
    """Spinless and without moments: the atoms alone would allow time reversal and mirrors that the phases break."""
    model = haldane()
    ask = request(model.crystal, (VELOCITY_VELOCITY,))
    wanted = candidates(model.crystal, model.n_hat)
    kept, _, _ = compare(WannierStates(model, ask.need()), wanted, (6, 6, 1), (0.0, 0.0, 0.0), ask)
    assert any(op.time_reversal and np.allclose(op.cartesian, np.eye(3)) for op in wanted)
    assert not any(op.time_reversal and np.allclose(op.cartesian, np.eye(3)) for op in kept)
    assert 3 <= len(kept) < len(wanted)


def test_a_broken_symmetry_is_detected_not_symmetrized():
    """One hopping changed by 1e−5 eV along x: fourfold operations go, twofold ones stay."""
    model = rashba()
    ask = request(model.crystal, (TORQUE_VELOCITY,))
    H = model.H_Rnn.copy()
    for i, r in enumerate(model.R.tolist()):
        if r in ([1, 0, 0], [-1, 0, 0]):
            H[i] += 1e-5 * np.eye(2)
    solver = WannierStates(replace(model, H_Rnn=H), ask.need())
    kept, few, _ = compare(solver, candidates(model.crystal, model.n_hat), (8, 8, 1), (0.5, 0.5, 0.0), ask)
    assert len(kept) == 4
    assert few == 16


def test_a_magnet_without_symmetry_keeps_the_identity_only():
    model = ferromagnet()
    ask = request(model.crystal, (TORQUE_VELOCITY,))
    solver, wanted = WannierStates(model, ask.need()), candidates(model.crystal, model.n_hat)
    assert len(symmetries_of(solver, wanted, ask, 1e-3).operations) == 1


def test_rounds_are_settled_from_sums_of_anywhere():
    """Each sum by a solver of its own, in another order: the operations and the deviations are the same bits."""
    model = read_model(MODELS / "fe.h5", True)
    ask = request(model.crystal, (VELOCITY_VELOCITY,), model.fermi_energy)
    solver, wanted = WannierStates(model, ask.need()), candidates(model.crystal, model.n_hat)
    for tolerance, few, many in ((1e-8, 1, 15), (1e-3, 16, 16)):
        serial = symmetries_of(solver, wanted, ask, tolerance)
        assert few <= len(serial.operations) <= many
        check = SymmetryCheck(solver, wanted, ask, tolerance)
        for number in range(check.rounds):
            sums = {}
            for task in reversed(range(check.tasks(number))):
                other = SymmetryCheck(WannierStates(model, ask.need()), wanted, ask, tolerance)
                other.state = check.state
                sums[task] = other.sums(number, task)
            check.settle(number, [sums[task] for task in range(len(sums))])
        found = check.result()
        assert [op.key() for op in found.operations] == [op.key() for op in serial.operations]
        assert found.deviations == serial.deviations
        assert found.broken == serial.broken
        assert all(np.array_equal(found.violation[name], serial.violation[name]) for name in found.violation)


def test_wannier_iron_has_its_symmetry_only_roughly():
    """Wannierization breaks 4/mm'm' of bcc Fe in the sixth digit: found by default, refused at 1e−8."""
    model = read_model(MODELS / "fe.h5", True)
    ask = request(model.crystal, (VELOCITY_VELOCITY,), model.fermi_energy)
    solver, wanted = WannierStates(model, ask.need()), candidates(model.crystal, model.n_hat)
    assert len(wanted) == 16
    only_levels = replace(ask, sums=Sums(), count_edges=ask.energies)
    for what in (ask, only_levels):
        found = symmetries_of(solver, wanted, what, 1e-8)
        assert len(found.operations) < 16
        assert len(found.operations) + len(found.broken) == 16
        assert all(1e-8 < gap < 1e-3 for _, gap, _ in found.broken)
        found = symmetries_of(solver, wanted, what, 1e-3)
        assert len(found.operations) == 16
        assert 1e-7 < found.worst < 1e-4


def test_points_of_a_line_are_neighbours_and_blocks_cover_them():
    mesh = uniform_mesh((3, 4, 5), (0.0, 0.5, 0.0), (identity(),), (1, 2, 0))
    assert len(mesh.points) == 60
    assert (np.diff(mesh.points[:3, 0]) > 0).all()
    assert np.ptp(mesh.points[:3, 1:], axis=0).max() == 0
    assert [b.stop - b.start for b in mesh.blocks(25)] == [25, 25, 10]
    assert len({tuple(p) for p in mesh.points.round(9).tolist()}) == 60


def test_absurd_grids_are_refused():
    for grid in ((0, 4, 4), (1 << 20, 1 << 20, 1)):
        with pytest.raises(InputError, match="k grid"):
            uniform_mesh(grid, (0.0, 0.0, 0.0), (identity(),), (0, 1, 2))
