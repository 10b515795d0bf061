"""The line solve: an exact two-way transport sweep, streaming + relaxation + precession for all momenta at once.

Block elimination goes from both ends of the wire to its middle node and back. Each node sees the same arithmetic on any
number of ranks: the result has the same bits. Ranks on one half of the wire form a pipeline: they work on different
chunks of momenta at a time. Two ranks do not wait for each other at all.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kernels import _wall

if TYPE_CHECKING:
    from mpi4py import MPI

WIDTH = 8
"""Momenta of a chunk, fixed by the kernel; twice as many in single precision."""
SIDES, MIDDLE, ALL = (1, 2), 4, 7
"""Parts of the own nodes, as the kernel numbers them: the two sides of the middle node, the node, everything."""


class Sweep:
    """Solves (streaming + a - b M x) e = r: the kinetic operator without collision gain and momentum coupling.

    single: in single precision, with half the memory traffic (as a preconditioner).
    """

    def __init__(self, mesh: Mesh, kinetic: Kinetic, *, single: bool = False) -> None:
        self.mesh = mesh
        self.k = kinetic
        n, points = kinetic.n, kinetic.p.size
        self.dtype = np.dtype(np.float32 if single else np.float64)
        self.width = 2 * WIDTH if single else WIDTH
        self.chunks = -(-points // self.width)
        self.speed2 = np.ascontiguousarray((kinetic.v / kinetic.dx) ** 2)
        self._speed2 = self.speed2.astype(self.dtype)
        self.face = np.empty((n + 1, 9))
        self.pivots: RealArray = np.zeros((n, self.chunks, 10, self.width), dtype=self.dtype)
        self.a = 1.0
        rank, size = mesh.comm.rank, mesh.comm.size
        self.middle = mesh.middle - mesh.first
        # Whether elimination crosses this rank's left and right boundary towards larger x (+1), smaller x (-1), or ends
        # there (0, the end of the wire).
        self._left = 0 if rank == 0 else 1 if mesh.first <= mesh.middle else -1
        self._right = 0 if rank == size - 1 else 1 if mesh.last <= mesh.middle else -1
        self._ghost: RealArray = np.zeros((2, 4, points), dtype=self.dtype)
        self._narrow = -(-points // WIDTH)  # chunks of the factorization, which is in double precision
        self._running = np.zeros((2, self._narrow, 10, WIDTH))  # pivots last found from the left and from the right
        # Chunks at a time: as many stages as keep a chain of ranks busy; one where nobody waits.
        stages = 1 if size <= 2 else min(self.chunks, size)
        cuts = [self.chunks * i // stages for i in range(stages + 1)]
        self._stages = list(pairwise(cuts))

    def factor(self, shift: float = 0.0) -> None:
        """Factors for the magnetization now set in the kinetic operator. Collective."""
        c, k = self.k.carriers, self.k
        self.a = 1.0 / c.tau + shift
        wide = self.width // WIDTH

        def part(first: int, last: int) -> slice:
            return slice(first * wide, min(last * wide, self._narrow))

        def run(first: int, last: int, parts: int) -> None:
            chunks = part(first, last)
            _wall.sweep_factor(
                m=k.m, mf=k.mf, speed2=self.speed2, face=self.face, pivots=self.pivots, running=self._running,
                a=self.a, b=c.precession, middle=self.middle, first=chunks.start, last=chunks.stop, parts=parts,
            )  # fmt: skip

        def end(node: int, first: int, last: int) -> RealArray:
            return self._running[1 + node, part(first, last)].copy()  # the last own node's came from the left

        def beyond(side: int, first: int, last: int) -> RealArray:
            return self._running[side, part(first, last)]

        self._running[...] = 0.0
        self._chain(run, end, beyond, 1)

    def _chain(
        self,
        run: Callable[[int, int, int], None],
        end: Callable[[int, int, int], RealArray],
        beyond: Callable[[int, int, int], RealArray],
        way: int,
    ) -> None:
        """Calls `run(first, last, parts)` for all chunks, each when the values of the neighbours have arrived.

        way: +1 inward, -1 outward. end(node, first, last): the values that a neighbour needs. beyond(side, first,
        last): where the values of a neighbour belong. The rank with the middle node works on its two sides separately,
        so that it does not wait for both at once.
        """
        comm = self.mesh.comm
        requests: list[MPI.Request] = []

        def receive(side: int, first: int, last: int) -> None:
            to = beyond(side, first, last)
            values = np.empty(to.shape, dtype=to.dtype)
            comm.Recv(values, comm.rank + (-1, 1)[side], 1)
            to[...] = values

        def send(side: int, first: int, last: int) -> None:
            requests.append(comm.Isend(end((0, -1)[side], first, last), comm.rank + (-1, 1)[side], 1))

        comes = (self._left == way, self._right == -way)
        goes = (self._left == -way, self._right == way)
        steps: list[tuple[tuple[int, ...], int]] = [((0, 1), ALL)]  # sides to talk to, parts to work on
        if comm.size > 1 and 0 <= self.middle < self.mesh.n:
            if way == 1:  # what needs nobody goes first
                steps = [((side,), SIDES[side]) for side in sorted((0, 1), key=comes.__getitem__)] + [((), MIDDLE)]
            else:  # what somebody waits for goes first
                order = sorted((0, 1), key=goes.__getitem__, reverse=True)
                steps = [((), MIDDLE), *(((side,), SIDES[side]) for side in order)]
        for first, last in self._stages:
            for sides, parts in steps:
                for side in sides:
                    if comes[side]:
                        receive(side, first, last)
                run(first, last, parts)
                for side in sides:
                    if goes[side]:
                        send(side, first, last)
        for request in requests:
            request.Wait()

    def solve(
        self,
        r: RealArray | None,
        out: RealArray | None = None,
        *,
        gain: RealArray | None = None,
        moments: RealArray | None = None,
        whole: bool = True,
    ) -> RealArray:
        """e for the right-hand side r (n, 4, points) plus the collision gain of the moments `gain` (n, 4). Collective.

        Either may be absent. out and moments (n, 4) receive e and its moments if given, in the same pass. In single
        precision r and out are in single precision as well, and there is no gain. whole: False makes out a work array
        without a meaningful content.
        """
        z: RealArray = np.empty(self.k.shape, dtype=self.dtype) if out is None else out
        right = None if r is None else np.ascontiguousarray(r, dtype=self.dtype)

        if moments is not None:
            moments[...] = 0.0  # the kernel adds

        def run(inward: int, outward: int) -> Callable[[int, int, int], None]:
            k = self.k
            return lambda first, last, parts: _wall.sweep_solve(
                r=right, q=gain, m=k.m, h=k.h, hd=k.hd, speed2=self._speed2, face=self.face, pivots=self.pivots,
                ghost=self._ghost, z=z, whole=whole, sums=moments, a=self.a, all=k.gain_rates[0],
                keep=k.gain_rates[1], dp=k.dp, middle=self.middle, first=first, last=last, inward=inward & parts,
                outward=outward & parts,
            )  # fmt: skip

        if self.mesh.comm.size == 1:
            run(ALL, ALL)(0, self.chunks, ALL)
            return z

        def end(node: int, first: int, last: int) -> RealArray:
            return np.ascontiguousarray(z[node, :, first * self.width : last * self.width])

        def beyond(side: int, first: int, last: int) -> RealArray:
            return self._ghost[side, :, first * self.width : last * self.width]

        self._chain(run(ALL, 0), end, beyond, 1)
        self._chain(run(0, ALL), end, beyond, -1)
        return z
