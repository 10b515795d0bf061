"""One point of a scan of the wall."""

from __future__ import annotations

from hpcalo.engine import PointContext
from hpcalo.parallel.progress import warn
from hpcalo.scan.merge import Results
from hpcalo.wall.config import WallInput
from hpcalo.wall.driver import begin, evolve
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.published.run import evolved
from hpcalo.wall.sinks import MemorySink
from hpcalo.wall.source import CoefficientSource


def scan_point(settings: WallInput, context: PointContext) -> Results:
    """Variables and coordinates of one point, on rank 0 of its group. Collective over the group.

    Raises StopRequested after it has saved; HpcaloErrors on all ranks of the group.
    """
    comm, keeper = context.comm, context.keeper
    if settings.wall.model == "paper":
        return evolved(settings, comm, keeper, context.resume, context.extra)
    found: CoefficientSource | None = context.extra
    sim = Simulation(settings, comm, found.coefficients if found else None)
    sim.on_warning = lambda text: warn(comm, f"{context.name}: {text}")
    sink = MemorySink(sim)
    state, continued = begin(sim, sink, context.resume, keeper.result)
    evolve(sim, state, sink, keeper, found.monitors if found else {}, continued=continued)
    return sink.results()
