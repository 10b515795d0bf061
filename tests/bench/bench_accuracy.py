"""Time to an accuracy: python tests/bench/bench_accuracy.py [CPU seconds for each way of summing] [broadening]

The Hall conductivity σ_xy(μ) of bcc Fe at 300 K on one core: 201 chemical potentials within 0.5 eV of E_F, exact Fermi
functions, H and r of Fe_tb.dat without replicas, 16 operations. Errors are rms over the curve relative to its rms,
against shared/reference/fe_ahc_300K.csv (known to 0.2 %). For each way of summing: k-points computed, CPU seconds of
everything after the file is read, the true error and the estimated one. Meshes: each one by itself, so that the first
that is accurate enough is their time in hindsight. Refined cells: all levels together, thresholds halved. On several
ranks (mpirun -n 2 python …) only the cells, and how evenly the ranks share them: CPU seconds of all k-points over those
of the rank that has most, which would be the number of ranks if all had the same. With the word "broadening" another
table alone: what refined cells take to reach 1 % at the Fermi energy, by their own estimate, at several Γ.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from mpi4py import MPI

from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.hamiltonian.kmesh import uniform_mesh
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.symmetry import candidates, identity
from hpcalo.kubo.cells.tree import CellTree
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.responses.anomalous_hall import S_CM
from hpcalo.kubo.states.operators import CURVATURE
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.summing import estimate_of, point_values, quantities
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.found import Symmetry
from hpcalo.kubo.sums.request import FERMI, VELOCITY_VELOCITY, Request, Sums, fermi_name, raw_name
from hpcalo.kubo.sums.symmetry import symmetrized
from hpcalo.kubo.target.driver import SAFETY
from hpcalo.kubo.target.planner import Directions, Planner
from hpcalo.kubo.target.refined import CellStrategy
from hpcalo.kubo.target.strategy import Level
from hpcalo.parallel.threads import limit_threads
from hpcalo.units import BOLTZMANN_EV

SHARED = Path(os.environ.get("HPCALO_SHARED", Path(__file__).resolve().parents[3] / "shared"))
INPUTS = Path(__file__).resolve().parents[2] / "input"
E_F, MOMENT = 12.6312, 2.36
TARGETS = (0.10, 0.05, 0.02, 0.01)
Point = tuple[int, float, float, float | None]
"""k-points, CPU seconds, true error, estimated error."""


class Iron:
    """The sum over k that is measured."""

    def __init__(self, temperature: float = 300.0) -> None:
        options = WannierOptions(fermi_energy=E_F, spin="none", replicas=False)
        self._model = read_wannier90(SHARED / "data" / "fe" / "Fe", options)
        table = np.loadtxt(SHARED / "reference" / "fe_ahc_300K.csv", delimiter=",")
        self.reference, none = table[:, 1], np.zeros(0)
        mu, kt = E_F + table[:, 0], np.full(len(table), BOLTZMANN_EV * temperature)
        crystal = replace(self._model.crystal, moments=np.array([MOMENT]))
        sums = Sums(fermi=(VELOCITY_VELOCITY,), fermi_levels=(CURVATURE,))
        self.request = Request(crystal, E_F + np.array([-1.0, 1.0]), none, mu, kt, sums)
        self.operations = candidates(crystal, self._model.n_hat)
        self.scale = float(np.sqrt((self.reference**2).mean()))

    def solver(self) -> WannierStates:
        return WannierStates(self._model, self.request.need())

    def curve(self, raw) -> np.ndarray:
        """σ_xy(μ), S/cm, of one or several sums."""
        pairs = raw[raw_name(FERMI, VELOCITY_VELOCITY)]
        curvature = raw[fermi_name(CURVATURE)]
        hall = 0.5 * (pairs[..., 1, :] - pairs[..., 3, :]) - curvature[..., 2, :]
        return hall * S_CM / self.request.crystal.volume

    def error(self, curve: np.ndarray) -> float:
        return float(np.sqrt(((curve - self.reference) ** 2).mean())) / self.scale


def meshes(iron: Iron, shift, symmetric: bool, most: float) -> Iterator[Point]:
    """One mesh after the other, each from scratch."""
    for n in (16, 20, 24, 32, 40, 48, 64, 80, 96, 120):
        begin = time.process_time()
        solver = iron.solver()
        operations = iron.operations if symmetric else (identity(),)
        mesh = uniform_mesh((n,) * 3, shift, operations, solver.order)
        total: dict[str, np.ndarray] = {}
        for block in mesh.blocks(128):
            part = sum_block(solver, mesh.points[block], mesh.weights[block], iron.request, slice(None))
            total = {name: total.get(name, 0.0) + values for name, values in part.items()}
        curve = iron.curve(symmetrized(total, mesh.operations, iron.request))
        seconds = time.process_time() - begin
        yield len(mesh.points), seconds, iron.error(curve), None
        if seconds > most / 3.0:
            return


def cells(iron: Iron, most: float) -> Iterator[Point]:
    """Lower and lower thresholds of one tree."""
    begin = time.process_time()
    solver = iron.solver()
    tree = CellTree(solver, iron.request, Symmetry(operations=tuple(iron.operations)), (16, 16, 16))
    scale = float(np.sqrt((iron.curve(tree.start(solver, MPI.COMM_SELF)) ** 2).mean()))
    threshold = 1e-3
    while time.process_time() - begin < most:
        summed = tree.grow(solver, lambda raw: iron.curve(raw) / scale, threshold, MPI.COMM_SELF)
        curve = iron.curve(summed.total)
        squares = [(iron.curve(part) - curve) ** 2 for part in summed.levels[0].sums]
        estimate = float(np.sqrt(np.mean(squares) * len(squares) / (len(squares) - 1))) / iron.scale
        yield tree.points, time.process_time() - begin, iron.error(curve), estimate
        threshold *= 0.5


class Timed:
    """A solver that counts the k-points and CPU seconds of its rank."""

    def __init__(self, solver: WannierStates) -> None:
        self._solver, self.count, self.seconds = solver, 0, 0.0

    def __getattr__(self, name: str):
        return getattr(self._solver, name)

    def points(self, k, need):
        begin = time.process_time()
        states = self._solver.points(k, need)
        self.seconds += time.process_time() - begin
        self.count += len(k)
        return states


def ranks(iron: Iron, comm, levels: int = 4) -> None:
    """How evenly ranks share the cells."""
    solver = Timed(iron.solver())
    tree = CellTree(solver, iron.request, Symmetry(operations=tuple(iron.operations)), (16, 16, 16))
    scale = float(np.sqrt((iron.curve(tree.start(solver, comm)) ** 2).mean()))
    for level in range(levels):
        tree.grow(solver, lambda raw: iron.curve(raw) / scale, 1e-3 * 0.5**level, comm)
        each = np.array(comm.allgather((solver.count, solver.seconds)))
        count, seconds = each.sum(axis=0) / each.max(axis=0)
        if comm.rank == 0:
            print(
                f"{tree.points:7,d} k-points: {count:.2f} × by their number, {seconds:.2f} × by CPU seconds", flush=True
            )


def broadening(most: float) -> None:
    """CPU seconds and k-points to 1 % of every element at the Fermi energy. most: CPU seconds for each."""
    magnetization = "kubo.n_hat=[0,0,-1]"
    cases = {
        "iron, Hall conductivity": ("fe_ahc.toml", "conductivity", "hall_conductivity", ()),
        "iron, conductivity": ("fe_ahc.toml", "conductivity", "conductivity", ()),
        "FeTe, conductivity": ("fete.toml", "conductivity", "conductivity", (magnetization,)),
        "FeTe, Hall conductivity": ("fete.toml", "conductivity", "hall_conductivity", (magnetization,)),
        "FeTe, even torkance": ("fete.toml", "torkance", "torkance_even", (magnetization,)),
        "FeTe, odd torkance": ("fete.toml", "torkance", "torkance_odd", (magnetization,)),
    }
    for words, (file, quantity, name, more) in cases.items():
        for gamma in (25, 5, 1):
            overrides = [f'kubo.quantities=["{quantity}"]', f'kubo.gamma="{gamma} meV"', *more]
            overrides.append("kubo.energies={minimum=-0.01,maximum=0.01,points=3}")
            overrides.append(f'kubo.k={{target={{{name}="1 %"}}}}')
            points, seconds, value, error = to_target(INPUTS / file, overrides, most)
            cost = f"{seconds:7.1f} s {points:9,d} k-points: {value:.5g} ± {100.0 * error:.2f} %"
            print(f"{words:26s} Γ = {gamma:2d} meV: {cost}", flush=True)


def to_target(source: Path, overrides: list[str], most: float) -> tuple[int, float, float, float]:
    """k-points, CPU seconds, worst value and its relative error where refined cells reach the target."""
    settings = validate(KuboInput, apply_overrides(read_toml(source), overrides), str(source), source.parent)
    model = load_model(settings.model)
    section = settings.kubo
    reference, n_hat, request = prepare(section, model)
    begin = time.process_time()
    directions = Directions(partial(solvers, model, n_hat, request.need()), ["n"])
    planner = Planner(MPI.COMM_SELF, request, section.k, directions)
    cells = CellStrategy(planner, directions, point_values(section, request, reference, n_hat), MPI.COMM_SELF)
    step = cells.step(1.0)
    while step is not None:
        sums = cells.sums(step)
        run, fields = quantities(section, request, reference, None, n_hat, sums)
        level = Level(cells.taken(step), sums, estimate_of(run, fields, section))
        cells.levels.append(level)
        seconds = time.process_time() - begin
        if (level.ratio <= 1.0 and len(cells.levels) > 1) or seconds > most:
            break
        step = cells.step(max(level.ratio, 1.0) * SAFETY)
    (values,) = level.estimate.variables
    worst = int(np.argmax(values.ratios))
    points = sum(one.step.points for one in cells.levels)
    return points, seconds, float(values.value[worst]), float(values.relative[worst])


def main() -> None:
    most = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    limit_threads()
    if "broadening" in sys.argv:
        broadening(most)
        return
    iron = Iron()
    if MPI.COMM_WORLD.size > 1:
        ranks(iron, MPI.COMM_WORLD)
        return
    ways = {
        "Γ-centred mesh, wedge": lambda: meshes(iron, (0.0, 0.0, 0.0), True, most),
        "half-shifted mesh, wedge": lambda: meshes(iron, (0.5, 0.5, 0.5), True, most),
        "generic shift": lambda: meshes(iron, (1.0 / 7.0, 3.0 / 7.0, 2.0 / 9.0), False, most),
        "refined cells": lambda: cells(iron, most),
    }
    rows = []
    for name, way in ways.items():
        points = []
        for count, seconds, true, estimate in way():
            text = "" if estimate is None else f"   estimated {100 * estimate:6.2f} %"
            print(f"{name:26s} {count:7,d} k-points {seconds:7.2f} s   error {100 * true:7.2f} %{text}", flush=True)
            points.append((seconds, true))
        # The first from which on errors stay below: a mesh may be right by chance.
        reached = [[s for i, (s, _) in enumerate(points) if all(e < t for _, e in points[i:])] for t in TARGETS]
        rows.append((name, [f"{r[0]:.1f}" if r else f"> {points[-1][0]:.0f}" for r in reached]))
    print("\nCPU seconds to                " + "".join(f"{100 * t:>8.0f} %" for t in TARGETS))
    for name, row in rows:
        print(f"{name:30s}" + "".join(f"{text:>10s}" for text in row))


if __name__ == "__main__":
    main()
