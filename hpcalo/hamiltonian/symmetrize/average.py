"""All matrices of a WannierModel under the operations: how far they are from symmetric, and their mean.

The position matrix is taken relative to the sites: W r_a = r_b + L_a takes the diagonal along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.external import ACROSS, COUPLING, PARTS
from hpcalo.hamiltonian.symmetrize.action import AXIAL, MOVING, POLAR, SCALAR, Cells, complete, transformed
from hpcalo.hamiltonian.symmetrize.finding import Found
from hpcalo.hamiltonian.symmetrize.report import Deviation
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

ROUGH = {"r", *(name for _, name, _ in PARTS)}
"""Matrices from finite differences in k, which break symmetries by more than the digits of the files."""
NOTABLE = 1e-4
"""Elements that are larger may not get lost because a cell is missing (eV, Å)."""


@dataclass(frozen=True)
class Part:
    """A matrix of the model: name, unit, values (nR, v, N, N) and how its components turn."""

    name: str
    unit: str
    X_Rvnn: ComplexArray
    kind: str


def symmetric_centres(model: WannierModel, found: Found) -> RealArray:
    """Centres (N, 3) Å averaged over the group."""
    sites = found.sites
    relative = model.centres - sites.given[sites.of]
    own = np.zeros((3, model.size, model.size), dtype=np.complex128)
    for v in range(3):
        own[v] = np.diag(relative[:, v])
    total = np.zeros_like(own)
    for g, op in enumerate(sites.group.operations):
        X = own.conj() if op.time_reversal else own
        total += np.einsum("vw,wmn->vmn", op.polar, found.D[g] @ X @ found.D[g].conj().T)
    mean = np.diagonal(total, axis1=1, axis2=2).real.T / len(sites.group.operations)
    return np.ascontiguousarray(sites.exact[sites.of] + mean)


def parts_of(model: WannierModel, positions: RealArray) -> list[Part]:
    """All matrices of the model; the position matrix relative to the positions (N, 3) Å of the functions."""
    parts = [Part("H", "eV", model.H_Rnn[:, None], SCALAR)]
    if model.odd_Rnn is not None:
        parts.append(Part("exchange part", "eV", model.odd_Rnn[:, None], SCALAR))
    if model.spin_Rvnn is not None:
        parts.append(Part("spin", "", model.spin_Rvnn, AXIAL))
    if model.A_Rvnn is not None:
        parts.append(Part("r", "Å", model.A_Rvnn - _at_home(model.R, positions), POLAR))
    if model.external_Rvnn is None:
        return parts
    for components, name, unit in PARTS:
        if components.start < model.external_Rvnn.shape[1]:
            kind = MOVING if components == COUPLING else POLAR if components == ACROSS else AXIAL
            parts.append(Part(name, unit, model.external_Rvnn[:, components], kind))
    return parts


def _at_home(R: IntArray, positions: RealArray) -> RealArray:
    """Positions on the diagonal of R = 0: (nR, 3, N, N)."""
    N = len(positions)
    result = np.zeros((len(R), 3, N, N))
    home = int(np.flatnonzero((R == 0).all(axis=1))[0])
    result[home][:, np.arange(N), np.arange(N)] = positions.T
    return result


def deviations_of(model: WannierModel, found: Found, *, exact: bool = False) -> tuple[Deviation, ...]:
    """Of each matrix the largest |T_g[X] − X| over the group."""
    sites, cells = found.sites, Cells(model.R)
    positions = (sites.exact if exact else sites.given)[sites.of]
    result = []
    for part in parts_of(model, positions):
        size, lost, worst = 0.0, 0.0, sites.group.operations[0]
        for g, op in enumerate(sites.group.operations):
            image, gone = transformed(part.X_Rvnn, found.D[g], sites, g, part.kind, cells)
            gap = float(np.abs(image - part.X_Rvnn).max(initial=0.0))
            if max(gap, gone) > size:
                size, worst = max(gap, gone), op
            lost = max(lost, gone)
        result.append(Deviation(part.name, part.unit, size, worst, lost=lost > NOTABLE))
    return tuple(result)


def averaged(model: WannierModel, found: Found) -> WannierModel:
    """The mean over the group of every matrix."""
    sites, cells = found.sites, Cells(model.R)
    G = len(sites.group.operations)
    new: dict[str, ComplexArray] = {}
    whole = complete(sites, cells)[:, None]
    for part in parts_of(model, sites.given[sites.of]):
        total = np.zeros(part.X_Rvnn.shape, dtype=np.complex128)
        for g in range(G):
            total += transformed(whole * part.X_Rvnn, found.D[g], sites, g, part.kind, cells)[0]
        new[part.name] = _hermitian(total / G, model.R)
    H = new["H"][:, 0]
    odd = None
    if model.odd_Rnn is not None:
        paired = len(model.up) > 0
        own = paired and np.abs(model.odd_Rnn - odd_part(model.H_Rnn, model.up, model.down)).max() < 1e-12
        odd = odd_part(H, model.up, model.down) if own else new["exchange part"][:, 0]
    A, centres = None, symmetric_centres(model, found)
    if model.A_Rvnn is not None:
        A = new["r"] + _at_home(model.R, sites.exact[sites.of])
        home = int(np.flatnonzero((model.R == 0).all(axis=1))[0])
        centres = np.ascontiguousarray(np.diagonal(A[home], axis1=1, axis2=2).real.T)
    return replace(
        model,
        crystal=sites.group.crystal,
        n_hat=sites.group.n_hat,
        H_Rnn=H,
        A_Rvnn=A,
        spin_Rvnn=new.get("spin"),
        external_Rvnn=None
        if model.external_Rvnn is None
        else np.concatenate([new[name] for _, name, _ in PARTS if name in new], axis=1),
        odd_Rnn=odd,
        centres=centres,
    )


def _hermitian(X_Rvnn: ComplexArray, R: IntArray) -> ComplexArray:
    """(X(R) + X(−R)†)/2; the group takes both along, so this loses nothing."""
    partner = Cells(R).find(-R)
    known = partner >= 0
    result = X_Rvnn.copy()
    result[known] = 0.5 * (X_Rvnn[known] + X_Rvnn[partner[known]].conj().mT)
    return result
