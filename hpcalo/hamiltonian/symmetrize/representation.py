"""D(g): how the functions of each site become those of its image, g|R n> = Σ_m |W R + L_n, m> D_mn.

An operation with time reversal acts as D K, K complex conjugation. Phases of D are of no consequence: H and the other
matrices see D X D†. Where functions are spin pairs D must commute with Θ = iσ_y K, so that the exchange part is as
symmetric as H.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import time_reversed
from hpcalo.hamiltonian.orbitals import Orbital, rotated_overlap
from hpcalo.hamiltonian.symmetrize.sites import Sites
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.turning import spin_rotation
from hpcalo.typing import ComplexArray, IntArray, RealArray

FAULT = 1e-6
"""Largest deviation of a representation from a unitary one that respects products and time reversal."""
ROUNDS = 20
SMALL_CHANGE = 1e-9
"""A round that changes less is the last one: its error is the square of that."""


@dataclass(frozen=True)
class Pairs:
    """Spin pairs (N/2,) each; empty for functions without spin.

    pure: D must be (without spin) ⊗ (spin), because the spin matrices are taken to be Pauli matrices on the pairs.
    """

    up: IntArray
    down: IntArray
    pure: bool = False

    def __bool__(self) -> bool:
        return len(self.up) > 0


def spin_part(op: Operation) -> ComplexArray:
    """The operation on one spin, (2, 2): the rotation, times iσ_y with time reversal (K is left to the caller)."""
    vector = Rotation.from_matrix(op.axial).as_rotvec()
    angle = float(np.linalg.norm(vector))
    axis = vector / angle if angle > 1e-12 else np.array([0.0, 0.0, 1.0])
    u = spin_rotation(axis, angle)
    return u @ np.array([[0, 1], [-1, 0]]) if op.time_reversal else u


def from_orbitals(orbitals: Sequence[Orbital], sites: Sites, pairs: Pairs) -> ComplexArray:
    """D, (G, N, N), of functions that are these orbitals, one for each function, as `in_pairs` has them.

    Not unitary where the orbitals of a site do not span what they become.
    """
    G, N = len(sites.group.operations), len(orbitals)
    D = np.zeros((G, N, N), dtype=np.complex128)
    first = pairs.up if pairs else np.arange(N)
    for g, op in enumerate(sites.group.operations):
        d = np.zeros((len(first), len(first)))
        for a, b in enumerate(sites.image[g]):
            source, target = (np.flatnonzero(sites.of[first] == s) for s in (a, b))
            if len(source) != len(target):
                raise ModelError(f"symmetry: sites {a + 1} and {b + 1} are equivalent but have unlike functions")
            d[np.ix_(target, source)] = rotated_overlap(
                [orbitals[first[m]] for m in target], [orbitals[first[n]] for n in source], op.cartesian
            )
        D[g] = with_spin(d, spin_part(op), pairs) if pairs else d
    return D


def in_pairs(orbitals: Sequence[Orbital], pairs: Pairs) -> tuple[Pairs, tuple[Orbital, ...]]:
    """The pairs, and the orbitals in such an order that both members of a pair have the same.

    Projections count both spins of a function one after the other; some codes have all of one spin first. Without
    pairs, functions of which each has a twin beside it are taken for them. Raises ModelError if neither order fits.
    """
    twins = len(orbitals) % 2 == 0 and all(a.same_as(b) for a, b in zip(orbitals[::2], orbitals[1::2], strict=True))
    if not pairs:
        even = np.arange(0, len(orbitals), 2)
        return (Pairs(even, even + 1) if twins and len(orbitals) else pairs), tuple(orbitals)
    orders = (tuple(orbitals), (*orbitals[::2], *orbitals[::2])) if twins else (tuple(orbitals),)
    for order in orders:
        if all(order[u].same_as(order[d]) for u, d in zip(pairs.up, pairs.down, strict=True)):
            return pairs, order
    raise ModelError("the spin pairs join functions of unlike projections")


def with_spin(d_nn: RealArray | ComplexArray, u: ComplexArray, pairs: Pairs) -> ComplexArray:
    """d ⊗ u on the pairs, (N, N)."""
    D = np.zeros((2 * len(d_nn), 2 * len(d_nn)), dtype=np.complex128)
    for s, to in enumerate((pairs.up, pairs.down)):
        for t, start in enumerate((pairs.up, pairs.down)):
            D[np.ix_(to, start)] = d_nn * u[s, t]
    return D


def unitarity(D: ComplexArray) -> float:
    """Largest element of D†D − 1 over all operations."""
    return float(np.abs(D.conj().mT @ D - np.eye(D.shape[-1])).max())


def compatibility(D: ComplexArray, pairs: Pairs) -> float:
    """Largest element of D − ΘDΘ⁻¹, 0 without pairs."""
    return float(np.abs(D - time_reversed(D, pairs.up, pairs.down)).max()) if pairs else 0.0


def multiplication(D: ComplexArray, sites: Sites) -> float:
    """Largest element of D(g)·D(h) − phase · D(gh)."""
    worst = 0.0
    for g in range(len(D)):
        for h in range(len(D)):
            worst = max(worst, float(np.abs(_quotient(D, sites, g, h) - D[g]).max()))
    return worst


def completed(D: dict[int, ComplexArray], sites: Sites) -> ComplexArray:
    """D of all operations from that of generators, by products."""
    N = len(sites.of)
    known = {0: np.eye(N, dtype=np.complex128)}
    fresh = [0]
    while fresh:
        following = []
        for h in fresh:
            for g, matrix in D.items():
                product = int(sites.group.product[g, h])
                if product not in known:
                    right = known[h].conj() if sites.group.operations[g].time_reversal else known[h]
                    known[product] = matrix @ right
                    following.append(product)
        fresh = following
    return np.stack([known[g] for g in range(len(sites.group.operations))])


def generators(sites: Sites) -> list[int]:
    """Numbers of a few operations whose products are all others."""
    product = sites.group.product
    reached, chosen = {0}, []
    for g in range(1, len(product)):
        if g in reached:
            continue
        chosen.append(g)
        fresh = list(reached)
        while fresh:
            images = {int(product[c, h]) for c in chosen for h in fresh}
            fresh = list(images - reached)
            reached |= images
        reached = _closure(reached, chosen, product)
    return chosen


def _closure(reached: set[int], chosen: list[int], product: IntArray) -> set[int]:
    while True:
        more = {int(product[c, h]) for c in chosen for h in reached} - reached
        if not more:
            return reached
        reached |= more


def exact(D: ComplexArray, sites: Sites, pairs: Pairs) -> ComplexArray:
    """The representation next to D: unitary, respecting products up to phases, compatible with time reversal.

    Each round replaces D(g) by the mean of D(gh)·D(h)⁻¹ over all h, made unitary again; the error of a round is the
    square of that before. Blocks between sites keep their zeros.
    """
    D = np.stack([_spin_adapted(_unitary(d), sites.group.operations[g], pairs) for g, d in enumerate(D)])
    for _ in range(ROUNDS):
        means = [np.mean([_quotient(D, sites, g, h) for h in range(len(D))], axis=0) for g in range(len(D))]
        better = np.stack([_spin_adapted(_unitary(m), sites.group.operations[g], pairs) for g, m in enumerate(means)])
        change = float(np.abs(better - D).max())
        D = better
        if change < SMALL_CHANGE:
            break
    return D


def drift(before: ComplexArray, after: ComplexArray) -> float:
    """Largest difference of two sets of D, (G, N, N) each, that may differ in phases."""
    worst = 0.0
    for old, new in zip(before, after, strict=True):
        phase = np.vdot(old, new)
        worst = max(worst, float(np.abs(old * (phase / max(abs(phase), 1e-300)) - new).max()))
    return worst


def _quotient(D: ComplexArray, sites: Sites, g: int, h: int) -> ComplexArray:
    """D(gh)·D(h)⁻¹ with the phase of D(g)."""
    inverse = D[h].conj().T
    if sites.group.operations[g].time_reversal:
        inverse = inverse.conj()
    result = D[int(sites.group.product[g, h])] @ inverse
    phase = np.vdot(result, D[g])
    return np.asarray(result * (phase / abs(phase) if abs(phase) > 1e-12 else 1.0))


def _unitary(D_nn: ComplexArray) -> ComplexArray:
    """The nearest unitary matrix to one that nearly is (Newton-Schulz: zeros between sites stay zeros)."""
    for _ in range(ROUNDS):
        better = 0.5 * D_nn @ (3 * np.eye(len(D_nn)) - D_nn.conj().T @ D_nn)
        change = float(np.abs(better - D_nn).max())
        D_nn = better
        if change < SMALL_CHANGE:
            break
    return D_nn


def _spin_adapted(D_nn: ComplexArray, op: Operation, pairs: Pairs) -> ComplexArray:
    """D with the phase at which it commutes with Θ, and its part that does; of the form d ⊗ u if the pairs are pure."""
    if not pairs:
        return D_nn
    square = np.vdot(D_nn, time_reversed(D_nn, pairs.up, pairs.down))
    if abs(square) > 1e-12:
        D_nn = D_nn * np.sqrt(square / abs(square))
    D_nn = 0.5 * (D_nn + time_reversed(D_nn, pairs.up, pairs.down))
    if not pairs.pure:
        return D_nn
    u = spin_part(op)
    members = (pairs.up, pairs.down)
    d = sum(0.5 * np.conj(u[s, t]) * D_nn[np.ix_(members[s], members[t])] for s in range(2) for t in range(2))
    return with_spin(np.asarray(d).real, u, pairs)
