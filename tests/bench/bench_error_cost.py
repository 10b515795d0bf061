"""CPU time of the errors, part of the run without them: python tests/bench/bench_error_cost.py [case ...]

The same sums and values with and without parts of the mesh, on one core, in turn, medians. "sums": classes of
sub-meshes added up apart and made symmetric; "values": every value once for each part. Aim: at most 5 % together.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from mpi4py import MPI

from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.hamiltonian.kmesh import uniform_mesh
from hpcalo.hamiltonian.loading import load_model
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.summing import quantities
from hpcalo.kubo.sums.passes import sum_over_k
from hpcalo.kubo.sums.plan import plan
from hpcalo.parallel.threads import limit_threads

INPUTS = Path(__file__).resolve().parents[2] / "input"
ROUNDS = 7
HALL = ('kubo.quantities=["anomalous_hall"]', "kubo.energies={minimum=-0.5,maximum=0.5,points=201}")
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "iron, position matrix, 48³ Γ-centred": ("fe_ahc.toml", (*HALL, "kubo.k={grid=[48,48,48]}")),
    "iron, position matrix, 24³ shifted": (
        "fe_ahc.toml",
        (*HALL, "kubo.k={grid=[24,24,24],shift=[0.31,0.137,0.42]}"),
    ),
    "Rashba film, 921 energies, 192²": ("rashba.toml", ("kubo.k.grid=[192,192,1]", "kubo.n_hat=[[0,0,1]]")),
    "Rashba film, 461 energies, three Γ, 128²": (
        "rashba.toml",
        (
            "kubo.k={grid=[128,128,1],shift=[0.5,0.5,0.0]}",
            "kubo.n_hat=[[0,0,1]]",
            "kubo.gamma=[0.05,0.1,0.3]",
            "kubo.energies={minimum=-4.6,maximum=4.6,points=461}",
        ),
    ),
    "mnw3, 24²": ("mnw001_small.toml", ("kubo.k.grid=[24,24,1]",)),
}


def measure(name: str, file: str, overrides: tuple[str, ...]) -> None:
    """Prints one line."""
    source = INPUTS / file
    settings = validate(KuboInput, apply_overrides(read_toml(source), list(overrides)), str(source), source.parent)
    model = load_model(settings.model)
    reference, n_hat, request = prepare(settings.kubo, model)
    states = solvers(model, n_hat, request.need())
    divided = [plan(solver, request, settings.kubo.k, MPI.COMM_SELF, len(n_hat)) for solver in states]
    whole = [
        replace(task, mesh=uniform_mesh(task.mesh.grid, task.mesh.shift, task.mesh.operations, task.solver.order))
        for task in divided
    ]
    times: dict[str, list[float]] = {"sums": [], "values": [], "sums alone": [], "values alone": []}
    for _ in range(ROUNDS):
        for suffix, tasks in (("", divided), (" alone", whole)):
            start = time.process_time()
            passes = [sum_over_k(task, MPI.COMM_SELF) for task in tasks]
            summed = time.process_time()
            quantities(settings.kubo, request, reference, None, n_hat, passes)
            times[f"sums{suffix}"].append(summed - start)
            times[f"values{suffix}"].append(time.process_time() - summed)
    t = {key: statistics.median(values) for key, values in times.items()}
    base = t["sums alone"] + t["values alone"]
    sums, values = ((t[key] - t[f"{key} alone"]) / base for key in ("sums", "values"))
    mesh = divided[0].mesh
    print(
        f"{name}: {len(mesh.points)} points, {mesh.division.parts} parts, {base:.2f} s without errors; "
        f"sums +{sums:.1%}, values +{values:.1%}, together {sums + values:.1%}",
        flush=True,
    )


def main() -> None:
    limit_threads()
    for name, (file, overrides) in CASES.items():
        if len(sys.argv) < 2 or any(word in name for word in sys.argv[1:]):
            measure(name, file, overrides)


if __name__ == "__main__":
    main()
