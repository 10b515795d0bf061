"""D(g) from the data alone: the null vector of X(gR) D − D X(R) in site blocks, with X = H and the spin.

The equations are linear in D. Their normal matrix has one vanishing eigenvalue if H and spin have the operation and
are not more symmetric than the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.symmetrize.action import Cells, components, site_pairs
from hpcalo.hamiltonian.symmetrize.sites import Sites
from hpcalo.typing import BoolArray, ComplexArray, IntArray

RATIO = 1e-3
"""Largest ratio of the smallest to the next singular value: above it H has no such operation, or more than one D."""
LARGEST = 5000
"""Largest number of unknowns."""


@dataclass(frozen=True)
class Known:
    """Matrices that D must respect: X (nR, v, N, N) and how its components turn, on cells with trust (nR,)."""

    X_Rvnn: NDArray
    kind: str


def from_data(
    known: Sequence[Known], R: IntArray, trusted: BoolArray, sites: Sites, g: int
) -> tuple[ComplexArray, float]:
    """D(g), (N, N), each block made to have the norm of a unitary one, and the ratio of singular values.

    trusted: (nR,) cells whose blocks are used. Raises ModelError if there are too many unknowns, or no D.
    """
    blocks = sites.blocks
    sizes = np.array([len(b) for b in blocks])
    start = np.concatenate([[0], np.cumsum(sizes**2)])
    if (sizes != sizes[sites.image[g]]).any():
        raise ModelError("symmetry: sites that the crystal makes equivalent have unlike numbers of functions")
    if start[-1] > LARGEST:
        raise ModelError(
            f"symmetry: {start[-1]} unknowns are too many for finding the representation from the data (at most "
            f"{LARGEST}): give seed.win with the projections"
        )
    normal = np.zeros((start[-1], start[-1]), dtype=np.complex128)
    op = sites.group.operations[g]
    cells = Cells(R)
    for item in known:
        scale = 1.0 / max(float(np.linalg.norm(item.X_Rvnn)), 1e-300)
        X = item.X_Rvnn.conj() if op.time_reversal else item.X_Rvnn
        turned = np.einsum("vw,Rwmn->Rvmn", components(item.kind, op), X) * scale
        for a, c, b, d, target in site_pairs(sites, g, R):
            number = cells.find(target)
            use = (number >= 0) & trusted & trusted[number]
            P = (scale * item.X_Rvnn[number[use]])[:, :, blocks[b][:, None], blocks[d]].reshape(-1, sizes[b], sizes[d])
            Q = turned[use][:, :, blocks[a][:, None], blocks[c]].reshape(-1, sizes[a], sizes[c])
            _add(normal, start, a, c, P, Q)
    values, vectors = scipy.linalg.eigh(normal, subset_by_index=[0, 1] if start[-1] > 1 else None)
    ratio = float(np.sqrt(max(values[0], 0.0) / values[1])) if len(values) > 1 and values[1] > 0 else 1.0
    D = np.zeros((len(sites.of), len(sites.of)), dtype=np.complex128)
    for a, b in enumerate(sites.image[g]):
        part = vectors[start[a] : start[a + 1], 0].reshape(sizes[a], sizes[a])
        size = float(np.linalg.norm(part))
        D[np.ix_(blocks[b], blocks[a])] = part * (np.sqrt(sizes[a]) / size if size > 0 else 0.0)
    return D, ratio


def _add(normal: ComplexArray, start: IntArray, a: int, c: int, P: NDArray, Q: NDArray) -> None:
    """|P D_c − D_a Q|² as a quadratic form of the rows of D_a and D_c."""
    n, m = Q.shape[1:]
    at_a, at_c = slice(start[a], start[a + 1]), slice(start[c], start[c + 1])
    normal[at_c, at_c] += np.kron(np.einsum("xji,xjk->ik", P.conj(), P), np.eye(m))
    normal[at_a, at_a] += np.kron(np.eye(n), np.einsum("xjl,xkl->kj", Q, Q.conj()))
    # −Σ (P†)_ik Q_lj between D_c[i, j] and D_a[k, l]
    cross = np.einsum("xki,xlj->ijkl", P.conj(), Q, optimize=True).reshape(m * m, n * n)
    normal[at_c, at_a] -= cross
    normal[at_a, at_c] -= cross.conj().T
