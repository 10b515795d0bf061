"""Eigenstates of orthonormal models (Wannier90, closed-form), a batch of small matrices at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from hpcalo.hamiltonian.types import WannierModel
from hpcalo.kubo.states.directions import line_order, velocity_directions
from hpcalo.kubo.states.eigen import eigh
from hpcalo.kubo.states.lattice_sum import LatticeSum
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.operators import ordered
from hpcalo.kubo.states.point_sum import PIECE, PointSum
from hpcalo.kubo.states.pool import Pool
from hpcalo.kubo.states.solver import States
from hpcalo.kubo.states.wannier_line import WannierLine
from hpcalo.typing import ComplexArray, RealArray

SHORT = 16
"""Points of a line below which the sums of single points are quicker: one matrix product for many."""
MOST_COLUMNS = 64 * 2**20
"""Bytes of the matrices of all cells up to which points of different lines are computed together."""


class WannierStates:
    """StateSolver of a WannierModel (turned to its n̂ beforehand with `hpcalo.hamiltonian.exchange.rotated`).

    need: the observables of the run; their parts are summed over R together with the Hamiltonian. true_spin: use the
    model's spin matrices if it has them, else Pauli matrices on the spin pairs, where the functions are pairs.
    """

    def __init__(self, model: WannierModel, need: frozenset[Observable], *, true_spin: bool = True) -> None:
        if not true_spin and model.spin_Rvnn is not None and len(model.up):
            model = replace(model, spin_Rvnn=None)
        self.crystal, self.size, self.n_hat = model.crystal, model.size, model.n_hat
        self.order = line_order(model.crystal.periodic)
        self.directions = velocity_directions(model.crystal)
        self._pool = Pool()
        N, nR = model.size, len(model.R)
        summed: dict[str, ComplexArray] = {}
        self._fixed: dict[str, ComplexArray] = {}
        for observable in ordered(need):
            parts = observable.wannier_parts(model, need)
            summed |= {name: X for name, X in parts.summed.items() if name not in summed}
            self._fixed |= parts.fixed
        self._slots: dict[str, slice] = {}
        for name, X_Rvnn in summed.items():
            start = max((s.stop for s in self._slots.values()), default=0)
            self._slots[name] = slice(start, start + X_Rvnn.shape[1])
        columns = np.concatenate([*summed.values(), np.zeros((nR, 0, N, N), dtype=np.complex128)], axis=1)
        self._rows = columns.shape[1]
        # Operators as (n, v, m): the products with the eigenvectors then need no transposition.
        plain, H = columns.transpose(0, 2, 1, 3).reshape(nR, -1), model.H_Rnn.reshape(nR, -1)
        self._sum = LatticeSum(model.R, model.crystal.lattice, plain, H, self.order, np.zeros((3, 0)))
        self.scattered = SHORT if nR * (plain.shape[1] + H.shape[1]) * 16 <= MOST_COLUMNS else 0

    @cached_property
    def _points(self) -> PointSum:
        """The same sums for points of different lines."""
        return PointSum(self._sum.cells, self._sum.columns)

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: frozenset[Observable]) -> States:
        """States at (k_first, k_second, k_last[:]), in the solver's order of coordinates."""
        values = self._pool.array(len(k_last), (self._rows + 1) * self.size**2)
        self._sum.line(k_first, k_second, k_last, out=values)
        return self._states(values, need)

    def points(self, k: RealArray, need: frozenset[Observable]) -> States:
        """As in PointSolver."""
        room = self._pool.array(-(-len(k) // PIECE) * PIECE, (self._rows + 1) * self.size**2)
        return self._states(self._points.values(k, room), need)

    def _states(self, values: ComplexArray, need: frozenset[Observable]) -> States:
        """From the sums over cells, (K, columns): operators, and the Hamiltonian last."""
        K, N = len(values), self.size
        H = values[:, -N * N :].reshape(K, N, N)
        plain = values[:, : -N * N].reshape(K, N, self._rows, N)
        E_kn, c_knn = eigh(H)
        line = WannierLine(
            E_kn=E_kn,
            c_knn=c_knn,
            summed={name: plain[:, :, slot] for name, slot in self._slots.items()},
            fixed=self._fixed,
            n_hat=self.n_hat,
            directions=self.directions,
            pool=self._pool,
        )
        return States(E_kn, {o: o.wannier(line) for o in ordered(need)})
