"""Whole runs with a target: the error is what was asked for, by references that share no code with the program."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from hpcalo import app, units
from hpcalo.errors import InputError
from hpcalo.io.hdf5 import read_dataset

INPUT = """
[model]
builtin = "{model}"
fermi_energy = -2.2
[kubo]
quantities = ["torkance"]
gamma = {gamma}
[kubo.energies]
minimum = -1.0
maximum = 1.0
points = 21
[kubo.k]
{k}
"""
BOTH = 'target = {{ torkance_even = "{0}", torkance_odd = "{0}" }}'
GAMMA = {"rashba": [0.1], "chain": [0.02]}
MESH = {"rashba": (200, 200), "chain": (4000, 1)}


def torkance(model: str, energies, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """(even, odd), (2, 2, NE) in e a0, for n̂ = z: the closed form with 2 × 2 matrices on a fine mesh of its own."""
    t, rashba, exchange = 1.0, 0.4, 0.8
    x, y = (2.0 * np.pi * (np.arange(n) + 0.381966) / n for n in MESH[model])
    kx, ky = (k.ravel() for k in np.meshgrid(x, y, indexing="ij"))
    if model == "chain":
        ky = np.zeros_like(ky)
    one, sx, sy = np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
    sz = np.diag([1.0, -1.0])

    def matrix(*terms):
        return sum(np.multiply.outer(f, s) for f, s in terms)

    flat = 0.0 if model == "chain" else 1.0
    kinetic = -2.0 * t * (np.cos(kx) + flat * np.cos(ky))
    H = matrix((kinetic, one), (flat * rashba * np.sin(ky), sx), (-rashba * np.sin(kx), sy)) + 0.5 * exchange * sz
    v = [
        matrix((2.0 * t * np.sin(kx), one), (-rashba * np.cos(kx), sy)),
        matrix((flat * 2.0 * t * np.sin(ky), one), (flat * rashba * np.cos(ky), sx)),
    ]
    T = [-0.5 * exchange * sy, 0.5 * exchange * sx]  # −(Δ/2) σ × ẑ
    E, U = np.linalg.eigh(H)
    dagger = U.conj().transpose(0, 2, 1)
    even, odd = np.zeros((2, 2, 2, len(energies)))
    for i, j in np.ndindex(2, 2):
        W = (dagger @ T[i] @ U) * (dagger @ v[j] @ U).transpose(0, 2, 1)
        for e, energy in enumerate(energies):
            lorentz = 1.0 / ((energy - E) ** 2 + gamma**2)
            odd[i, j, e] = gamma**2 * np.einsum("kn,knm,km->", lorentz, W.real, lorentz).real / np.pi / len(kx)
            n, m = E[:, 0], E[:, 1]
            for a, b, sign in ((n, m, 1.0), (m, n, -1.0)):
                w = W.imag[:, 0, 1] if sign > 0 else W.imag[:, 1, 0]
                la, lb = (1.0 / ((energy - c) ** 2 + gamma**2) for c in (a, b))
                log = np.log((b - energy - 1j * gamma) / (a - energy - 1j * gamma)).imag
                part = gamma * (b - a) * la * lb + 2.0 * gamma * lb / (a - b) + 2.0 * log / (a - b) ** 2
                even[i, j, e] += float(w @ part) / (2.0 * np.pi * len(kx))
    return even / units.BOHR_IN_ANGSTROM, odd / units.BOHR_IN_ANGSTROM


def run(comm, folder: Path, model: str, k: str, *overrides: str):
    source, output = folder / f"{model}.toml", folder / f"{model}.h5"
    source.write_text(INPUT.format(model=model, gamma=GAMMA[model], k=k))
    app.run(comm, source, output=output, quiet=True, force=True, overrides=overrides)
    return read_dataset(output)


@pytest.mark.parametrize("model", ["rashba", "chain"])
def test_reaches_the_target(model, comm, tmp_path):
    """Errors of the even and odd torkance at E_F against the closed form, relative to the curve."""
    result = run(comm, tmp_path, model, BOTH.format("1 %"))
    assert result.attrs["target_reached"] == 1
    directions = 1 if model == "chain" else 2
    truth = torkance(model, result["energy"][::2] - 2.2, GAMMA[model][0])
    for name, tensor in zip(("torkance_even", "torkance_odd"), truth, strict=True):
        exact = tensor[:, :directions]
        scale = np.sqrt((exact**2).mean(axis=-1))
        found = result[name][0, 0, :2, :, ::2]
        gap = np.abs(found - exact)[..., 5] / np.maximum(scale, 1e-3 * scale.max())
        assert gap[scale > 0.1 * scale.max()].max() < 0.015, name
    levels = list(csv.DictReader(result.texts["levels"].splitlines()))
    assert float(levels[-1]["error_over_target"]) <= 1.0 < float(levels[-2]["error_over_target"])
    assert float(levels[-1]["torkance_odd"]) <= 0.01
    assert result.texts["notes"].count("target reached after ") == 1
    # The same mesh asked for by its divisions has the same values.
    grid, shift = (np.atleast_1d(result.attrs[name]).tolist() for name in ("k_grid", "k_shift"))
    fixed = run(comm, tmp_path, model, f"grid = {grid}\nshift = {shift}")
    for name in ("torkance_even", "torkance_odd"):
        np.testing.assert_allclose(fixed[name], result[name], rtol=0, atol=1e-12 * np.abs(result[name]).max())


def supported(values, meshes, own, own_before):
    """Errors of the last of three meshes of a film, by the rule of docs/theory/kubo.md: larger where the mesh before
    contradicts, smaller where both differences, as errors of a spiky integrand, say so; never below a tenth.
    """
    first, second = (meshes[i + 1] / meshes[i] for i in range(2))
    steps = [np.abs(values[1] - values[0]) / (first - 1.0), np.abs(values[2] - values[1]) / (second - 1.0)]
    largest = 2.0 * np.maximum(own, own_before)
    gap = np.abs(values[2] - values[1])
    lowered = np.minimum(own, np.maximum(np.max(steps, axis=0), 0.1 * own))
    return np.where(gap > largest, own * gap / np.maximum(largest, 1e-300), lowered)


def test_errors_of_the_file_are_those_that_decide(comm, tmp_path):
    """From three meshes, whose own errors single runs tell."""
    k = 'target = {{ beta_even = "{}" }}\ngrid = [12, 12, 1]\nshift = [0.31, 0.137, 0.0]\npoints_max = 4000'.format(
        "1 %"
    )
    few = (
        'kubo.quantities=["thermal_torkance"]',
        "kubo.temperatures=[100,300]",
        "kubo.chemical_potentials=[-0.2,0,0.3]",
    )
    result = run(comm, tmp_path, "rashba", k, *few)
    levels = list(csv.DictReader(result.texts["levels"].splitlines()))
    meshes = [int(level["mesh"].split()[0]) for level in levels[-3:]]
    assert len(meshes) == 3
    alone = [run(comm, tmp_path, "rashba", f"grid=[{n},{n},1]\nshift=[0.31,0.137,0.0]", *few) for n in meshes]
    changed = 0
    for name in ("beta_even", "beta_odd", "beta_intrinsic"):
        own_before, own = (single[f"{name}_error"] for single in alone[1:])
        expected = supported([single[name] for single in alone], meshes, own, own_before)
        size = np.abs(result[name]).max()
        np.testing.assert_allclose(result[f"{name}_error"], expected, rtol=1e-6, atol=1e-12 * size)
        changed += np.count_nonzero(np.abs(expected - own) > 0.01 * own)
    assert changed > 0
    error, value = (result[name][0, 0, 1, 0] for name in ("beta_even_error", "beta_even"))
    assert 0.0 < float(levels[-1]["beta_even"]) <= 1.001 * (error / np.abs(value)).max()  # of the value or its curve


def test_budget_of_points_ends_it(comm, tmp_path):
    """Then the best level is the result, which says so."""
    result = run(comm, tmp_path, "rashba", BOTH.format("0.01 %"), "kubo.k.points_max=3000")
    assert result.attrs["target_reached"] == 0
    assert str(result.attrs["target_ended"]).startswith("points_max = 3,000")
    assert "the target was not reached: points_max = 3,000" in result.texts["warnings"]
    levels = list(csv.DictReader(result.texts["levels"].splitlines()))
    assert 1000 < sum(int(level["k_points"]) for level in levels) <= 3000


def test_several_directions_and_a_first_mesh(comm, tmp_path):
    """The level is common to all directions; `grid` is the first mesh, `shift` the only one that is tried."""
    k = BOTH.format("5 %") + "\ngrid = [24, 24, 1]\nshift = [0.5, 0.5, 0.0]"
    result = run(comm, tmp_path, "rashba", k, "kubo.n_hat=[[0,0,1],[1,0,1]]")
    levels = list(csv.DictReader(result.texts["levels"].splitlines()))
    assert levels[0]["mesh"] == "24 × 24 × 1"
    assert {level["strategy"] for level in levels} == {"shift [0.5, 0.5, 0]"}
    assert np.all(np.asarray(result.attrs["k_shift"]) == [0.5, 0.5, 0.0])
    assert result["torkance_even"].shape[0] == 2


def test_fermi_energy_of_a_count(comm, tmp_path):
    """Within a few of its own errors of the count on a fine mesh of its own; the error is what was asked for."""
    options = ("kubo.energies.from_electrons=true", "model.electrons=0.5", "kubo.k.points_max=40000")
    attrs = run(comm, tmp_path, "rashba", BOTH.format("2 %"), *options).attrs
    x, y = np.meshgrid(*[2.0 * np.pi * (np.arange(600) + s) / 600 for s in (0.381966, 0.618034)], indexing="ij")
    split = np.sqrt(0.4**2 + (0.4 * np.sin(x)) ** 2 + (0.4 * np.sin(y)) ** 2)
    levels = np.sort(np.ravel([-2.0 * (np.cos(x) + np.cos(y)) + sign * split for sign in (-1.0, 1.0)]))
    exact, error = levels[x.size // 2], attrs["reference_energy_error_eV"]
    assert abs(attrs["reference_energy_eV"] - exact) < min(4.0 * error, 0.004)
    assert 0.0 < error <= 0.02 * GAMMA["rashba"][0]


@pytest.mark.parametrize(
    ("k", "words"),
    [
        ("", 'kubo.k: give a grid, for example [64, 64, 1], or a target such as "1 %"'),
        ("target = 0.0", "kubo.k.target: 0.0: a relative error must be larger than 0 % and at most 100%"),
        ('target = "1 e*a0"', "kubo.k.target: '1 e*a0': give a relative error such as"),
        ("target = {}", "kubo.k.target: the table is empty"),
        ('target = { torkance = "1 %" }', "k.target: 'torkance': no such variable; did you mean 'torkance_odd'?"),
        ('target = { torkance_odd = "1 nm" }', "k.target.torkance_odd: '1 nm': nm cannot be converted to e*a0"),
        ('target = "1 %"\npoints_max = 0', "kubo.k.points_max: 0: must be at least 1"),
        ('target = "1 %"\npoints_max = 5', "points_max = 5: the first level needs"),
        ("grid = [8, 8, 1]\ntime_max = 5.0", "kubo.k: time_max has no meaning without a target"),
        ('target = "1 %"\ngrid = [8, 8, 8]', "is not periodic along vector 3; use 1 there"),
    ],
)
def test_bad_input(comm, tmp_path, k, words):
    with pytest.raises(InputError) as problem:
        run(comm, tmp_path, "rashba", k)
    assert words in str(problem.value)
    assert "\n" not in str(problem.value)
