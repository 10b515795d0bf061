"""What a map will cost."""

from __future__ import annotations

import time
from pathlib import Path

from hpcalo.hamiltonian.loading import load_model
from hpcalo.maps.config import MapsInput
from hpcalo.maps.plane import plane_of
from hpcalo.maps.run import makers_of, reference_of
from hpcalo.parallel.progress import duration
from hpcalo.parallel.work import PROGRAM, Work

PIECE = 4
"""k-points whose time is taken."""


def work_maps(settings: MapsInput, source: Path) -> Work:
    """Reads the model and times a few points. Serial. Raises InputError, ModelError."""
    section = settings.maps
    model = load_model(settings.model)
    reference, points = reference_of(section, model), plane_of(section, model.crystal).k.reshape(-1, 3)
    seconds, numbers, N, names = 0.0, 0, model.size, ", ".join(section.quantities)
    for maker in makers_of(section):
        one = maker(model, section, reference)
        one.arrays(points[:1])
        begin = time.perf_counter()
        arrays = one.arrays(points[:PIECE])
        seconds += (time.perf_counter() - begin) / len(points[:PIECE])
        numbers += sum(array[0].size for array in arrays.values())
    memory = PROGRAM + 3.0 * numbers * len(points) * 8 + 16 * 40.0 * N * N * 16

    def report(ranks: int) -> str:
        return (
            f"{source}: {names} at {len(points)} k-points of a plane, {N} functions\n"
            f"about {duration(seconds * -(-len(points) // ranks))} on {ranks} rank{'s' * (ranks > 1)}, "
            f"{memory / 2**20:.0f} MiB a rank"
        )

    return Work(
        engine="maps",
        tasks=len(points),
        groups=1,
        team=len(points),
        what="k-points",
        piece="each rank computes its part of the plane",
        memory=lambda ranks: memory,
        report=report,
        task_seconds=seconds,
    )
