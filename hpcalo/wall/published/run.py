"""The published model from input to named results; one rank of a communicator computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.parallel.guard import on_root
from hpcalo.scan.merge import Results
from hpcalo.typing import RealArray
from hpcalo.wall.config import WallInput
from hpcalo.wall.published.evolution import evolve
from hpcalo.wall.published.model import PaperModel
from hpcalo.wall.published.result import contents

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def evolved(settings: WallInput, comm: Intracomm, keeper: Keeper, begun: Checkpoint | None) -> Results:
    """Variables and coordinates, on all ranks. Collective.

    keeper: over the same ranks. begun: the checkpoint to continue from, on rank 0. Raises StopRequested on all ranks,
    after it has saved.
    """

    def compute() -> Results:
        path: RealArray | None = None if begun is None else begun.array("path")

        def on_step(frames: list[RealArray]) -> None:
            def save() -> None:
                keeper.save((), {"steps": len(frames) - 1}, {"path": np.array(frames)})

            try:
                keeper.check()
            except StopRequested:
                save()
                raise
            if keeper.is_due(frame=False):
                save()

        return contents(evolve(PaperModel(settings), path, on_step), settings)

    with keeper.alone():
        return on_root(comm, compute)
