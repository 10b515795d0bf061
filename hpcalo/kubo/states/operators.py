"""The table of observables, one class each. A response refers to the objects; a new observable is one more class."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from hpcalo.hamiltonian.exchange import pauli_on_pairs, torque_from_spin, torque_Rvnn
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import Crystal, LcaoModel, Model, WannierModel
from hpcalo.kubo.kernels import _kubo
from hpcalo.kubo.states.directions import velocity_directions
from hpcalo.kubo.states.lcao_point import LcaoPoint
from hpcalo.kubo.states.observable import LevelProperty, Observable, Operator
from hpcalo.kubo.states.positions import POSITIONS, WITHOUT_POSITIONS, consistent_positions
from hpcalo.kubo.states.wannier_line import (
    AXIS_PAIRS,
    CURL,
    GRADIENT_AND_POSITIONS,
    XYZ,
    WannierLine,
    WannierParts,
    packed_pairs,
)
from hpcalo.typing import ComplexArray, RealArray


class Velocity(Operator):
    """ħv = ∂H + i[H, r], eV Å. Its diagonal is dE/dk.

    Wannier functions: ħv = ∂H + i[H, A] with the position matrix A(k) = Σ_R exp(2πi k·R) <0m|r|Rn>; where the model
    has none, A is diag(centres), which is the velocity of the lattice gauge with atomic phases. Atomic orbitals: ħv_nm
    = c†(∂H)c + i E_n a − i a† E_m with a = c†(r(k) + S τ)c, r_MN(R) = <0M|(r − R − τ_N)|RN>: the matrix element of i[H,
    r] between Bloch states of an incomplete, non-orthogonal, k-dependent basis (i∂_k acts on the Bloch sums, whose own
    dependence is that of S and r; see e.g. C.-C. Lee, Y.-T. Lee, M. Fukuda, T. Ozaki, Phys. Rev. B 98, 115115 (2018)).
    Without r(R) every orbital sits at its centre and overlaps half-way between two of them.
    """

    name = "velocity"
    unit = "eV*angstrom"
    indices = ("polar",)
    time_odd = True

    def inexact(self, model: Model) -> str:
        return WITHOUT_POSITIONS if POSITIONS.missing(model) else ""

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        directions = velocity_directions(model.crystal)
        r_Rv = (model.R @ model.crystal.lattice)[:, :, None, None]
        H = model.H_Rnn[:, None]
        if model.A_Rvnn is None:
            tau = model.centres.T
            gap = tau[:, None, :] - tau[:, :, None]  # τ_m − τ_n: i[H, τ]_nm = i H_nm (τ_m − τ_n)
            velocity = 1j * (r_Rv + gap)[:, list(directions)] * H
            return WannierParts({"velocity": packed_pairs(velocity)}, {})
        axes = list(XYZ if CURVATURE in need else directions)
        gradient = np.where(np.isin(axes, directions)[:, None, None], r_Rv[:, axes], 0.0) * H
        return WannierParts({GRADIENT_AND_POSITIONS: 1j * (gradient + model.A_Rvnn[:, axes])}, {})

    def wannier(self, line: WannierLine) -> ComplexArray:
        if "velocity" in line.summed:
            return line.hermitian(line.summed["velocity"], len(line.directions))
        return line.velocity_and_curvature[0]

    def lcao_parts(self, model: LcaoModel) -> Iterator[tuple[str, RealArray]]:
        for v in velocity_directions(model.crystal):
            yield f"r_{v}", consistent_positions(model, v)

    def lcao(self, point: LcaoPoint, out: ComplexArray) -> None:
        """Two directions in one, as Hermitian and anti-Hermitian part: for v_0 + iv_1 of four products instead of five.

        With r = r_0 + ir_1 and r' = r_0† + ir_1†: c†[∂H c − ir' c E] + iE c† r c. Of a single direction twice the first
        half of it, whose Hermitian part is the velocity.
        """
        from scipy.linalg.blas import zgemm  # noqa: PLC0415  (slow; every input's schema loads this module)

        M, rows = len(point.E), point.rows
        vectors = rows.reshape(2 * M, -1)
        r = [point.plain["S"] * point.tau[None, :, v] + point.plain[f"r_{v}"] for v in point.directions]
        for j, gradient in enumerate(point.gradient):
            first, both = r[2 * j], 2 * j + 1 < len(r)
            right = np.matmul(rows, point.spinor(gradient).T, out=point.pool.array(M, M))  # of columns, here in rows
            positions = point.pool.array(*vectors.shape)
            dagger = (first - 1j * r[2 * j + 1] if both else 2.0 * first).conj()
            np.matmul(vectors, dagger, out=positions)
            turned = positions.reshape(M, M)
            turned *= 1j * point.E[:, None]
            right -= turned
            Z = zgemm(1.0, rows.T, right.T, trans_a=2, c=point.pool.array(M, M).T, overwrite_c=True)
            if both:
                np.matmul(vectors, (first + 1j * r[2 * j + 1]).T, out=positions)
                np.multiply(rows, -1j * point.E[:, None], out=right)  # the adjoint of iE c†
                Z = zgemm(1.0, right.T, turned.T, beta=1.0, trans_a=2, c=Z, overwrite_c=True)
            _kubo.hermitian_pair(Z, out[:, 2 * j : 2 * j + 2])


VELOCITY = Velocity()


class Torque(Operator):
    """T = n̂ × ∂H/∂n̂, eV: T·δφ = δH when the magnetization is turned by the small rotation δφ.

    Wannier functions: T = −(i/2)[σ, H_odd] with the model's spin matrices, or Pauli matrices on the spin pairs. Atomic
    orbitals: T = −(Δ/2)(σ × n̂) + (D B) × σ, which is −(i/2)[σ, H_exchange], exact for the model.
    """

    name = "torque"
    unit = "eV"

    def missing(self, model: Model) -> str:
        no_exchange = isinstance(model, WannierModel) and model.odd_Rnn is None
        return "has no exchange part, so no torque can be computed" if no_exchange else ""

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        if model.spin_Rvnn is None:
            return WannierParts({"torque": torque_Rvnn(model)}, {})
        odd = {} if model.odd_Rnn is None else {"odd": model.odd_Rnn[:, None]}
        return WannierParts({**odd, "spin": model.spin_Rvnn}, {})

    def wannier(self, line: WannierLine) -> ComplexArray:
        if "torque" in line.summed:
            return line.rotated(np.ascontiguousarray(line.summed["torque"]))
        spin, odd = line.summed["spin"], line.summed["odd"][:, :, 0]
        torque = torque_from_spin(spin.transpose(0, 2, 1, 3), odd)
        return line.rotated(np.ascontiguousarray(torque.transpose(0, 2, 1, 3)))

    def lcao(self, point: LcaoPoint, out: ComplexArray) -> None:
        self.along(point.c, point.graded[1], point.n_hat, out)
        across = point.across
        if across is not None:
            self.across(point.c, across, out)

    @staticmethod
    def along(c: ComplexArray, delta: ComplexArray, n: RealArray, out: ComplexArray) -> None:
        """T_v = −½ Σ ε_vjk n_k (σ_j ⊗ Δ) in the eigenbasis c (2, N, M) of Δ (N, N), added to out (M, 3, M)."""
        # Coefficients of σ_j in T_v.
        weight = -0.5 * np.array([[0.0, n[2], -n[1]], [-n[2], 0.0, n[0]], [n[1], -n[0], 0.0]])
        if not np.any(weight[:, 2]):  # n̂ = ±ẑ: T_x and T_y are the parts of n_z i c_up† Δ c_down
            _kubo.hermitian_pair(c[0].conj().T @ ((1j * n[2] * delta) @ c[1]), out[:, :2])
            return
        dc = np.stack([delta @ c[0], delta @ c[1]])
        blocks: list[ComplexArray | None] = [None, None, None]  # c†(σ_j ⊗ Δ)c
        if np.any(weight[:, :2]):
            mixed = c[0].conj().T @ dc[1]
            if np.any(weight[:, 0]):
                blocks[0] = mixed + mixed.conj().T
            if np.any(weight[:, 1]):
                blocks[1] = -1j * (mixed - mixed.conj().T)
        if np.any(weight[:, 2]):
            blocks[2] = c[0].conj().T @ dc[0] - c[1].conj().T @ dc[1]
        for v in range(3):
            for j, block in enumerate(blocks):
                if block is not None and weight[v, j] != 0.0:
                    out[:, v, :] += weight[v, j] * block

    @staticmethod
    def across(c: ComplexArray, across: ComplexArray, out: ComplexArray) -> None:
        """T_v += Σ ε_vjk B_j ⊗ σ_k in the eigenbasis, B (3, N, N)."""
        for j in range(3):
            bc = np.stack([across[j] @ c[0], across[j] @ c[1]])
            mixed = c[0].conj().T @ bc[1]
            blocks = (
                mixed + mixed.conj().T,
                -1j * (mixed - mixed.conj().T),
                c[0].conj().T @ bc[0] - c[1].conj().T @ bc[1],
            )
            a, b = (j + 1) % 3, (j + 2) % 3  # ε_jab = 1: ε_bja = 1 and ε_ajb = −1
            out[:, b, :] += blocks[a]
            out[:, a, :] -= blocks[b]


TORQUE = Torque()


class Spin(LevelProperty):
    """<σ·n̂> of a level, in ħ/2; the majority spin counts negative. Zero for a spinless model."""

    name = "spin"
    unit = "hbar/2"
    indices = ()
    negligible = 1e-6

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        """An operation that exchanges the sublattices of an antiferromagnet takes n̂ to −n̂."""
        return np.full((1, 1), -1.0 if operation.exchanges else 1.0)

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        if model.spin_Rvnn is not None:
            return WannierParts({"spin": model.spin_Rvnn}, {})
        if not len(model.up):
            return WannierParts({}, {})
        along = np.einsum("v,vnm->nm", model.n_hat, pauli_on_pairs(model.up, model.down))
        return WannierParts({}, {"pauli_along_n": along})

    def wannier(self, line: WannierLine) -> RealArray:
        c = line.c_knn
        if "spin" in line.summed:
            along = np.einsum("v,knvm->knm", line.n_hat, line.summed["spin"])
            return np.einsum("kan,kab,kbn->kn", c.conj(), along, c, optimize=True).real
        if "pauli_along_n" not in line.fixed:
            return np.zeros_like(line.E_kn)
        return np.einsum("kan,ab,kbn->kn", c.conj(), line.fixed["pauli_along_n"], c, optimize=True).real

    def lcao(self, point: LcaoPoint, out: RealArray) -> None:
        """From the Löwdin-like vectors x = L†c, for which spin blocks are orthonormal."""
        x = point.x
        up, down = (np.einsum("an,an->n", x[s].conj(), x[s]).real for s in range(2))
        mixed = np.einsum("an,an->n", x[0].conj(), x[1])
        nx, ny, nz = point.n_hat
        out += nz * (up - down) + 2.0 * (nx * mixed.real + ny * mixed.imag)


SPIN = Spin()


class Curvature(LevelProperty):
    """The part of a level's Berry curvature that no sum over the model's own bands contains, (yz, zx, xy), Å².

    The diagonal of ∂_x A_y − ∂_y A_x − i[A_x, A_y] in the eigenbasis (X. Wang, J. Yates, I. Souza, D. Vanderbilt, Phys.
    Rev. B 74, 195118 (2006)); zero for A = diag(centres), so that a model without a position matrix has none.
    """

    name = "curvature"
    unit = "angstrom^2"
    negligible = 1e-6
    time_odd = True
    requires = (VELOCITY,)
    optional = True

    def missing(self, model: Model) -> str:
        known = isinstance(model, WannierModel) and model.A_Rvnn is not None
        return "" if known else "has no position matrix"

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        A = model.A_Rvnn
        if A is None:
            return WannierParts({}, {})
        r = (model.R @ model.crystal.lattice)[:, :, None, None]
        curl = np.stack([1j * (r[:, a] * A[:, b] - r[:, b] * A[:, a]) for a, b in AXIS_PAIRS], axis=1)
        return WannierParts({CURL: packed_pairs(curl)}, {})

    def wannier(self, line: WannierLine) -> RealArray:
        curl = line.diagonal(line.summed[CURL])  # (K, 2, N): two real diagonals in one, and one
        curvature = line.velocity_and_curvature[1].copy()
        curvature[:, 0] += curl[:, 0].real
        curvature[:, 1] += curl[:, 0].imag
        curvature[:, 2] += curl[:, 1].real
        return curvature


CURVATURE = Curvature()

TABLE: tuple[Observable, ...] = (VELOCITY, CURVATURE, TORQUE, SPIN)
"""In the order in which solvers make them; others follow by name."""


@cache
def ordered(need: frozenset[Observable]) -> tuple[Observable, ...]:
    """The observables and what they require, in the same order in every run."""
    every = {o for observable in need for o in (observable, *observable.requires)}
    return tuple(sorted(every, key=lambda o: (TABLE.index(o) if o in TABLE else len(TABLE), o.name)))
