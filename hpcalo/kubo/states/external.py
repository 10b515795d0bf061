"""What states beyond the Wannier functions add to the orbital magnetization."""

from __future__ import annotations

import numpy as np

from hpcalo.errors import InputError
from hpcalo.hamiltonian.external import ACROSS, COMPLETE, COUPLING, CURVATURE, MOMENT
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import Crystal, Model, WannierModel
from hpcalo.kubo.states import operators
from hpcalo.kubo.states.observable import LevelProperty, Observable
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.wannier_line import AXIS_PAIRS, WannierLine, WannierParts, packed_pairs
from hpcalo.typing import ComplexArray, RealArray

DEGENERATE = 1e-8
"""eV; levels nearer than this are one level."""


class External(LevelProperty):
    """Three axial vectors (yz, zx, xy) of a level: external moment m, eV Å²; external curvature Ω, Å²; EΩ, eV Å².

    In A_n + (µ − E_n)B_n of (32), with which the sum over the model's bands makes (50) and (55), A_n becomes A_n + m_n
    and B_n becomes B_n + Ω_n. Ω_n is that of `Curvature`, and m_n = Im <∂_i n|Q(H − E_n)Q|∂_j n> + the coupling of Q to
    the bands, with Q the projector on what is no function of the model (G, H and F of M. G. Lopez et al., Phys. Rev. B
    85, 014435 (2012)). The coupling is g_mn = Im[X_i* Z_j + Z_i* X_j]_mn of pairs with E_m > E_n, X_mn = <m|v|n>/(E_n −
    E_m), and is added to n and taken off m: in a sum over occupied levels only pairs with one of them empty are left.
    """

    name = "external"
    unit = "eV*angstrom^2"
    indices = ("axial", "axial")
    negligible = 1e-6
    time_odd = True
    requires = (VELOCITY, operators.CURVATURE)
    optional = True

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        """The three vectors turn alike."""
        return np.asarray(operation.time_sign * np.kron(np.eye(3), operation.axial), dtype=np.float64)

    def missing(self, model: Model) -> str:
        known = isinstance(model, WannierModel) and model.A_Rvnn is not None and model.external_Rvnn is not None
        return "" if known else "knows no states beyond its functions"

    def inexact(self, model: Model) -> str:
        if self.missing(model) or not isinstance(model, WannierModel) or model.external_Rvnn is None:
            return ""
        if model.external_Rvnn.shape[1] == COMPLETE:
            return ""
        return (
            f"orbital magnetization: external terms from {model.external_source} only, so not converged in the number "
            "of bands (the notes say how far); seed.uHu mends it"
        )

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        """Raises InputError where the matrices got lost when the magnetization was turned."""
        X = model.external_Rvnn
        if X is None:
            raise InputError(
                "kubo.n_hat: the external terms of the orbital magnetization are known for the model's own direction "
                "only, because its functions are no spin pairs: M(−n̂) = −M(n̂); leave n_hat out"
            )
        hermitian = X[:, MOMENT] if X.shape[1] == COMPLETE else np.concatenate([X[:, MOMENT], X[:, CURVATURE]], axis=1)
        return WannierParts(
            {"external": packed_pairs(hermitian), "external_coupling": X[:, COUPLING] + 1j * X[:, ACROSS]}, {}
        )

    def wannier(self, line: WannierLine) -> RealArray:
        E_kn = line.E_kn
        K, N = E_kn.shape
        packed = line.diagonal(line.summed["external"])
        diagonal = np.stack([packed.real, packed.imag], axis=2).reshape(K, -1, N)
        curvature = operators.CURVATURE.wannier(line)
        same_states = diagonal[:, 3:6] if diagonal.shape[1] >= 6 else -0.5 * curvature
        moment = diagonal[:, :3] - E_kn[:, None] * same_states + self._coupling(line)
        out = np.stack([moment, curvature, E_kn[:, None] * curvature], axis=1)
        for c, (a, b) in enumerate(AXIS_PAIRS):
            if a not in line.directions or b not in line.directions:
                out[:, :, c] = 0.0
        return out.reshape(K, 9, N)

    @staticmethod
    def _coupling(line: WannierLine) -> RealArray:
        """(K, 3, N)."""
        velocity, E = line.velocity_and_curvature[0], line.E_kn
        Z = line.rotated(np.ascontiguousarray(line.summed["external_coupling"]))
        gap = E[:, None, :] - E[:, :, None]  # E_n − E_m in (m, n)
        upper = gap < -DEGENERATE  # E_m > E_n
        inverse = np.where(upper, 1.0 / np.where(upper, gap, 1.0), 0.0)
        out = np.zeros((len(E), 3, E.shape[1]))
        for c, (i, j) in enumerate(AXIS_PAIRS):
            if i in line.directions and j in line.directions:
                X_i, X_j = (velocity[:, :, line.directions.index(v)] * inverse for v in (i, j))
                g = _imaginary(X_i, Z[:, :, j]) + _imaginary(Z[:, :, i], X_j)
                out[:, c] = g.sum(axis=1) - g.sum(axis=2)
        return out


def _imaginary(X: ComplexArray, Y: ComplexArray) -> RealArray:
    """Im X* Y of each element."""
    return np.asarray(X.real * Y.imag - X.imag * Y.real, dtype=np.float64)


EXTERNAL = External()
