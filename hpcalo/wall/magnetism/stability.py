"""Whether a magnetization at rest is a minimum of the energy: the lowest curvature, and its direction."""

from __future__ import annotations

import numpy as np

from hpcalo.parallel.guard import on_root
from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.grid import Mesh
from hpcalo.wall.magnetism.magnetics import Magnetics

STEP = 1e-4
"""Change of M for a difference quotient of the field, which is exact where the field is linear in M, as most are."""
SHIFT = 0.7
"""Overlap with M' above which a direction is a shift along the wire."""
COLOURS = 3
"""Nodes of one colour have no common neighbour: their M is changed at once."""


def lowest_curvature(mesh: Mesh, magnetics: Magnetics, m: RealArray) -> tuple[float, RealArray]:
    """Lowest curvature of the energy over the directions in which M (n, 3), at rest, can turn, and that direction.

    A shift of the whole texture along the wire does not count: the free ends of the wire attract any wall.
    The curvature is relative to the largest torque on a turned spin, mu0 M_s |M.H|: dimensionless, negative at a
    saddle. The direction (n, 3) is perpendicular to M; its largest component is 1, its sum along y (else x, z) is
    positive. The same bits on any number of ranks. Collective.
    """
    ghost = mesh.magnetization_with_ghosts(m)
    slope = mesh.gather(_field_slope(mesh, magnetics, ghost).reshape(mesh.n, -1)).reshape(-1, 3, 3, 3)
    density = MU_0 * magnetics.ms
    along = mesh.gather(density * np.einsum("ic,ic->i", m, magnetics.field(ghost, 0.0)))
    every, density = mesh.gather(m), mesh.gather(density)
    curvature, mode = on_root(mesh.comm, lambda: _lowest(every, slope, density, along))
    return curvature, mode[mesh.first : mesh.last]


def _field_slope(mesh: Mesh, magnetics: Magnetics, ghost: RealArray) -> RealArray:
    """dH_i,a/dM_j,b by central differences: (n, 3 [left, own, right neighbour j], 3 [a], 3 [b]), A/m. Collective."""
    out = np.zeros((mesh.n, 3, 3, 3))
    own = np.arange(mesh.first, mesh.last)
    for colour in range(COLOURS):
        moved = mesh.around % COLOURS == colour
        for b in range(3):
            sides = []
            for sign in (1.0, -1.0):
                there = ghost.copy()
                there[moved, b] += sign * STEP
                sides.append(magnetics.field(there, 0.0))
            quotient = (sides[0] - sides[1]) / (2.0 * STEP)
            for place, neighbour in enumerate((own - 1, own, own + 1)):
                here = (neighbour % COLOURS == colour) & (neighbour >= 0) & (neighbour < mesh.cells)
                out[here, place, :, b] = quotient[here]
    return out


def _lowest(m: RealArray, slope: RealArray, density: RealArray, along: RealArray) -> tuple[float, RealArray]:
    """Lowest eigenvalue and direction for the M (cells, 3) of the whole wire. Serial."""
    from scipy.sparse import csc_array  # noqa: PLC0415  (slow; few runs need it)
    from scipy.sparse.linalg import eigsh  # noqa: PLC0415

    cells = len(m)
    helper = np.eye(3)[np.abs(m).argmin(axis=1)]
    first = np.cross(m, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    basis = np.stack([first, np.cross(m, first)], axis=2)  # (cells, 3, 2)
    rows, columns, values = [], [], []
    for place, shift in enumerate((-1, 0, 1)):
        i = np.arange(max(0, -shift), cells - max(0, shift))
        block = -density[i, None, None] * np.einsum("iap,iab,ibq->ipq", basis[i], slope[i, place], basis[i + shift])
        if shift == 0:
            block += along[:, None, None] * np.eye(2)
        p, q = np.meshgrid(np.arange(2), np.arange(2), indexing="ij")
        rows.append((2 * i[:, None, None] + p).ravel())
        columns.append((2 * (i + shift)[:, None, None] + q).ravel())
        values.append(block.ravel())
    size = (2 * cells, 2 * cells)
    hessian = csc_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=size)
    hessian = (hessian + hessian.T) / 2.0
    scale = float(np.abs(along).max()) or 1.0
    radius = abs(hessian).sum(axis=1) - np.abs(hessian.diagonal())
    below = float((hessian.diagonal() - radius).min()) - 0.1 * scale  # Gershgorin: no eigenvalue is lower
    start = np.random.default_rng(0).standard_normal(2 * cells)
    values, vectors = eigsh(hessian, k=2, sigma=below, which="LM", v0=start)
    modes = [np.einsum("iap,ip->ia", basis, vectors[:, n].reshape(cells, 2)) for n in np.argsort(values)]
    shift = np.gradient(m, axis=0)
    overlap = abs(float((modes[0] * shift).sum())) / (float(np.linalg.norm(shift)) or 1.0)
    which = 1 if overlap > SHIFT else 0
    return float(np.sort(values)[which]) / scale, _signed(modes[which] / np.abs(modes[which]).max())


def _signed(mode: RealArray) -> RealArray:
    """The mode or its opposite, of which neither is preferred."""
    sums = mode.sum(axis=0)[[1, 0, 2]]
    clear = np.abs(sums) > 1e-6 * len(mode)
    return -mode if clear.any() and sums[clear][0] < 0.0 else mode
