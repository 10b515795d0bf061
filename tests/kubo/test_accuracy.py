"""Errors of sums over k: the parts of a mesh, and estimates against errors that are known from much finer meshes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from places import INPUTS

from hpcalo import app
from hpcalo.config.reader import validate
from hpcalo.hamiltonian.cosets import MOST, divide
from hpcalo.hamiltonian.loading import load_model
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo.accuracy.estimate import Scatter, estimated_error
from hpcalo.kubo.accuracy.fermi import error_of_fermi_energy
from hpcalo.kubo.accuracy.fields import fields_with_errors
from hpcalo.kubo.accuracy.near import Near
from hpcalo.kubo.accuracy.spread import spreads
from hpcalo.kubo.accuracy.successive import lowered_error
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.responses.density_of_states import energy_of_count
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.summing import run_sums
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.passes import sum_over_k
from hpcalo.kubo.sums.plan import Pass, plan
from hpcalo.kubo.sums.request import COUNT
from hpcalo.kubo.sums.symmetry import symmetrized

QUANTITIES = ["torkance", "conductivity", "spiralization", "damping", "density_of_states"]
SQUARE = [np.diag([a, b, 1.0]) @ s for a in (1, -1) for b in (1, -1) for s in (np.eye(3), np.eye(3)[[1, 0, 2]])]
"""What the group 4mm does to k."""
FILM = (True, True, False)
GENERIC = (0.31, 0.137, 0.0)


def summed(
    comm, builtin: str, grid: list[int], shift: tuple[float, ...] = (0.0, 0.0, 0.0), **keys
) -> tuple[RunSums, list[SummedPass], list[Pass]]:
    """The sums of a closed-form model."""
    kubo = {
        "quantities": QUANTITIES,
        "gamma": [0.1],
        "temperatures": [300.0],
        "chemical_potentials": [-1.5],
        "energies": {"minimum": -4.0, "maximum": 4.0, "points": 81},
        "k": {"grid": grid, "shift": list(shift), "symmetry": keys.pop("symmetry", "auto")},
        **keys,
    }
    settings = validate(KuboInput, {"model": {"builtin": builtin, "fermi_energy": 0.0}, "kubo": kubo}, "test")
    model = load_model(settings.model)
    reference, n_hat, request = prepare(settings.kubo, model)
    tasks = [plan(s, request, settings.kubo.k, comm) for s in solvers(model, n_hat, request.need())]
    passes = [sum_over_k(task, comm) for task in tasks]
    run = run_sums(settings.kubo, request, reference, n_hat, passes)
    return run, passes, tasks


def fields(run: RunSums, passes: list[SummedPass]) -> dict:
    return {v.name: v for v in fields_with_errors(run, passes, responses(run.settings.quantities))}


@pytest.mark.parametrize(
    ("grid", "shift", "moduli", "classes"),
    [
        ((16, 16, 1), (0.0, 0.0, 0.0), [2**0.5, 2, 4], [2, 3, 6]),  # the halves like the squares of a chessboard
        ((16, 16, 1), (0.5, 0.5, 0.0), [4, 8], [3, 10]),  # the halves of a half-shifted mesh are images of each other
        ((12, 12, 1), (0.5, 0.5, 0.0), [3, 6], [3, 6]),
        ((16, 16, 1), GENERIC, [2**0.5, 2, 4], [2, 4, 16]),
        ((25, 25, 1), GENERIC, [5], [MOST]),
        ((9, 9, 1), (0.0, 0.0, 0.0), [3], [3]),
        ((13, 13, 1), (0.0, 0.0, 0.0), [], []),
    ],
)
def test_classes_hold_all_images_of_their_sub_meshes(grid, shift, moduli, classes):
    division = divide(grid, shift, SQUARE, FILM)
    assert [level.modulus for level in division.levels] == pytest.approx(moduli)
    assert [level.classes for level in division.levels] == classes
    assert division.untested == (() if moduli else (0, 1))
    cells = np.array(list(itertools.product(*map(range, grid))))
    labels = division.labels(cells)
    for matrix in SQUARE:
        images = ((cells + shift) / grid) @ matrix.T * grid - shift
        if np.allclose(images, np.rint(images)):
            assert np.array_equal(division.labels(np.rint(images).astype(int)), labels)
    for level, modulus in zip(division.levels, moduli, strict=True):  # a class is made of whole sub-meshes
        inside = (cells[:, :2] + shift[:2])[level.parts[labels] == 0] / modulus  # in units of the sub-mesh's spacing
        same = np.allclose(inside % 1.0, shift[:2]) or (shift == GENERIC and np.ptp(inside % 1.0, axis=0).max() < 1e-9)
        assert level.alike == (same and grid[0] >= 4 * modulus)
        coset = cells[:, :2].sum(axis=1) % 2
        if modulus >= 2:
            coset = np.ravel_multi_index(tuple((cells[:, :2] % modulus).T), (modulus, modulus))
        part = level.parts[labels]
        assert len(set(coset)) == pytest.approx(modulus**2)
        assert all(len(set(part[coset == c])) == 1 for c in set(coset))


def test_directions_are_divided_by_what_divides_them():
    square = [np.diag([a, b, 1.0]) for a in (1, -1) for b in (1, -1)]
    assert divide((12, 15, 1), (0.0, 0.0, 0.0), square, FILM).table.shape == (2, 3, 1)
    division = divide((12, 13, 1), (0.0, 0.0, 0.0), square, FILM)
    assert division.table.shape == (4, 1, 1)
    assert division.untested == (1,)
    assert division.dimensions == 1
    assert division.coarser().levels[0].modulus == 2
    assert division.coarser().parts == 2
    assert division.coarser().coarser().levels == ()


def test_chessboard_only_where_symmetry_tells_its_halves_apart():
    """A threefold axis mixes them; chains and bulk crystals have none."""
    hexagonal = [np.array([[0.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, 1.0]]), np.diag([-1.0, -1.0, 1.0])]
    for grid, images, periodic, moduli in (
        ((12, 12, 1), hexagonal, FILM, [2, 4]),
        ((12, 20, 1), [np.diag([-1.0, -1.0, 1.0])], FILM, [2**0.5, 2, 4]),
        ((16, 1, 1), [np.diag([-1.0, 1.0, 1.0])], (True, False, False), [2, 4]),
        ((8, 8, 8), SQUARE, (True, True, True), [2, 4]),
    ):
        assert [level.modulus for level in divide(grid, (0.0, 0.0, 0.0), images, periodic).levels] == pytest.approx(
            moduli
        )
    whole = divide((16, 16, 1), (0.0, 0.0, 0.0), SQUARE, FILM)
    assert [level.modulus for level in whole.coarser().levels] == pytest.approx([2**0.5, 2])
    assert whole.coarser().parts == 3


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.0), GENERIC])
def test_sums_of_a_part_are_those_of_its_sub_mesh(comm, shift):
    """Of the wedge, unfolded, against every point of the sub-mesh and its images."""
    _, passes, tasks = summed(comm, "rashba", [12, 12, 1], shift, quantities=["conductivity", "density_of_states"])
    task, level = tasks[0], passes[0].levels[0]
    cells = np.array(list(itertools.product(range(12), range(12), range(1))))
    part = task.mesh.division.levels[0].parts[task.mesh.division.labels(cells)]
    for c, (weight, found) in enumerate(zip(level.weights, level.sums, strict=True)):
        k = (cells[part == c] + shift) / (12, 12, 1)
        expected = sum_block(task.solver, k, np.full(len(k), 1 / len(k)), task.request, slice(None))
        expected = symmetrized(expected, task.symmetry.operations, task.request)
        assert weight == pytest.approx(len(k) / len(cells))
        for name, values in expected.items():
            assert np.abs(found[name] - values).max() < 1e-12 * max(1.0, np.abs(values).max())


@pytest.mark.parametrize("direction", [[0.0, 0.0, 1.0], [0.3, 0.2, 0.9]])
@pytest.mark.parametrize("symmetry", ["auto", "off"])
def test_half_shifted_film_does_not_believe_in_its_images(comm, symmetry, direction):
    """Without the wedge, too, and where the magnetization breaks the symmetry but spin-orbit coupling is weak."""
    run, passes, _ = summed(comm, "rashba", [24, 24, 1], (0.5, 0.5, 0.0), symmetry=symmetry, n_hat=[direction])
    found = fields(run, passes)["conductivity"]
    assert np.all(found.error[0, 0, 0, 0, 20:60] > 1e-4 * np.abs(found.data).max())


@pytest.mark.parametrize(
    ("builtin", "grid", "fine", "shift"),
    [
        ("rashba", [24, 24, 1], [240, 240, 1], (0.0, 0.0, 0.0)),
        ("rashba", [24, 24, 1], [240, 240, 1], (0.5, 0.5, 0.0)),
        ("rashba", [24, 24, 1], [240, 240, 1], GENERIC),
        ("chain", [48, 1, 1], [4800, 1, 1], (0.0, 0.0, 0.0)),
        ("chain", [48, 1, 1], [4800, 1, 1], GENERIC),
    ],
)
def test_estimates_are_of_the_size_of_the_errors(comm, builtin, grid, fine, shift):
    """Half of the true errors are below twice the estimate, nine of ten below five times, and no estimate is 0."""
    true = fields(*summed(comm, builtin, fine, (0.5, 0.5 * (fine[1] > 1), 0.0))[:2])
    ratios = []
    for name, variable in fields(*summed(comm, builtin, grid, shift)[:2]).items():
        error = np.abs(variable.data - true[name].data)
        counts = np.isfinite(error) & (np.abs(true[name].data) > 1e-3 * np.nanmax(np.abs(true[name].data)))
        assert np.all(variable.error[counts & (error > 1e-9)] > 0.0), name
        ratios.append(error[counts] / np.maximum(variable.error[counts], 1e-300))
    every = np.concatenate(ratios)
    assert 0.1 < np.median(every) < 2.0
    assert np.quantile(every, 0.9) < 5.0


def test_thermal_numbers_have_the_scatter_of_nearby_chemical_potentials(comm):
    """Numbers from curves are computed there, direct thermal sums stand for their neighbours; the axis limits both."""
    keys = {"quantities": ["thermal_torkance", "spiralization"], "chemical_potentials": [-2.0, -1.5]}
    run, passes, _ = summed(comm, "rashba", [16, 16, 1], **keys)
    near = Near.of(run)
    assert near.run.mu == pytest.approx([-2.1, -2.05, -2.0, -1.95, -1.9, -1.6, -1.55, -1.5, -1.45, -1.4])
    beta, spiralization = responses(["thermal_torkance", "spiralization"])
    moved = near.moved([passes[0].total])
    values, whole = beta.compute(moved)["beta_even"], spiralization.compute(moved)["spiralization"]
    other, _, _ = summed(comm, "rashba", [16, 16, 1], **{**keys, "chemical_potentials": [-1.95, -1.4]})
    assert values[..., [3, 9], :] == pytest.approx(beta.compute(other)["beta_even"], rel=1e-12, abs=1e-50)
    assert np.array_equal(whole[..., [0, 9], :], spiralization.compute(run)["spiralization"])
    axes = ("n_hat", "gamma", "torque", "field", "mu", "temperature")
    mean, apart = near.gathered(values**2, axes)
    assert mean[0, 0, 1, 0, 1, 0] == pytest.approx((values[0, 0, 1, 0, 5:, 0] ** 2).mean())
    assert apart
    assert not near.gathered(whole**2, ("n_hat", "current", "torque", "mu", "temperature"))[1]
    narrow = replace(run, energies=run.energies[13:27] + 0.0, mu=run.mu[:1])  # -2.7 … -1.4 eV
    assert len(Near.of(narrow).run.mu) == 5
    assert Near.of(replace(narrow, energies=run.energies[19:22])).count == 1


def errors_of_curve(variances: list[float], steps: list[float | None], dimensions: int) -> float:
    """Of a flat curve, from its levels with parts 2 and 4 times coarser."""
    flat = np.ones((1, 40))
    levels = [
        Scatter(m, v * flat, step=None if s is None else s * flat)
        for m, v, s in zip((2.0, 4.0), variances, steps, strict=True)
    ]
    error = estimated_error(levels, ("n_hat", "energy"), dimensions)
    assert np.ptp(error) < 1e-12
    return float(error[0, 0])


def test_error_of_a_curve_falls_as_meshes_alike_do():
    """Its size is that of the parts; random differences and bulk crystals keep 1/√N; a tenth of it is always left."""
    assert errors_of_curve([1.0, 1.0], [1.0, 4.0], 2) == pytest.approx(0.5)
    assert errors_of_curve([1.0, 1.0], [1.0, 64.0], 2) == pytest.approx(0.5 / 4**1.25)  # q = 3, two more than d/2
    assert errors_of_curve([1.0, 64.0], [1.0, 4.0], 2) == pytest.approx(0.5)
    assert errors_of_curve([1.0, 64.0], [None, None], 2) == pytest.approx(0.5 / 4**1.25)
    assert errors_of_curve([1.0, 1.0], [1.0, 1e9], 2) == pytest.approx(0.05)
    assert errors_of_curve([1.0, 1.0], [1.0, 1e9], 3) == pytest.approx(0.5**1.5)


@pytest.mark.parametrize(("steepness", "least", "most"), [(6.0, 1.0, 2.0), (12.0, 1.0, 6.0)])
def test_thermal_number_whose_error_falls_exponentially(steepness, least, most):
    """As Fermi functions make it at last, e^(−κN): the estimate stays above it, not far. 1/√N is not believed to."""

    def estimate(errors, averaged=True):
        steps = (None, abs(errors[1] - errors[3]), abs(errors[2] - errors[1]))
        levels = [
            Scatter(m, np.full((1, 1), e**2), averaged, None if step is None else np.full((1, 1), step**2))
            for m, e, step in zip((2**0.5, 2.0, 4.0), errors, steps, strict=False)
        ]
        return float(estimated_error(levels, ("mu", "temperature"), 2)[0, 0])

    exponential = [np.exp(-steepness / m) for m in (2**0.5, 2.0, 4.0, 1.0)]
    assert least < estimate(exponential) / exponential[-1] < most
    assert estimate(exponential) < estimate(exponential, averaged=False)
    assert estimate([2**0.5, 2.0, 4.0, 1.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("meshes", "values", "own", "expected"),
    [
        # β even yx at 300 K of three layers of W below Mn, 1e-35 J m/K; on fine meshes -1.1468
        ((24, 32, 48), (-8.221, -2.4924, -2.3938), 2.2, 2.2),  # the last two agree to 4 % and are off by 109 %
        ((48, 72, 96), (-2.3938, -1.1143, -1.157), 0.45, 0.45),  # right, but the meshes do not prove it
        ((112, 144, 168), (-1.1418, -1.1466, -1.1458), 0.089, 0.0048 / (144 / 112 - 1)),
        ((96, 144, 168), (-1.0, -1.0, -1.0), 0.1, 0.01),  # agreement to all digits is no exactness
    ],
)
def test_successive_meshes_lower_an_error_only_where_all_of_them_agree(meshes, values, own, expected):
    arrays = [np.array([value]) for value in values]
    ratios = [meshes[1] / meshes[0], meshes[2] / meshes[1]]
    assert lowered_error(arrays, ratios, np.array([own]), 2)[0] == pytest.approx(expected)


def test_error_of_a_ratio_is_that_of_first_order_in_its_parts(comm):
    """α = 2 Λ/m, whose parts deviate together."""
    run, passes, _ = summed(comm, "rashba", [48, 48, 1])
    level = passes[0].levels[0]

    def values(sums):
        got = responses(["damping"])[0].compute(replace(run, raw=(sums,)))
        return got["lambda_symmetric"][0, 0, 0, 0], got["spin_moment"][0], got["gilbert_damping"][0, 0, 0, 0]

    whole, moment, damping = values(passes[0].total)
    parts = [values(part)[:2] for part in level.sums]
    linear = [2.0 * ((x - whole) / np.abs(moment) - whole * (m - moment) / (moment * np.abs(moment))) for x, m in parts]
    weights = level.weights / (level.weights * (1.0 - level.weights)).sum()
    expected = np.sqrt(np.einsum("p,pe->e", weights, np.square(linear)))
    found = spreads(lambda raw: {"alpha": values(raw[0])[2]}, passes, frozenset())[0].variances["alpha"]
    inside = np.abs(moment) > 0.1
    assert np.allclose(np.sqrt(found)[inside], expected[inside], rtol=0.1, atol=0.02 * np.nanmax(damping[inside]))


@pytest.mark.parametrize(("shift", "calls"), [((0.0, 0.0, 0.0), 6), (GENERIC, 16)])
def test_scatter_of_every_level_from_the_parts_of_the_coarsest(comm, shift, calls):
    """Of a linear value it is that of the sums of each level. The last part is what is left of the whole."""
    _, passes, _ = summed(comm, "rashba", [16, 16, 1], shift, quantities=["conductivity"])
    summed_pass, counted = passes[0], []

    def compute(raw):
        counted.append(1)
        return {"sum": np.concatenate([values.ravel() for values in raw[0].values()])}

    found = spreads(compute, passes, frozenset())
    assert len(counted) == calls
    whole = compute([summed_pass.total])["sum"]
    for level, spread in zip(summed_pass.levels, found, strict=True):
        parts = np.stack([compute([part])["sum"] - whole for part in level.sums])
        expected = (level.weights @ parts**2) / (level.weights * (1.0 - level.weights)).sum()
        assert spread.variances["sum"] == pytest.approx(expected, rel=1e-9, abs=1e-20 * np.abs(whole).max() ** 2)
        assert (spread.alike is not None) == level.alike
        assert spread.alike is None or spread.alike["sum"] == pytest.approx(parts[0], rel=1e-9, abs=1e-10)


def test_density_of_states_errs_by_its_bins_where_all_else_is_converged(comm):
    """Levels are counted in bins of energy: that error falls as one over the root of the points, nothing else does."""
    keys = {"quantities": ["density_of_states"], "energies": {"minimum": -4.6, "maximum": 4.6, "points": 231}}
    density, true = (fields(*summed(comm, "chain", [n, 1, 1], **keys)[:2])["density_of_states"] for n in (192, 4800))
    size, error, told = (np.sqrt((x**2).mean()) for x in (true.data, density.data - true.data, density.error))
    assert error < 0.01 * size
    assert 0.5 < told / error < 2.0
    assert 4.0 < told / np.sqrt((true.error**2).mean()) < 6.0


@pytest.mark.parametrize("divisions", [24, 48])
def test_error_of_a_fermi_energy(comm, divisions):
    """On average over many counts, as a single one may be right by chance."""
    energies, errors = [], []
    for n in (240, divisions):
        run, passes, _ = summed(comm, "rashba", [n, n, 1], (0.5, 0.5, 0.0), quantities=["density_of_states"])
        counts = np.linspace(0.3, 1.7, 29)
        energies.append(np.array([energy_of_count(run.count_edges, passes[0].total[COUNT], c) for c in counts]))
        found = zip(counts, energies[-1], strict=True)
        errors.append(np.array([error_of_fermi_energy(run.count_edges, passes[0], c, e) for c, e in found]))
    true = np.abs(energies[1] - energies[0])
    assert np.all(errors[1] > 0.0)
    assert 0.2 < np.sqrt(np.mean(true**2) / np.mean(errors[1] ** 2)) < 2.0
    assert np.quantile(true / errors[1], 0.9) < 5.0


def test_file_has_the_errors_or_says_why_not(comm, tmp_path, capfd):
    few = ['kubo.quantities=["density_of_states", "conductivity"]', "kubo.n_hat=[0,0,1]"]
    for name, grid in (("even", "[16,16,1]"), ("prime", "[13,13,1]")):
        app.run(
            comm,
            INPUTS / "rashba.toml",
            output=tmp_path / f"{name}.h5",
            quiet=True,
            overrides=(*few, f"kubo.k.grid={grid}", "kubo.energies.points=31", "kubo.k.shift=[0,0,0]"),
        )
    even, prime = (read_dataset(tmp_path / f"{name}.h5") for name in ("even", "prime"))
    assert even["conductivity_error"].shape == even["conductivity"].shape
    assert even["conductivity_error"].max() > 0.0
    assert np.isnan(prime["conductivity_error"]).all()
    words = "no sub-meshes along direction 1 and 2: no errors are known; choose multiples of 4"
    assert words in capfd.readouterr().err
    assert words in prime.texts["warnings"]
