"""Arrays that belong to single k-points, made by several ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import Interrupted
from hpcalo.parallel.guard import together
from hpcalo.parallel.progress import Progress
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import signal_name
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


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

    made: of `piece` points (the last ones: fewer), neighbours in k. Which points go together does not depend on the
    number of ranks, so that no bit does; each rank has neighbouring pieces. Raises Interrupted on all ranks after a
    signal; what `made` raises on one rank, all raise.
    """
    pieces = -(-len(k) // piece)
    edges = np.linspace(0, pieces, comm.size + 1).astype(int)
    mine = [k[i * piece : (i + 1) * piece] for i in range(edges[comm.rank], edges[comm.rank + 1])]
    found: list[dict[str, RealArray]] = []
    rounds.begin()
    with Progress(len(k), "k", comm, share=sum(map(len, mine)), quiet=quiet, label=label) as progress:
        for number in range(int(np.diff(edges).max())):
            part = mine[number] if number < len(mine) else k[:0]
            with together(comm):
                if len(part):
                    found.append(made(part))
            progress.advance(len(part))
            if rounds.meeting()[1]:
                raise Interrupted(f"stopped by {signal_name(comm, rounds.stop.name)}: run it again")
    gathered = comm.gather(found, root=0)
    if gathered is None:
        return None
    whole = [arrays for rank in gathered for arrays in rank]
    return {name: np.concatenate([arrays[name] for arrays in whole]) for name in whole[0]}
