"""Cells of the zone: that they tile it under any group, that refined sums are right, and that they know how right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from hpcalo.hamiltonian.builtin import builtin_model
from hpcalo.hamiltonian.kmesh import uniform_mesh
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.symmetry import candidates, identity
from hpcalo.kubo.cells.batch import Batch
from hpcalo.kubo.cells.projection import Projection
from hpcalo.kubo.cells.signs import contrasts, keys
from hpcalo.kubo.cells.tree import CellTree
from hpcalo.kubo.cells.zone import Zone, divisions_for
from hpcalo.kubo.states.operators import CURVATURE, SPIN
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.found import Symmetry
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, VELOCITY_VELOCITY, Request, Sums, fermi_name, raw_name
from hpcalo.kubo.sums.symmetry import symmetrized

NONE = np.zeros(0)


ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def models():
    shipped = {name: read_model(ROOT / "input" / "models" / f"{name}.h5") for name in ("fe", "fete", "mnw3_dzp")}
    return shipped | {"chain": builtin_model("chain"), "rashba": builtin_model("rashba")}


@pytest.mark.parametrize(
    ("name", "operations"), [("fe", 16), ("fete", 8), ("mnw3_dzp", 8), ("rashba", 8), ("chain", 4)]
)
def test_cells_of_any_group_tile_the_zone(models, name, operations):
    """Parts of cells keep their share of the zone, and plane waves that the group leaves alone integrate exactly: to 0,
    and to 1 for R = 0.
    """
    crystal, n_hat = models[name].crystal, models[name].n_hat
    group = candidates(crystal, n_hat)
    zone = Zone(crystal, group, [8 if repeats else 1 for repeats in crystal.periodic], (0, 1, 2))
    assert len(zone.operations) == operations
    cells = zone.base()
    assert zone.weights(cells).sum() == pytest.approx(1.0, abs=1e-14)
    cut = cells.take(np.arange(0, len(cells), 3))
    parts, numbers = zone.parts_of(cut)
    shares = np.zeros(len(parts))
    np.add.at(shares, numbers.ravel(), np.repeat(zone.weights(cut) / zone.parts, zone.parts))
    np.testing.assert_allclose(shares, zone.weights(parts), atol=1e-16)
    every, _ = zone.parts_of(cells)
    R = np.array([[0, 0, 0], [1, 0, 0], [2, -1, 0], [3, 2, 0]]) * np.array(crystal.periodic)
    for level in (cells, every):
        k = zone.points(level)
        images = np.stack([k @ op.k_matrix.T for op in zone.operations])
        sums = zone.weights(level) @ np.exp(2j * np.pi * images @ R.T).mean(axis=0)
        np.testing.assert_allclose(sums, (~R.any(axis=1)).astype(float), atol=1e-13)


def test_replicates_see_differences_only(models):
    """The signs of the parts of a cell cancel, and the mean square of their sums is what `scatter` says."""
    patterns = contrasts(np.arange(50, dtype=np.uint64), 3, 16)
    assert np.abs(patterns.sum(axis=2)).max() == 0.0
    fe = models["fe"]
    zone = Zone(fe.crystal, candidates(fe.crystal, fe.n_hat), (4, 4, 4), (0, 1, 2))
    batch = Batch.parts(zone, zone.base(), 4000)
    rng = np.random.default_rng(0)
    batch.learn(rng.normal(size=(len(batch), 2)), np.ones(len(batch)))
    for summed in (np.ones(len(batch), dtype=bool), rng.random(len(batch)) < 0.5):
        batch.summed = summed
        replicates = (batch.weights[:, None] * batch.signs)[summed].T @ batch.values[summed]
        assert (replicates**2).mean() == pytest.approx(batch.scatter(), rel=0.1)
    assert len(np.unique(keys(1, batch.cells.numerators))) == len(batch)


def test_replicates_of_a_constant_vanish(models):
    """A smooth integrand has no error that replicates would see."""
    crystal = models["chain"].crystal
    zone = Zone(crystal, (identity(),), (8, 1, 1), (1, 2, 0))
    batch = Batch.parts(zone, zone.base(), 16)
    assert np.abs(batch.weights @ batch.signs).max() < 1e-15


class Rashba:
    """Even torkance of the Rashba model at nine energies, by cells and on a fine mesh."""

    def __init__(self, model, gamma):
        self.request = Request(
            model.crystal, -1.0 + np.linspace(-0.2, 0.2, 9), np.array([gamma]), NONE, NONE, Sums((TORQUE_VELOCITY,))
        )
        self.group = candidates(model.crystal, model.n_hat)
        name = raw_name("broadened", TORQUE_VELOCITY)
        self.symmetry = Symmetry(operations=self.group, violation={name: np.array([1e-3, 2e-3])})
        self.solver = next(solvers(model, model.n_hat[None], self.request.need()))
        mesh = uniform_mesh((600, 600, 1), (0.5, 0.5, 0.0), self.group, self.solver.order)
        sums = sum_block(self.solver, mesh.points, mesh.weights, self.request, slice(None))
        self.exact = self.numbers(symmetrized(sums, mesh.operations, self.request))

    def numbers(self, raw):
        values = raw[raw_name("broadened", TORQUE_VELOCITY)]
        return values[..., 0, :, 1, :].reshape(*values.shape[:-4], -1)

    def integrand(self, raw):
        return self.numbers(raw) / np.sqrt((self.exact**2).mean())

    def tree(self, n, comm=MPI.COMM_SELF):
        tree = CellTree(self.solver, self.request, self.symmetry, (n, n, 1))
        tree.start(self.solver, comm)
        return tree

    def grown(self, tree, threshold, comm=MPI.COMM_SELF):
        return tree.grow(self.solver, self.integrand, threshold, comm)


@pytest.fixture(scope="module")
def torkance(models):
    return Rashba(models["rashba"], 0.05)


def test_components_that_vanish_are_not_computed(models):
    """All components follow from the independent ones, in every kind of sum, as from the sums with all of them."""
    model, axis = models["fe"], np.array([-0.1, 0.0, 0.2])
    pairs, levels = (VELOCITY_VELOCITY, TORQUE_VELOCITY), (CURVATURE, SPIN)
    sums = Sums(pairs, pairs, pairs, levels, fermi=pairs, fermi_levels=levels)
    request = Request(model.crystal, axis, np.array([0.1, 0.3]), axis, np.full(3, 0.03), sums)
    group = candidates(model.crystal, model.n_hat)
    projection = Projection(group, request)
    independent = projection.independent
    assert independent[raw_name("fermi", VELOCITY_VELOCITY)] == (1, 3)  # xy and yx
    assert independent[fermi_name(CURVATURE)] == (2,)
    solver = next(solvers(model, model.n_hat[None], request.need()))
    k, weights, labels = np.random.default_rng(1).random((5, 3)), np.full(5, 0.2), np.array([0, 0, 1, 2, 2])
    every = sum_block(solver, k, weights, request, slice(None), labels=labels)
    found = projection.of(
        sum_block(solver, k, weights, replace(request, independent=independent), slice(None), labels=labels)
    )
    assert found.keys() == every.keys()
    for i in range(3):
        expected = symmetrized({name: values[i] for name, values in every.items()}, group, request)
        for name, values in expected.items():
            scale = np.abs(every[name]).max()
            np.testing.assert_allclose(found[name][i], values, rtol=0, atol=1e-13 * scale, err_msg=name)


def test_refined_sums_are_as_accurate_as_they_say(torkance):
    """Against a fine mesh: the estimate is right within a factor of 2 for the whole curve, and it falls."""
    tree, errors = torkance.tree(24), []
    for threshold in (2e-2, 3e-3, 1e-3):
        summed = torkance.grown(tree, threshold)
        value = torkance.numbers(summed.total)
        (level,) = summed.levels
        squares = [(torkance.numbers(part) - value) ** 2 for part in level.sums]
        estimate = np.sqrt(np.mean(squares) * len(squares) / (len(squares) - 1))
        true = np.sqrt(((value - torkance.exact) ** 2).mean())
        assert 0.5 < true / estimate < 2.0
        errors.append(true / np.sqrt((torkance.exact**2).mean()))
    assert errors[2] < min(0.75 * errors[0], 0.005)
    assert tree.points < 0.2 * 24**2 * 2**6  # far fewer than the mesh of its smallest cells


def test_means_over_cells_need_no_points_nearer_than_gamma(models):
    """Where levels change by 50 Γ from cell to cell, the mean over cells is right to 1 %, and that of the midpoints is
    off by five times as much and more.
    """
    sharp = Rashba(models["rashba"], 5e-3)
    tree = sharp.tree(24)
    cells = tree.zone.base()
    k, weights = tree.zone.points(cells), tree.zone.weights(cells)
    boxes = np.broadcast_to(tree.zone.edges(0), (len(k), 3, 3))
    errors = []
    for edges in (boxes, None):
        sums = sum_block(sharp.solver, k, weights, sharp.request, slice(None), edges=edges)
        value = sharp.numbers(symmetrized(sums, sharp.group, sharp.request))
        errors.append(np.sqrt(((value - sharp.exact) ** 2).mean() / (sharp.exact**2).mean()))
    assert errors[0] < 0.01
    assert errors[1] > 5.0 * errors[0]


def test_sums_know_their_points_and_what_a_broken_symmetry_can_do(torkance):
    """Points are those of the solver, each counted once; the even ones are a whole mesh of the wedge.

    Of means the coarsest cells are computed twice: alone, and again when they are cut.
    """
    seen, points = [], torkance.solver.points

    class Counted:
        def __getattr__(self, name):
            return getattr(torkance.solver, name)

        def points(self, k, need):
            seen.extend(map(tuple, k.tolist()))
            return points(k, need)

    tree = torkance.tree(8)
    first = tree.grow(Counted(), torkance.integrand, 2e-2, MPI.COMM_SELF)
    summed = tree.grow(Counted(), torkance.integrand, 1e-2, MPI.COMM_SELF)
    base = len(tree.zone.base())
    assert summed.points == len(set(seen))
    assert base + len(seen) == tree.points > summed.points > first.points
    assert summed.even == len(uniform_mesh((16, 16, 1), (0.5, 0.5, 0.0), torkance.group, (0, 1, 2)).points)
    assert tree.zone.count(tree.complete) == 16**2
    (violation,) = summed.violation.values()
    assert violation.tolist() == [1e-3, 2e-3]


@pytest.mark.mpi
@pytest.mark.ranks(3, 4)
def test_ranks_refine_the_same_cells_to_the_same_bits(torkance):
    alone, shared = torkance.tree(8), torkance.tree(8, MPI.COMM_WORLD)
    for threshold in (3e-2, 1e-2):
        one, every = torkance.grown(alone, threshold), torkance.grown(shared, threshold, MPI.COMM_WORLD)
        assert alone.cells == shared.cells
        for a, b in zip((one.total, *one.levels[0].sums), (every.total, *every.levels[0].sums), strict=True):
            assert all((a[name] == b[name]).all() for name in a)


def test_divisions_suit_the_cell(models):
    """Boxes are about cubes, and about as many cells of level 1 as asked for are left."""
    for name, expected in (("fe", (16, 16, 16)), ("rashba", (32, 32, 1)), ("chain", (2048, 1, 1))):
        crystal, n_hat = models[name].crystal, models[name].n_hat
        group = candidates(crystal, n_hat)
        wanted = {3: 4096, 2: 512, 1: 1024}[sum(crystal.periodic)]
        divisions = divisions_for(crystal, group, wanted)
        cells = Zone(crystal, group, divisions, (0, 1, 2)).count(1) / len(group)
        assert divisions == expected if name != "chain" else divisions[1:] == (1, 1)
        assert 0.3 * wanted < cells < 3.0 * wanted
