"""True errors of sums over k against the estimated ones: python tests/bench/bench_errors.py [--keep FOLDER] [model ...]

Runs each model on a few Γ-centred, half-shifted and generic meshes and on one much finer one, and prints as Markdown
tables the ratio of true to estimated error: its median and what 90 % of all values stay below, by mesh and by quantity.
Each quantity of a mesh counts alike. A table between them tells of errors that three successive meshes lower, as in a
run to a target. Aim: medians from 0.3 to 2, 90 % below 5, never an estimate of 0 for a value that
is not exact. An estimate that is too large (a small ratio) is the harmless side. With --keep, sums are kept in a
folder and made once. All models together take about half an hour on one core.
"""

from __future__ import annotations

import argparse
import itertools
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.hamiltonian.loading import load_model
from hpcalo.kubo.accuracy.estimate import estimated_error
from hpcalo.kubo.accuracy.fields import errors_of_bins, scatters
from hpcalo.kubo.accuracy.near import Near
from hpcalo.kubo.accuracy.spread import spreads
from hpcalo.kubo.accuracy.successive import lowered_error
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.summing import run_sums
from hpcalo.kubo.sums.passes import sum_over_k
from hpcalo.kubo.sums.plan import plan
from hpcalo.parallel.threads import limit_threads

INPUTS = Path(__file__).resolve().parents[2] / "input"
GENERIC = (0.31, 0.137, 0.42)
KINDS = {"G": "Γ-centred", "H": "half-shifted", "S": "generic shift"}
EXACT = 1e-5
"""Curves that the mesh has to this relative accuracy are converged; and no ratio is formed of two rounding errors."""


@dataclass(frozen=True)
class Case:
    """A model. dimensions: directions of its grid. reference: kind and divisions of the fine mesh."""

    source: str
    dimensions: int
    overrides: tuple[str, ...]
    meshes: dict[str, tuple[int, ...]]
    reference: tuple[str, int]


FILM = ("kubo.temperatures=[100,300]", "kubo.energies.points=201")
CASES = {
    "chain": Case(
        "rashba.toml",
        1,
        (
            'model={builtin="chain",fermi_energy=0.0}',
            'kubo.quantities=["torkance","spiralization","conductivity","damping","density_of_states"]',
            "kubo.n_hat=[0,0,1]",
            "kubo.gamma=[0.05]",
            "kubo.temperatures=[100,300]",
            "kubo.energies.points=231",
        ),
        {"G": (48, 96, 192), "H": (48, 96, 192), "S": (48, 96, 192)},
        ("H", 24000),
    ),
    "rashba": Case(
        "rashba.toml",
        2,
        (
            'kubo.quantities=["torkance","thermal_torkance","inverse_thermal_torque","spiralization","conductivity",'
            '"anomalous_hall","nernst","orbital_magnetization","damping","density_of_states"]',
            "kubo.n_hat=[0,0,1]",
            "kubo.gamma=[0.05]",
            "kubo.temperatures=[100,300]",
            "kubo.energies.points=231",
        ),
        {"G": (24, 48, 96, 192), "H": (24, 48, 96, 192), "S": (24, 48, 96)},
        ("H", 1600),
    ),
    "mnw3": Case(
        "mnw001_small.toml",
        2,
        FILM,
        {"G": (12, 24, 36, 48, 72, 96), "H": (12, 24, 36, 48, 72, 96), "S": (12, 24, 48)},
        ("H", 192),
    ),
    "mnw9": Case("mnw001.toml", 2, FILM, {"G": (12,), "H": (8, 12)}, ("H", 24)),
    "fe": Case(
        "fe_ahc.toml",
        3,
        (
            'kubo.quantities=["conductivity","anomalous_hall","nernst","orbital_magnetization","density_of_states"]',
            "kubo.energies={minimum=-1.0,maximum=1.0,points=401}",
            "kubo.temperatures=[100,300]",
            'kubo.gamma="25 meV"',
        ),
        {"G": (12, 16, 24, 32), "H": (12, 24), "S": (12, 16, 24)},
        ("S", 60),
    ),
    "fete": Case(
        "fete.toml",
        3,
        (
            'kubo.quantities=["torkance","thermal_torkance","spiralization","conductivity","damping",'
            '"density_of_states"]',
            "kubo.energies={minimum=-1.0,maximum=1.0,points=201}",
            "kubo.n_hat=[0,0,-1]",
            "kubo.temperatures=[100,300]",
            'kubo.gamma="25 meV"',
        ),
        {"G": (8, 12, 16), "H": (8, 12, 16), "S": (8, 12, 16)},
        ("S", 44),
    ),
}


def measured(case: Case, kind: str, divisions: int) -> dict[str, Any]:
    """Values and scatter of the parts of one mesh."""
    grid = [divisions] * case.dimensions + [1] * (3 - case.dimensions)
    shift = {"G": (0.0,) * 3, "H": (0.5,) * 3, "S": GENERIC}[kind][: case.dimensions]
    mesh = f"kubo.k={{grid={grid},shift={[*shift, *(0.0 for _ in range(3 - case.dimensions))]}}}"
    source = INPUTS / case.source
    table = apply_overrides(read_toml(source), [*case.overrides, mesh])
    settings = validate(KuboInput, table, str(source), source.parent)
    model = load_model(settings.model)
    reference, n_hat, request = prepare(settings.kubo, model)
    passes, points = [], 0
    for solver in solvers(model, n_hat, request.need()):
        task = plan(solver, request, settings.kubo.k, MPI.COMM_SELF, len(n_hat))
        passes.append(sum_over_k(task, MPI.COMM_SELF))
        points += len(task.mesh.points)
    run = run_sums(settings.kubo, request, reference, n_hat, passes)
    chosen = responses(settings.kubo.quantities)
    dims = {q.name: q.dims for response in chosen for q in response.quantities}

    near = Near.of(run)

    def compute(raw: Sequence[Any]) -> dict[str, np.ndarray]:
        moved = near.moved(raw)
        return {name: values for response in chosen for name, values in response.compute(moved).items()}

    found = spreads(compute, passes, frozenset(name for name, axes in dims.items() if axes[0] == "n_hat"))
    return {
        "values": {name: values for response in chosen for name, values in response.compute(run).items()},
        "scatter": {
            name: scatters(found, name, axes, near)
            for name, axes in dims.items()
            if found and name in found[0].variances
        },
        "bins": errors_of_bins(run, passes, chosen),
        "d": passes[0].dimensions,
        "dims": dims,
        "points": points,
    }


def kept(folder: Path | None, name: str, case: Case, kind: str, divisions: int) -> dict[str, Any]:
    """The same from the folder, if it has it."""
    path = folder / f"{name}_{kind}_{divisions}.pkl" if folder else None
    if path and path.exists():
        return pickle.loads(path.read_bytes())
    sys.stderr.write(f"{name}: {KINDS[kind]}, {divisions}\n")
    found = measured(case, kind, divisions)
    if path:
        path.write_bytes(pickle.dumps(found))
    return found


@dataclass(frozen=True)
class Row:
    """One quantity on one mesh. true, estimated: root mean squares, relative to that of the values. zeros: values that
    are not exact though their estimate is 0.
    """

    model: str
    mesh: str
    quantity: str
    true: float
    estimated: float
    median: float
    most: float
    zeros: int


def compared(name: str, mesh: str, run: dict[str, Any], fine: dict[str, Any]) -> list[Row]:
    """True against estimated errors of the quantities that the mesh does not have converged and the fine mesh has."""
    rows = []
    for quantity, reference in fine["values"].items():
        dims = run["dims"][quantity]
        estimate = estimated_error(run["scatter"][quantity], dims, run["d"])
        estimate = np.hypot(estimate, run["bins"].get(quantity, 0.0))
        error = np.abs(run["values"][quantity] - reference)
        # Only elements that both meshes resolve (not zeros by a symmetry that one of them has), and whose error the
        # fine mesh can measure, its own taken as that of a spiky integrand.
        finest = fine["scatter"][quantity][0]
        curve = tuple(i for i, axis in enumerate(dims) if axis in ("energy", "mu", "temperature"))
        squares = (run["values"][quantity] ** 2, reference**2, finest.modulus ** -fine["d"] * finest.variance, error**2)
        one, other, own, true = (np.nansum(square, axis=curve, keepdims=True) for square in squares)
        known = (np.minimum(one, other) > own) & (true > 4.0 * own)
        counts = np.broadcast_to(known, error.shape) & np.isfinite(error + estimate)
        counts &= error > 1e-12 * np.nanmax(np.abs(reference), initial=0.0)
        if not counts.any():
            continue
        size = np.sqrt(np.mean(reference[counts] ** 2))
        relative, guess = (float(np.sqrt(np.mean(e[counts] ** 2)) / size) for e in (error, estimate))
        if relative < EXACT:
            continue
        ratio = error[counts] / np.maximum(estimate[counts], 1e-300)
        zeros = int(np.count_nonzero(estimate[counts] == 0.0))
        rows.append(
            Row(name, mesh, quantity, relative, guess, float(np.median(ratio)), float(np.quantile(ratio, 0.9)), zeros)
        )
    return rows


def line(words: str, rows: Sequence[Row]) -> str:
    median, most = np.array([r.median for r in rows]), np.array([r.most for r in rows])
    inside = np.mean((median > 0.3) & (median < 2.0))
    text = f"| {words} | {len(rows)} | {np.median(median):.2f} ({np.quantile(median, 0.1):.2f} … "
    text += f"{np.quantile(median, 0.9):.2f}) | {inside:.0%} | {np.mean(median > 2.0):.0%} | {np.median(most):.1f} | "
    return text + f"{np.mean(most < 5.0):.0%} | {sum(r.zeros for r in rows)} |"


def lowered(runs: Sequence[dict[str, Any]], sizes: Sequence[int], fine: dict[str, Any]) -> tuple[np.ndarray, int]:
    """Of three meshes the errors of the last one that all of them together lower by 20 % and more: rows (true, from the
    mesh alone, lowered); and how many there are in all. Only single numbers that the fine mesh resolves.
    """
    rows, count = [np.zeros((3, 0))], 0
    for quantity, reference in fine["values"].items():
        axes = runs[-1]["dims"][quantity]
        if "energy" in axes:
            continue
        own = estimated_error(runs[-1]["scatter"][quantity], axes, fine["d"])
        values = [run["values"][quantity] for run in runs]
        new = lowered_error(values, [b / a for a, b in itertools.pairwise(sizes)], own, fine["d"])
        finest = fine["scatter"][quantity][0]
        noise = np.sqrt(finest.variance * finest.modulus ** -fine["d"])
        true = np.abs(values[-1] - reference)
        counts = np.isfinite(true + own) & (np.abs(reference) > 1e-3 * np.nanmax(np.abs(reference), initial=0.0))
        counts &= true > 0.5 * noise
        count += int(np.count_nonzero(counts))
        counts &= new < 0.8 * own
        rows.append(np.stack([array[counts] for array in (true, own, new)]))
    return np.concatenate(rows, axis=1), count


def series_line(words: str, found: Sequence[tuple[np.ndarray, int]]) -> str:
    true, own, new = np.concatenate([rows for rows, _ in found], axis=1)
    text = f"| {words} | {sum(count for _, count in found)} | {true.size} | "
    if not true.size:
        return text + "| | | |"
    text += f"{np.median(new / own):.2f} | {np.median(true / own):.2f} | "
    return text + f"{np.median(true / new):.2f}, {np.quantile(true / new, 0.9):.2f} | {np.mean(true > 2.0 * new):.0%} |"


HEAD = (
    "| {} | quantities | true/estimate: median (10 … 90 %) | in 0.3 … 2 | above 2 | 90 % of values below | "
    "of these below 5 | zero |\n|---|---|---|---|---|---|---|---|"
)


SERIES_HEAD = (
    "| model, meshes three by three | numbers | lowered | to, of the own error | true/own | "
    "true/lowered: median, 90 % | above 2 |\n|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", default=list(CASES))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--all", action="store_true", help="a line for each quantity and mesh")
    options = parser.parse_args()
    limit_threads()
    rows: list[Row] = []
    for name in options.models:
        case = CASES[name]
        fine = kept(options.keep, name, case, *case.reference)
        for kind, sizes in case.meshes.items():
            for n in sizes:
                run = kept(options.keep, name, case, kind, n)
                rows += compared(name, f"{KINDS[kind]}", run, fine)
    print(HEAD.format("model, mesh"))
    for name in options.models:
        for kind in CASES[name].meshes:
            sizes = ", ".join(str(n) for n in CASES[name].meshes[kind])
            chosen = [r for r in rows if (r.model, r.mesh) == (name, KINDS[kind])]
            print(line(f"{name}, {KINDS[kind]} {sizes}", chosen))
    print(line("all", rows))
    print("\n" + SERIES_HEAD)
    for name in options.models:
        case = CASES[name]
        fine = kept(options.keep, name, case, *case.reference)
        for kind, sizes in case.meshes.items():
            found = []
            for three in zip(sizes, sizes[1:], sizes[2:], strict=False):
                found.append(lowered([kept(options.keep, name, case, kind, n) for n in three], three, fine))
            if found:
                print(series_line(f"{name}, {KINDS[kind]}", found))
    print("\n" + HEAD.format("quantity"))
    for quantity in dict.fromkeys(r.quantity for r in rows):
        print(line(f"`{quantity}`", [r for r in rows if r.quantity == quantity]))
    if options.all:
        print("\n| model | mesh | quantity | true | estimated | median | 90 % |\n|---|---|---|---|---|---|---|")
        for r in rows:
            errors = f"{r.true:.1e} | {r.estimated:.1e} | {r.median:.2f} | {r.most:.2f}"
            print(f"| {r.model} | {r.mesh} | {r.quantity} | {errors} |")


if __name__ == "__main__":
    main()
