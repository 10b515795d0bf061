"""Operators by site: ½{P_A, X} of an operator X, with P_A on the orbitals of site A."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from hpcalo.hamiltonian import sites
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import Crystal, LcaoModel, Model, WannierModel
from hpcalo.kubo.states.lcao_point import LcaoPoint
from hpcalo.kubo.states.observable import Observable, Operator
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.states.spin_current import SPIN_VECTOR, Flow
from hpcalo.kubo.states.wannier_line import WannierLine, WannierParts
from hpcalo.typing import BoolArray, ComplexArray, RealArray

MEMBERS = "site_members"


class AtSites(Operator):
    """½{P_A, X} for each site A, first index: the sum over all sites is X.

    P_A = Σ_a |a><a| of the orbitals whose nearest atom is A. Of orbitals that overlap, P_A = Σ_a |a><ã| with the dual
    functions <ã|b> = δ_ab, and half of it from either side: what two sites share is half of each (Mulliken). Between
    the eigenstates c: ½ c†P_A S c X + its adjoint.
    """

    of: ClassVar[Operator]

    def shape(self, crystal: Crystal) -> tuple[int, ...]:
        return len(sites.labels(crystal)), *self.of.shape(crystal)

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        moved = sites.permutation(crystal, operation)
        return np.asarray(np.kron(moved, self.of.transformation(operation, crystal)), dtype=np.float64)

    def missing(self, model: Model) -> str:
        return self.of.missing(model)

    def inexact(self, model: Model) -> str:
        return self.of.inexact(model)

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        own = self.of.wannier_parts(model, need)
        members = sites.members(model.crystal, model.centres).astype(np.complex128)
        return WannierParts(own.summed, {**own.fixed, MEMBERS: members})

    def wannier(self, line: WannierLine) -> ComplexArray:
        X = self.of.wannier(line)
        K, N, v, _ = X.shape
        members = line.fixed[MEMBERS].real > 0.5
        out = line.pool.array(K, N, len(members) * v, N)
        for k in range(K):
            _projected(line.c_knn[k], line.c_knn[k], X[k], members, out[k])
        return out

    def lcao_parts(self, model: LcaoModel) -> Iterator[tuple[str, RealArray]]:
        yield from self.of.lcao_parts(model)

    def lcao_fixed(self, model: LcaoModel) -> Mapping[str, RealArray]:
        return {**self.of.lcao_fixed(model), MEMBERS: sites.members(model.crystal, model.tau)}

    def lcao(self, point: LcaoPoint, out: ComplexArray) -> None:
        M = len(point.E)
        members = np.tile(point.fixed[MEMBERS] > 0.5, (1, 2))  # all spin up first
        X = np.zeros((M, out.shape[1] // len(members), M), dtype=np.complex128)
        self.of.lcao(point, X)
        overlap = np.matmul(point.plain["S"], point.c).reshape(M, M)
        _projected(point.rows.T, overlap, X, members, out)


def _projected(c: ComplexArray, Sc: ComplexArray, X: ComplexArray, members: BoolArray, out: ComplexArray) -> None:
    """Writes ½ c†P_A (S c) X + its adjoint, (N, A·v, N), at one k. c, S c: (N, N). X: (N, v, N). members: (A, N)."""
    N, v, _ = X.shape
    on_orbitals = Sc @ X.reshape(N, v * N)
    for A, here in enumerate(members):
        part = (c[here].conj().T @ on_orbitals[here]).reshape(N, v, N)
        out[:, A * v : (A + 1) * v] = 0.5 * (part + part.conj().transpose(2, 1, 0))


class SiteTorque(AtSites):
    """½{P_A, T}, eV: the torque on site A."""

    name = "site_torque"
    unit = "eV"
    of = TORQUE


class SiteVelocity(AtSites):
    """½{P_A, ħv}, eV Å: the current through site A."""

    name = "site_velocity"
    unit = "eV*angstrom"
    time_odd = True
    of = VELOCITY


class SiteSpin(AtSites):
    """½{P_A, σ}, in ħ/2: the spin on site A."""

    name = "site_spin"
    unit = "hbar/2"
    time_odd = True
    of = SPIN_VECTOR


SITE_TORQUE, SITE_VELOCITY, SITE_SPIN = SiteTorque(), SiteVelocity(), SiteSpin()


class SiteSpinCurrent(Flow):
    """½{½{P_A, σ_a}, ħv_i}, in ħ/2 eV Å: the flow of the spin on site A; the sum over sites is the spin current."""

    name = "site_spin_current"
    unit = "hbar/2*eV*angstrom"
    requires = (SITE_SPIN, VELOCITY)

    def shape(self, crystal: Crystal) -> tuple[int, ...]:
        return *SITE_SPIN.shape(crystal), *VELOCITY.shape(crystal)

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        of_spin, of_velocity = (one.transformation(operation, crystal) for one in self.requires)
        return np.asarray(np.kron(of_spin, of_velocity), dtype=np.float64)


SITE_SPIN_CURRENT = SiteSpinCurrent()
