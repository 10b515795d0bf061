"""The broadening as an operator: what scatters electrons of each spin and on each site."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo.hamiltonian import sites
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import Crystal, LcaoModel, Model, WannierModel
from hpcalo.kubo.states.lcao_point import LcaoPoint
from hpcalo.kubo.states.observable import Observable, Operator
from hpcalo.kubo.states.spin_current import SPIN_VECTOR
from hpcalo.kubo.states.wannier_line import WannierLine, WannierParts
from hpcalo.typing import ComplexArray, RealArray

ROOTS = "broadening_roots"


class Broadening(Operator):
    """g^½ [½(a + b) + ½(b − a) σ·n̂] g^½, in units of Γ: positive, and 1 where all factors are 1.

    g: diagonal in the orbitals, the factor of the site that is nearest to each. a, b: factors of the majority spin,
    which is opposite to n̂, and of the minority spin. Of orbitals that overlap, 1 and σ·n̂ are multiplied by S.
    """

    name = "broadening"
    unit = "1"
    indices = ()

    def __init__(self, majority: float, minority: float, by_site: tuple[float, ...]) -> None:
        """by_site: one factor for each site in the order of `sites.labels`."""
        self._mean, self._half = 0.5 * (majority + minority), 0.5 * (minority - majority)
        self._by_site = by_site
        self._key = (self.name, majority, minority, by_site)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Broadening) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)

    def keeps(self, operation: Operation, crystal: Crystal) -> bool:
        """Whether an operation of the crystal takes every spin and site to one with the same factor."""
        if operation.exchanges and self._half:
            return False
        factors = np.array(self._by_site)
        return bool(np.abs(sites.permutation(crystal, operation) @ factors - factors).max() < 1e-12)

    def missing(self, model: Model) -> str:
        return SPIN_VECTOR.missing(model) if self._half else ""

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        spin = SPIN_VECTOR.wannier_parts(model, need) if self._half else WannierParts({}, {})
        roots = self._roots(model.crystal, model.centres).astype(np.complex128)
        return WannierParts(spin.summed, {**spin.fixed, ROOTS: roots})

    def wannier(self, line: WannierLine) -> ComplexArray:
        K, N = line.E_kn.shape
        inner = np.zeros((K, N, N), dtype=np.complex128) + self._mean * np.eye(N)
        if self._half:
            spin = line.summed["spin"] if "spin" in line.summed else line.fixed["pauli"].transpose(1, 0, 2)[None]
            inner += self._half * np.einsum("v,knvm->knm", line.n_hat, spin)
        roots = line.fixed[ROOTS].real
        return line.rotated(np.ascontiguousarray((roots[:, None] * inner * roots)[:, :, None]))

    def lcao_fixed(self, model: LcaoModel) -> Mapping[str, RealArray]:
        return {ROOTS: self._roots(model.crystal, model.tau)}

    def lcao(self, point: LcaoPoint, out: ComplexArray) -> None:
        up, down = point.fixed[ROOTS][:, None] * point.c
        overlap = point.plain["S"]
        of_up, of_down = overlap @ up, overlap @ down
        uu, dd = up.conj().T @ of_up, down.conj().T @ of_down
        out[:, 0] += self._mean * (uu + dd)
        if self._half:
            x, y, z = self._half * point.n_hat
            mixed = (x - 1j * y) * (up.conj().T @ of_down)
            out[:, 0] += z * (uu - dd) + mixed + mixed.conj().T

    def _roots(self, crystal: Crystal, centres: RealArray) -> RealArray:
        """√ of the factor of each orbital, (N,)."""
        return np.asarray(np.sqrt(np.array(self._by_site) @ sites.members(crystal, centres)), dtype=np.float64)
