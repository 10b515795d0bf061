"""Which representation: from the orbitals where H and spin have it, else from the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.orbitals import Orbital
from hpcalo.hamiltonian.symmetrize.action import Cells, components, site_pairs
from hpcalo.hamiltonian.symmetrize.nullspace import RATIO, Known, from_data
from hpcalo.hamiltonian.symmetrize.representation import (
    FAULT,
    Pairs,
    compatibility,
    completed,
    drift,
    exact,
    from_orbitals,
    generators,
    in_pairs,
    multiplication,
    unitarity,
)
from hpcalo.hamiltonian.symmetrize.sites import Sites, find_sites
from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import BoolArray, ComplexArray, IntArray, RealArray

NONE: IntArray = np.zeros(0, dtype=np.int64)
LARGEST_RATIO = 0.1
"""Whatever deviation of H is allowed: beyond it the null vector is no longer the operation."""


@dataclass(frozen=True)
class Evidence:
    """What a representation is found from and judged by.

    crystal, n_hat, centres (N, 3) Å. orbitals: one for each function, None where unknown. known: H and spin on the
    cells R. trusted: cells whose blocks are what the files say, whatever is done about replicas. limit: deviation that
    is accepted. time: with the operations that reverse it.
    """

    crystal: Crystal
    n_hat: RealArray
    centres: RealArray
    orbitals: tuple[Orbital, ...] | None
    known: tuple[Known, ...]
    R: IntArray
    trusted: BoolArray
    pairs: Pairs
    limit: float
    time: bool = True


@dataclass(frozen=True)
class Found:
    """A representation D, (G, N, N), exact to rounding. source: how it was found, in words."""

    sites: Sites
    D: ComplexArray
    source: str


def find_representation(evidence: Evidence) -> Found:
    """From the orbitals if they are known and H and spin follow them within the limit, else from the data.

    Raises ModelError where neither works.
    """
    reason = ""
    if evidence.orbitals is not None:
        try:
            found = _from_orbitals(evidence)
            gap = mismatch(evidence, found)
            if gap <= evidence.limit:
                return found
            reason = f"the projections do not describe these functions (H differs by {gap:.2g} eV)"
        except ModelError as problem:
            reason = str(problem)
    try:
        return _from_data(evidence, reason)
    except ModelError as problem:
        raise ModelError(f"{problem}{f'; from the projections: {reason}' if reason else ''}") from None


def mismatch(evidence: Evidence, found: Found) -> float:
    """Largest element of X(gR) − D X(R) D† on the trusted cells, over all operations."""
    cells, blocks = Cells(evidence.R), found.sites.blocks
    worst = 0.0
    for g, op in enumerate(found.sites.group.operations):
        D = found.D[g] if found.D[g].imag.any() else found.D[g].real
        for item in evidence.known:
            X = item.X_Rvnn.conj() if op.time_reversal else item.X_Rvnn
            turned = D @ np.einsum("vw,Rwmn->Rvmn", components(item.kind, op), X) @ D.conj().T
            for _, _, b, d, target in site_pairs(found.sites, g, evidence.R):
                number = cells.find(target)
                use = (number >= 0) & evidence.trusted & evidence.trusted[number]
                index = (slice(None), slice(None), blocks[b][:, None], blocks[d])
                gap = turned[use][index] - item.X_Rvnn[number[use]][index]
                worst = max(worst, float(np.abs(gap).max(initial=0.0)))
    return worst


def _from_orbitals(evidence: Evidence) -> Found:
    sites = find_sites(evidence.crystal, evidence.n_hat, evidence.centres, evidence.orbitals, time=evidence.time)
    pairs, orbitals = in_pairs(evidence.orbitals or (), evidence.pairs)
    D = from_orbitals(orbitals, sites, pairs)
    _require("the projections", D, sites, evidence.pairs, FAULT)
    return Found(sites, exact(D, sites, evidence.pairs), "the projections")


def _from_data(evidence: Evidence, reason: str) -> Found:
    sites = find_sites(evidence.crystal, evidence.n_hat, evidence.centres, None, time=evidence.time)
    matrices, worst = {}, 0.0
    allowed_ratio = min(max(RATIO, evidence.limit), LARGEST_RATIO)
    for g in generators(sites):
        matrices[g], ratio = from_data(evidence.known, evidence.R, evidence.trusted, sites, g)
        if ratio > allowed_ratio:
            raise ModelError(
                f"symmetry: H and spin do not have the operation {sites.group.operations[g].label}, or not uniquely "
                f"(ratio of singular values {ratio:.1g}, allowed {allowed_ratio:g})"
            )
        worst = max(worst, ratio)
    D = completed(matrices, sites)
    # Digits of the files make the null vector uncertain by about as much as H deviates.
    allowed = max(FAULT, 10 * evidence.limit * RATIO, 10 * worst)
    _require("the data", D, sites, Pairs(NONE, NONE), allowed)
    raw, D = D, exact(D, sites, evidence.pairs)
    gap = drift(raw, D)
    if gap > allowed:
        raise ModelError(
            "symmetry: the matrices from the data are not compatible with time reversal on the spin pairs: off by "
            f"{gap:.1g}"
        )
    source = f"H and spin (ratio of singular values {worst:.1g})"
    return Found(sites, D, f"{source}, because {reason}" if reason else source)


def _require(source: str, D: ComplexArray, sites: Sites, pairs: Pairs, allowed: float) -> None:
    """Raises ModelError unless D is unitary, a representation and respects time reversal."""
    faults = {
        "unitary": unitarity(D),
        "a representation": multiplication(D, sites),
        "compatible with time reversal on the spin pairs": compatibility(D, pairs),
    }
    for what, size in faults.items():
        if size > allowed:
            raise ModelError(f"symmetry: the matrices from {source} are not {what}: off by {size:.1g}")


def known_of(H_Rnn: NDArray, spin_Rvnn: NDArray) -> tuple[Known, ...]:
    """H and, where there is one (nR, 3, N, N), the spin."""
    H = Known(H_Rnn[:, None], "scalar")
    return (H, Known(spin_Rvnn, "axial")) if spin_Rvnn.size else (H,)


def all_cells(R: IntArray) -> BoolArray:
    """Every cell is trusted."""
    return np.ones(len(R), dtype=bool)
