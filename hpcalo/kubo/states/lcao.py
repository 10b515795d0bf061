"""Eigenstates of atomic-orbital models with overlap: large matrices, one k-point at a time, level-3 BLAS throughout."""

from __future__ import annotations

from copy import copy

import numpy as np
from scipy.linalg import LinAlgError, cholesky, eigh
from scipy.linalg.blas import ztrsm

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.turning import rotation_taking
from hpcalo.hamiltonian.types import LcaoModel
from hpcalo.kubo.states.directions import line_order, velocity_directions
from hpcalo.kubo.states.lattice_sum import LatticeSum
from hpcalo.kubo.states.lcao_point import LcaoPoint, SpinStructure, packed_directions
from hpcalo.kubo.states.observable import LevelProperty, Observable
from hpcalo.kubo.states.operators import ordered
from hpcalo.kubo.states.pool import Pool
from hpcalo.kubo.states.solver import States
from hpcalo.typing import ComplexArray, RealArray

SMALL_BATCH = 4
"""Points whose lattice sums are formed together: enough to reuse the summed cells from cache, little enough to stay in
memory.
"""


class LcaoStates:
    """StateSolver of an LcaoModel with magnetization direction n̂.

    H(n̂) = H_0 ⊗ 1 + (Δ/2) ⊗ σ·n̂ + Σ_v iHsoc_v ⊗ σ_v, with H_0 = (H_up + H_dn)/2 and Δ = H_dn − H_up (n̂ is the
    direction of the majority moment, opposite to the majority spin), and Σ_v (D B)_v ⊗ σ_v if the exchange has a part
    B across the magnetization; D turns the model's own direction into n̂ (the reversal is D = −1). H c = E S c with
    c†Sc = 1. `need` are the observables of the run.
    """

    def __init__(self, model: LcaoModel, n_hat: RealArray, need: frozenset[Observable]) -> None:
        # The model itself is not stored: the lattice sums hold its matrices, in their own order.
        self.crystal, self.size, self._tau = model.crystal, model.size, model.tau
        self.order = line_order(model.crystal.periodic)
        self.directions = velocity_directions(model.crystal)
        nR, self._N = len(model.R), model.size // 2
        plain = {"S": model.S_Rnn}
        self._fixed: dict[str, RealArray] = {}
        for observable in ordered(need):
            self._fixed |= observable.lcao_fixed(model)
            for name, X_Rnn in observable.lcao_parts(model):
                plain.setdefault(name, X_Rnn)
        self._plain = tuple(plain)
        # Spin components of H: 1, and the coefficients of σ_x, σ_y, σ_z. Real, except that spin-orbit coupling carries
        # a factor i, which is applied after the sum.
        self._soc = [v for v in range(3) if np.any(model.soc_vRnn[v])]
        graded = [0.5 * (model.up_Rnn + model.down_Rnn), model.down_Rnn - model.up_Rnn]
        graded += [model.soc_vRnn[v] for v in self._soc]
        self._canted = len(graded) if model.canted_vRnn is not None else None
        graded += [] if model.canted_vRnn is None else list(model.canted_vRnn)
        self._sum = LatticeSum(
            model.R,
            model.crystal.lattice,
            np.stack(list(plain.values()), axis=1).reshape(nR, -1),
            np.stack(graded, axis=1).reshape(nR, -1),
            self.order,
            packed_directions(self.directions),
        )
        self._pool = Pool()
        self._own = model.n_hat
        self._set_direction(n_hat)

    def turned(self, n_hat: RealArray) -> LcaoStates:
        """The same Hamiltonian with another magnetization direction; shares the lattice sums."""
        other = copy(self)
        other._set_direction(n_hat)
        return other

    def _set_direction(self, n_hat: RealArray) -> None:
        rotation = np.eye(3)
        if self._canted is not None:
            if np.abs(n_hat + self._own).max() < 1e-12:
                rotation = -np.eye(3)
            else:
                from scipy.spatial.transform import Rotation  # noqa: PLC0415  (slow)

                axis, angle = rotation_taking(self._own, n_hat)
                rotation = Rotation.from_rotvec(angle * axis).as_matrix()
        self.n_hat = n_hat
        self._spins = SpinStructure(n_hat, self._soc, self._canted, rotation)

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: frozenset[Observable]) -> States:
        """States at (k_first, k_second, k_last[:]), in the solver's order of coordinates."""
        K, M = len(k_last), self.size
        states = States(np.empty((K, M)))
        for observable in ordered(need):
            if isinstance(observable, LevelProperty):
                states.observables[observable] = np.zeros((K, *observable.shape(self.crystal), M))
            else:
                states.observables[observable] = self._pool.array(K, M, observable.size(self.crystal), M)
                states.observables[observable][...] = 0.0
        for start in range(0, K, SMALL_BATCH):
            part = slice(start, min(start + SMALL_BATCH, K))
            plain, graded, gradient = self._sums(k_first, k_second, k_last[part])
            for i, k in enumerate(range(part.start, part.stop)):
                try:
                    point = self._solved(plain[i], graded[i], gradient[:, i])
                except LinAlgError as problem:
                    where = np.round((k_first, k_second, k_last[k]), 6).tolist()
                    raise ModelError(
                        f"overlap matrix is singular or not positive at k = {where} (order {self.order}): {problem}"
                    ) from None
                states.E_kn[k] = point.E
                for observable, values in states.observables.items():
                    observable.lcao(point, values[k])
        return states

    def _sums(
        self, k_first: float, k_second: float, k_last: RealArray
    ) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """The lattice sums at a few points, in memory that is used again."""
        K, columns = len(k_last), self._sum.columns.shape[1]
        values = self._pool.array(K, columns)
        gradient = self._pool.array(-(-len(self.directions) // 2), K, columns - self._sum.plain_columns)
        return self._sum.line(k_first, k_second, k_last, values, gradient)

    def _solved(self, plain: ComplexArray, graded: ComplexArray, gradient: ComplexArray) -> LcaoPoint:
        """Diagonalizes one k-point. Raises LinAlgError where the overlap is not positive.

        S ⊗ 1 = L L†: a Cholesky factor of half the dimension solves for all spin blocks at once, in place, with the
        spinors in the rows of arrays: (M, 2N) are 2M vectors of N orbitals.
        """
        N, M = self._N, self.size
        plain, graded = plain.reshape(-1, N, N), graded.reshape(-1, N, N)
        L = cholesky(plain[0], lower=True, check_finite=False)
        half, whole = self._pool.array(M, M), self._pool.array(M, M)
        self._spins.spinor(graded, out=half)
        _solve(L.conj(), half)  # its rows are the columns of H*: now those of L*⁻¹ H*
        whole[...] = half.T
        _solve(L, whole)  # rows: columns of L⁻¹ (H L†⁻¹)
        E, x = eigh(whole.T, lower=True, check_finite=False, overwrite_a=True, driver="evd")
        rows = half
        rows[...] = x.T
        _solve(L, rows, adjoint=True)
        return LcaoPoint(
            E=E,
            x=x.T.reshape(M, 2, N).transpose(1, 2, 0),
            rows=rows,
            plain=dict(zip(self._plain, plain, strict=True)),
            graded=graded,
            gradient=gradient.reshape(len(gradient), -1, N, N),
            directions=self.directions,
            tau=self._tau,
            spins=self._spins,
            fixed=self._fixed,
            pool=self._pool,
        )


def _solve(L: ComplexArray, rows: ComplexArray, *, adjoint: bool = False) -> None:
    """Overwrites each vector of N numbers y in rows (…, N) by L⁻¹ y, or L†⁻¹ y."""
    columns = rows.reshape(-1, len(L)).T
    found = ztrsm(1.0, L, columns, lower=True, trans_a=2 if adjoint else 0, overwrite_b=True)
    assert np.shares_memory(found, columns)
