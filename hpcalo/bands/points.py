"""Arrays that belong to single k-points, made by several ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.parallel.guard import together
from hpcalo.parallel.progress import Progress
from hpcalo.parallel.rounds import Rounds
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


class Stopped(Exception):
    """A signal asked to stop; raised on all ranks."""


def at_points(
    made: Callable[[RealArray], dict[str, RealArray]],
    k: RealArray,
    piece: int,
    comm: Intracomm,
    rounds: Rounds,
    *,
    quiet: bool,
    label: str,
) -> dict[str, RealArray] | None:
    """Arrays by name, each with the points k (K, 3) as its first axis: all on rank 0, None elsewhere. Collective.

    made: of up to `piece` points, neighbours in k. Each rank has neighbours, too, and no array depends on the number of
    ranks. Raises Stopped on all ranks after a signal; what `made` raises on one rank, all raise.
    """
    edges = np.linspace(0, len(k), comm.size + 1).astype(int)
    mine = k[edges[comm.rank] : edges[comm.rank + 1]]
    most = -(-int(np.diff(edges).max()) // piece)
    found: list[dict[str, RealArray]] = []
    rounds.begin()
    with Progress(len(k), "k", comm, share=len(mine), quiet=quiet, label=label) as progress:
        for number in range(most):
            part = mine[number * piece : (number + 1) * piece]
            with together(comm):
                if len(part):
                    found.append(made(part))
            progress.advance(len(part))
            if rounds.meeting()[1]:
                raise Stopped
    gathered = comm.gather(found, root=0)
    if gathered is None:
        return None
    whole = [arrays for rank in gathered for arrays in rank]
    return {name: np.concatenate([arrays[name] for arrays in whole]) for name in whole[0]}
