"""What a band structure will cost."""

from __future__ import annotations

import time
from pathlib import Path

from hpcalo.bands.config import BandsInput
from hpcalo.bands.kpath import path_through
from hpcalo.bands.states import BandStates
from hpcalo.hamiltonian.loading import load_model
from hpcalo.kubo.states.solvers import magnetization_directions
from hpcalo.parallel.progress import duration
from hpcalo.parallel.work import PROGRAM, Work

PIECE = 4
"""k-points whose time is taken."""


def work_bands(settings: BandsInput, source: Path) -> Work:
    """Reads the model and times a few points. Serial. Raises InputError, ModelError."""
    section = settings.bands
    model = load_model(settings.model)
    path = path_through(model.crystal, section.path, section.named, section.points)
    n_hat = magnetization_directions(model, section.directions)[0]
    states = BandStates(model, n_hat, spin_matrices=section.spin_matrices)
    states.levels(path.k[:1])
    begin = time.perf_counter()
    states.levels(path.k[-PIECE:])
    seconds = (time.perf_counter() - begin) / len(path.k[-PIECE:])
    N = model.size
    values = N * len(path.k) * (14 + len(states.sites)) * 8
    memory = PROGRAM + 3.0 * values + 16 * 40.0 * N * N * 16

    def report(ranks: int) -> str:
        way = " – ".join(path.names)
        return (
            f"{source}: bands of {N} functions at {len(path.k)} k-points along {way}\n"
            f"{1e3 * seconds:.3g} ms per k-point, about {duration(seconds * -(-len(path.k) // ranks))} on {ranks} "
            f"rank{'s' * (ranks > 1)}, {memory / 2**20:.0f} MiB a rank"
        )

    return Work(
        engine="bands",
        tasks=len(path.k),
        groups=1,
        team=len(path.k),
        what="k-points",
        piece="each rank computes its part of the path",
        memory=lambda ranks: memory,
        report=report,
        task_seconds=seconds,
    )
