"""Exact distributed two-way sweep: streaming + relaxation + precession for all momenta at once.

Each rank factors its own part of the block-tridiagonal systems; the values at the rank boundaries follow from a small
system (8 unknowns a rank and momentum) that every rank solves, so the result does not depend on the number of ranks
(SPIKE). One Allgather of 8 values a momentum per sweep.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.kernels import _wall
from hpcalo.wall.kinetic import Kinetic

Array = NDArray[np.float64]

NEGLIGIBLE = 1e-18  # part of a spike that is below the round-off of what it is subtracted from


class Sweep:
    """Solves (streaming + a - b M x) e = r, i.e. the kinetic operator without collision gain and momentum coupling."""

    def __init__(self, comm: Any, kinetic: Kinetic) -> None:
        self.comm = comm
        self.k = kinetic
        n, points = kinetic.n, kinetic.p.size
        self.speed2 = np.ascontiguousarray((kinetic.v / kinetic.dx) ** 2)
        self.face = np.empty((n + 1, 9))
        self.pivot_f = np.empty((n, points))
        self.pivot_g = np.empty((n, 9, points))
        self.a = 1.0

    def factor(self, shift: float = 0.0) -> None:
        """Factors for the magnetization now set in the kinetic operator. Collective."""
        c = self.k.carriers
        self.a = 1.0 / c.tau + shift
        _wall.sweep_factor(
            self.k.m, self.k.mf, self.speed2, self.face, self.pivot_f, self.pivot_g, self.a, c.precession
        )
        if self.comm.size > 1:
            self._spikes()

    def _local(self, r: Array | None, z: Array, q: Array | None = None, sums: Array | None = None) -> Array:
        k = self.k
        _wall.sweep_solve(
            r, q, k.m, k.h, k.hd, self.speed2, self.face, self.pivot_f, self.pivot_g, z, sums, self.a, *k.gain_rates,
            k.dp,
        )  # fmt: skip
        return z

    def _spike(self, node: int, face: int) -> tuple[Array, Array]:
        """Response of the own nodes to the neighbour's value beyond `face`: (n, points) and (n, 9, points)."""
        n, points = self.k.n, self.k.p.size
        f, g = np.zeros((n, points)), np.zeros((n, 9, points))
        for column in range(3):
            r = np.zeros(self.k.shape)
            r[node, 0] = -self.speed2 / self.a
            r[node, 1:] = -self.speed2 * self.face[face].reshape(3, 3)[:, column, None]
            z = self._local(r, np.empty_like(r))
            f = z[:, 0].copy()
            g[:, column::3] = z[:, 1:]
        return f, g

    def _spikes(self) -> None:
        rank, size, n = self.comm.rank, self.comm.size, self.k.n
        points = self.k.p.size
        zero = (np.zeros((n, points)), np.zeros((n, 9, points)))
        self.left = self._spike(0, 0) if rank > 0 else zero
        self.right = self._spike(n - 1, n) if rank < size - 1 else zero
        big = [
            np.maximum(np.abs(f).max(axis=1), np.abs(g).max(axis=(1, 2))) > NEGLIGIBLE
            for f, g in (self.left, self.right)
        ]
        self.left_end = int(np.flatnonzero(big[0])[-1]) + 1 if big[0].any() else 0
        self.right_start = int(np.flatnonzero(big[1])[0]) if big[1].any() else n
        own = np.zeros((2, 2, 4, 4, points))  # [at first | last node][due to left | right neighbour]
        for a, node in enumerate((0, n - 1)):
            for s, (f, g) in enumerate((self.left, self.right)):
                own[a, s, 0, 0] = f[node]
                own[a, s, 1:, 1:] = g[node].reshape(3, 3, points)
        every = np.empty((size, *own.shape))
        self.comm.Allgather(np.ascontiguousarray(own), every)
        matrix = np.zeros((points, size, 2, 4, size, 2, 4))
        for r in range(size):
            for a in range(2):
                matrix[:, r, a, :, r, a, :] = np.eye(4)
                if r > 0:
                    matrix[:, r, a, :, r - 1, 1, :] = np.moveaxis(every[r, a, 0], -1, 0)
                if r < size - 1:
                    matrix[:, r, a, :, r + 1, 0, :] = np.moveaxis(every[r, a, 1], -1, 0)
        inverse = np.linalg.inv(matrix.reshape(points, 8 * size, 8 * size)).reshape(points, size, 2, 4, 8 * size)
        self.from_left = np.ascontiguousarray(inverse[:, rank - 1, 1]) if rank > 0 else None
        self.from_right = np.ascontiguousarray(inverse[:, rank + 1, 0]) if rank < size - 1 else None

    def solve(
        self, r: Array | None, out: Array | None = None, *, gain: Array | None = None, moments: Array | None = None
    ) -> Array:
        """e for the right-hand side r (n, 4, points) plus the collision gain of the moments `gain` (n, 4). Collective.

        Either may be absent. `out` and `moments` (n, 4) receive e and its moments if given, in the same pass.
        """
        out = np.empty(self.k.shape) if out is None else out
        z = self._local(None if r is None else np.ascontiguousarray(r), out, gain, moments)
        if self.comm.size == 1:
            return z
        ends = np.ascontiguousarray(z[[0, -1]])
        every = np.empty((self.comm.size, *ends.shape))
        self.comm.Allgather(ends, every)
        flat = np.moveaxis(every.reshape(-1, ends.shape[-1]), -1, 0)[:, :, None]
        if self.from_left is not None:
            edge = np.ascontiguousarray((self.from_left @ flat)[:, :, 0].T)
            _wall.spike_subtract(*self.left, edge, z, 0, self.left_end)
            if moments is not None:
                _wall.moments(z[: self.left_end], moments[: self.left_end], self.k.dp)
        if self.from_right is not None:
            edge = np.ascontiguousarray((self.from_right @ flat)[:, :, 0].T)
            _wall.spike_subtract(*self.right, edge, z, self.right_start, self.k.n)
            if moments is not None:
                _wall.moments(z[self.right_start :], moments[self.right_start :], self.k.dp)
        return z
