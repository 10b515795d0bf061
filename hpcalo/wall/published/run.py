"""The published model from input to named results; one rank of a communicator computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import ConvergenceError, InputError
from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.parallel.guard import on_root
from hpcalo.scan.merge import Results
from hpcalo.typing import RealArray
from hpcalo.wall.config import WallInput
from hpcalo.wall.published.evolution import evolve, normalization
from hpcalo.wall.published.model import PaperModel
from hpcalo.wall.published.refine import coarser, with_errors
from hpcalo.wall.published.result import contents

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


PATHS = ("path", "path_x", "path_p")
"""Names in a checkpoint of the magnetizations so far: of the run, and of those on coarser meshes in x and in p."""


def reference(settings: WallInput) -> float:
    """C of an input without [scan]. Serial. Raises InputError, ConvergenceError."""
    given = settings.paper.normalization
    found = normalization(PaperModel(settings)) if given is None else given
    if not 0.0 < found < np.inf:
        raise ConvergenceError(f"paper model: the normalization C would be {found:g}")
    return found


def evolved(settings: WallInput, comm: Intracomm, keeper: Keeper, begun: Checkpoint | None, c_per_m: float) -> Results:
    """Variables with their errors, and coordinates, on all ranks. Collective.

    keeper: over the same ranks. begun: the checkpoint to continue from, on rank 0. c_per_m: C, `reference`. Raises
    StopRequested on all ranks, after it has saved.
    """
    with keeper.alone():
        return on_root(comm, lambda: _Evolutions(settings, keeper, begun, c_per_m).results())


class _Evolutions:
    """The run and those that tell its errors, one after the other; what they have reached goes into a checkpoint."""

    def __init__(self, settings: WallInput, keeper: Keeper, begun: Checkpoint | None, c_per_m: float) -> None:
        self.settings, self.keeper, self.c_per_m = settings, keeper, c_per_m
        self.paths = {name: begun.array(name) for name in PATHS if begun is not None and name in begun.arrays}

    def results(self) -> Results:
        """Raises StopRequested after it has saved; HpcaloErrors of the run itself."""
        fine = self._one(PATHS[0], self.settings)
        coarse: list[tuple[Results | None, float]] = []
        for name, (settings, factor) in zip(PATHS[1:], coarser(self.settings), strict=True):
            try:
                coarse.append((self._one(name, settings), factor))
            except (InputError, ConvergenceError):  # then the error is not known
                coarse.append((None, factor))
        return with_errors(fine, coarse)

    def _one(self, name: str, settings: WallInput) -> Results:
        def on_step(frames: list[RealArray]) -> None:
            def save() -> None:
                self.keeper.save((), {}, {**self.paths, name: np.array(frames)})

            try:
                self.keeper.check()
            except StopRequested:
                save()
                raise
            if self.keeper.is_due(frame=False):
                save()

        found = evolve(PaperModel(settings), self.paths.get(name), on_step, c_per_m=self.c_per_m)
        self.paths[name] = found.m
        return contents(found, settings)
