"""Matrices between GPAW's atomic orbitals at the points of its k mesh, and their Fourier transforms.

All are X_MN(k) = Σ_R exp(2πi k·R) <M0|X|NR>, with the corrections within the augmentation spheres: P_Mi = <p_i|M>.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.typing import ComplexArray, IntArray, RealArray
from hpcalo.units import BOHR_IN_ANGSTROM, HARTREE_EV

Calculator: TypeAlias = Any
Spline: TypeAlias = Any
"""Objects of GPAW, which has no types."""

XYZ = (3, 1, 2)
"""Numbers of x, y, z among GPAW's real harmonics of l = 0 and 1."""
TIE = 1e-3
"""Å: images of a pair that are equally far share the element."""


def spin_orbit(calc: Calculator) -> ComplexArray:
    """Σ_a P* <φ_i|dV/dr L_v/r|φ_j> P, the coefficient of σ_v, eV: (3, nk, N, N)."""
    from gpaw.spinorbit import soc  # noqa: PLC0415

    xc, total = calc.hamiltonian.xc, 0.0
    dVL_avii = {a: soc(calc.wfs.setups[a], xc, D_sp) for a, D_sp in calc.density.D_asp.items()}
    for a, dVL_vii in dVL_avii.items():
        P_kMi = np.array([wfs.P_aMi[a] for wfs in calc.dft.ibzwfs if wfs.spin == 0])
        total = total + np.einsum("kMi,vij,kNj->vkMN", P_kMi.conj(), dVL_vii, P_kMi, optimize=True)
    return np.asarray(HARTREE_EV * total, dtype=np.complex128)


def positions(calc: Calculator) -> ComplexArray:
    """<M|(r − R − τ_N)_v|N>, Å: (3, nk, N, N).

    The smooth part is an overlap: (r − τ_N)_v times a function of l is a sum of functions of l − 1 and l + 1. Within
    the sphere of atom a, r − R − τ_N = (r − τ_a) + (τ_a − τ_N − R).
    """
    from gpaw.lcao.tci import TCIExpansions  # noqa: PLC0415

    setups = list(calc.dft.setups)
    kinds = list(dict.fromkeys(setups))
    ibzwfs = [wfs for wfs in calc.dft.ibzwfs if wfs.spin == 0]
    k = np.array([wfs.kpt_c for wfs in ibzwfs])
    expansions = TCIExpansions(
        [[*s.basis_functions_J, *(f for phi in s.basis_functions_J for f in _times_r(phi))] for s in kinds],
        [s.pt_j for s in kinds],
        [kinds.index(s) for s in setups],
    )
    grid = calc.dft.ibzwfs.grid
    tci = expansions.get_tci_calculator(np.array(grid.cell_cv), ibzwfs[0].relpos_ac, grid.pbc_c, k, complex)
    first = np.concatenate([[0], np.cumsum([s.nao for s in setups])])
    part = [slice(int(a), int(b)) for a, b in pairwise(first)]
    r_vkMN = np.zeros((3, len(k), first[-1], first[-1]), dtype=np.complex128)
    for a, left in enumerate(setups):
        for b, right in enumerate(setups):
            overlap = _summed(tci, expansions.O_expansions, tci.phit_rcmax_a, a, b, k)[0][:, : left.nao, right.nao :]
            for v, mix in enumerate(_mixing(right.basis_functions_J)):
                r_vkMN[v, :, part[a], part[b]] = overlap @ mix
    for c, setup in enumerate(setups):
        P_kMi = np.array([wfs.P_aMi[c] for wfs in ibzwfs])
        moved_vkMi = np.zeros((3, *P_kMi.shape), dtype=np.complex128)
        for b, right in enumerate(setups):
            moved = _summed(tci, expansions.P_expansions, tci.pt_rcmax_a, c, b, k)[1]
            moved_vkMi[:, :, part[b]] = -moved[..., : right.nao].swapaxes(-1, -2)
        inside = np.sqrt(4 * np.pi / 3) * np.moveaxis(setup.Delta_iiL[:, :, XYZ], 2, 0)
        r_vkMN += np.einsum("kMi,vij,kNj->vkMN", P_kMi.conj(), inside, P_kMi, optimize=True)
        r_vkMN += np.einsum("kMi,ij,vkNj->vkMN", P_kMi.conj(), setup.dO_ii, moved_vkMi, optimize=True)
    return np.asarray(BOHR_IN_ANGSTROM * r_vkMN, dtype=np.complex128)


def _times_r(phi: Spline) -> list[Spline]:
    """The radial functions of r·φ with l − 1 and l + 1, as GPAW's splines f(r) of f(r) r^l Y_lm."""
    from gpaw.spline import Spline  # noqa: PLC0415

    l, cutoff = phi.get_angular_momentum_number(), phi.get_cutoff()
    r = np.linspace(0.0, cutoff, 1 + int(cutoff / 0.02))
    f = phi.map(r)
    lower = [Spline.from_data(l - 1, cutoff, f * r**2)] if l > 0 else []
    return [*lower, Spline.from_data(l + 1, cutoff, f)]


def _mixing(basis: list[Spline]) -> RealArray:
    """(3, functions of r·φ, functions): r_v φ_lm = √(4π/3) Σ_l'm' G(lm, 1v, l'm') (r f)_l'm'."""
    from gpaw.sphere.gaunt import gaunt  # noqa: PLC0415

    ls = [int(phi.get_angular_momentum_number()) for phi in basis]
    G = np.sqrt(4 * np.pi / 3) * gaunt(max(ls))
    columns = sum(2 * l + 1 for l in ls)
    blocks, place = [], 0
    for l in ls:
        for higher in [l - 1, l + 1] if l > 0 else [l + 1]:
            block = np.zeros((3, 2 * higher + 1, columns))
            rows = slice(higher**2, (higher + 1) ** 2)
            for v, L in enumerate(XYZ):
                block[v, :, place : place + 2 * l + 1] = G[l**2 : (l + 1) ** 2, L, rows].T
            blocks.append(block)
        place += 2 * l + 1
    return np.concatenate(blocks, axis=1)


def _summed(
    tci: Calculator, expansions: Calculator, cutoffs: NDArray, a: int, b: int, k: RealArray
) -> tuple[NDArray, NDArray]:
    """Two-centre integrals of atoms a and b summed over cells with exp(2πi k·R), (nk, m, n), and their dipoles.

    The dipoles, bohr, (3, nk, m, n), have the vector from a to b as a factor.
    """
    from gpaw.lcao.overlap import AtomicDisplacement, NullPhases  # noqa: PLC0415

    expansion = expansions.get(a, b)
    plain: NDArray = np.zeros((len(k), *expansion.shape), dtype=np.complex128)
    moved: NDArray = np.zeros((3, *plain.shape), dtype=np.complex128)
    for vector, offset in tci.a1a2.get(a, b) or []:
        if np.linalg.norm(vector) >= cutoffs[a] + tci.phit_rcmax_a[b]:
            continue
        one = expansion.zeros((1,), dtype=float)
        phases = NullPhases(np.zeros((1, 3)), offset)
        AtomicDisplacement(None, a, b, vector, offset, phases).evaluate_overlap(expansion, one)
        term = np.exp(2j * np.pi * k @ offset)[:, None, None] * one
        plain += term
        moved += np.asarray(vector)[:, None, None, None] * term
    return plain, moved


def to_cells(X_xkMN: ComplexArray, k: RealArray, R: IntArray, weight_RMN: RealArray) -> RealArray:
    """X(R) = w(R)/nk Σ_k exp(−2πi k·R) X(k) for real orbitals: (…, nk, N, N) → (…, nR, N, N).

    Raises ModelError if the result is not real.
    """
    phases = np.exp(-2j * np.pi * R @ k.T) / len(k)
    X = np.einsum("rk,...kMN->...rMN", phases, X_xkMN) * weight_RMN
    worst = float(np.abs(X.imag).max())
    if worst > 1e-6 * max(1.0, float(np.abs(X.real).max())):
        raise ModelError(
            f"matrices between real orbitals are imaginary in real space by {worst:.2g}: the mesh of k is not whole"
        )
    return np.ascontiguousarray(X.real)


def nearest_images(mesh: tuple[int, int, int], lattice: RealArray, tau: RealArray) -> tuple[IntArray, RealArray]:
    """Cells R (nR, 3) and the share of each for a pair of orbitals, (nR, N, N).

    Of the images of a cell under the supercell of the mesh a pair uses the nearest, equally near ones in equal parts.
    """
    base = np.stack(np.meshgrid(*[np.arange(n) for n in mesh], indexing="ij"), axis=-1).reshape(-1, 3)
    reach = [range(-2, 2) if n > 1 else range(1) for n in mesh]
    shifts = np.array([(i, j, l) for i in reach[0] for j in reach[1] for l in reach[2]]) * np.array(mesh)
    pair = tau[None] - tau[:, None]
    shares: dict[tuple[int, ...], RealArray] = {}
    for cell in base:
        images = cell + shifts
        far = np.linalg.norm((images @ lattice)[:, None, None] + pair, axis=-1)
        near = far < far.min(axis=0) + TIE
        for image, chosen in zip(images.tolist(), near / near.sum(axis=0), strict=True):
            if chosen.any():
                shares[tuple(image)] = chosen
    R = sorted({*shares, *((-a, -b, -c) for a, b, c in shares)})
    none = np.zeros(pair.shape[:2])
    return np.array(R, dtype=np.int64), np.array([shares.get(r, none) for r in R])
