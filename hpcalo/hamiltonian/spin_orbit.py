"""On-site spin-orbit coupling λ L·S of functions whose angular part is known: matrices of L between real harmonics.

S = σ/2, so a shell of l splits into λ l/2 (2l+2 levels) and −λ(l+1)/2 (2l levels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hpcalo.errors import InputError
from hpcalo.hamiltonian.exchange import PAULI
from hpcalo.hamiltonian.orbitals import Orbital
from hpcalo.typing import BoolArray, ComplexArray, IntArray, RealArray

SHELLS = "spdf"
FIRST = (0, 1, 4, 9)
"""Number of the first harmonic of each l among the 16 of `orbitals`."""
SAME_SITE = 1e-3
"""Å: functions that are closer sit on the same atom."""


def angular_momentum(l: int) -> ComplexArray:
    """L_x, L_y, L_z in units of ħ between the real harmonics of this l in Wannier90's order, (3, 2l+1, 2l+1).

    The order is m = 0, cos φ, sin φ, cos 2φ, sin 2φ, … All three are imaginary: time reversal turns L to −L.
    """
    m = np.arange(-l, l + 1)
    raise_m = np.diag(np.sqrt(l * (l + 1) - m[:-1] * (m[:-1] + 1)), -1)  # <m+1|L+|m>
    plus = raise_m.astype(np.complex128)
    minus = plus.conj().T
    L = np.array([(plus + minus) / 2, (plus - minus) / 2j, np.diag(m).astype(np.complex128)])
    real = np.zeros((2 * l + 1, 2 * l + 1), dtype=np.complex128)  # columns: real harmonics in those of |l, m>
    real[l, 0] = 1.0
    for k in range(1, l + 1):
        sign = (-1) ** k  # of Condon and Shortley
        real[l - k, 2 * k - 1], real[l + k, 2 * k - 1] = 1 / np.sqrt(2), sign / np.sqrt(2)
        real[l - k, 2 * k], real[l + k, 2 * k] = 1j / np.sqrt(2), -1j * sign / np.sqrt(2)
    return np.asarray(1j * (real.conj().T @ L @ real).imag, dtype=np.complex128)


def on_atoms(orbitals: Sequence[Orbital]) -> ComplexArray:
    """L_x, L_y, L_z in ħ between functions of one atom and one radial part, (3, N, N)."""
    coefficients = np.stack([o.coefficients() for o in orbitals])
    total = np.zeros((3, len(orbitals), len(orbitals)), dtype=np.complex128)
    for l, first in enumerate(FIRST):
        own = coefficients[:, first : first + 2 * l + 1]
        total += own @ angular_momentum(l) @ own.T
    return np.where(_one_shell(orbitals), total, 0.0)


def _one_shell(orbitals: Sequence[Orbital]) -> BoolArray:
    """(N, N): whether two functions sit on one atom and have the same radial part."""
    site = np.stack([o.position for o in orbitals])
    together = np.linalg.norm(site[:, None] - site[None], axis=-1) < SAME_SITE
    return np.asarray(together & np.array([[a.radial == b.radial for b in orbitals] for a in orbitals]))


def on_site(
    strengths: Mapping[str, float], orbitals: Sequence[Orbital], symbols: Sequence[str], atoms: IntArray
) -> ComplexArray:
    """Σ λ L·S over the named shells between the spatial parts: (3, N, N) vectors h_v of Σ_v h_v ⊗ σ_v, eV.

    strengths: λ in eV by "Fe d" (every atom of this kind) or "3 d" (the third atom). orbitals: (N,) the shape of each
    function. symbols: of the atoms. atoms: (N,) the atom of each function. Functions of one atom with unlike radial
    part are not coupled. Raises InputError for a shell that no function has.
    """
    coefficients = np.stack([o.coefficients() for o in orbitals])
    together = _one_shell(orbitals)
    total = np.zeros((3, len(orbitals), len(orbitals)), dtype=np.complex128)
    for name, strength in strengths.items():
        l, chosen = _shell(name, symbols, atoms)
        own = coefficients[:, FIRST[l] : FIRST[l] + 2 * l + 1] * chosen[:, None]
        if np.abs(own).max() < 1e-6:
            has = _found(orbitals, symbols, atoms)
            raise InputError(f"spin_orbit: '{name}': no function of the model has this shape; it has {has}")
        total += 0.5 * strength * np.where(together, own @ angular_momentum(l) @ own.T, 0.0)
    return total


def spinor(h_vnn: ComplexArray, up: IntArray, down: IntArray) -> ComplexArray:
    """Σ_v h_v ⊗ σ_v on the pairs, from (3, N, N) to (2N, 2N)."""
    total = np.zeros((2 * len(up), 2 * len(up)), dtype=np.complex128)
    index = np.concatenate([up, down])
    for h, sigma in zip(h_vnn, PAULI, strict=True):
        total[np.ix_(index, index)] += np.kron(sigma, h)
    return total


def _shell(name: str, symbols: Sequence[str], atoms: IntArray) -> tuple[int, RealArray]:
    """l and a mask (N,) of the functions on the named atoms. Raises InputError."""
    words = name.split()
    if len(words) != 2 or words[1] not in SHELLS[1:]:
        raise InputError(f'spin_orbit: \'{name}\': expected an atom and its shell p, d or f, as in "Fe d" or "3 d"')
    atom, l = words[0], SHELLS.index(words[1])
    if atom.isdigit():
        if not 1 <= int(atom) <= len(symbols):
            raise InputError(f"spin_orbit: '{name}': there are atoms 1 to {len(symbols)}")
        return l, (atoms == int(atom) - 1).astype(np.float64)
    if atom not in symbols:
        raise InputError(f"spin_orbit: '{name}': no such atom; the model has {', '.join(dict.fromkeys(symbols))}")
    return l, np.array([symbols[a] == atom for a in atoms], dtype=np.float64)


def _found(orbitals: Sequence[Orbital], symbols: Sequence[str], atoms: IntArray) -> str:
    names = [
        f"{symbols[a]} {SHELLS[l]}"
        for o, a in zip(orbitals, atoms, strict=True)
        for l in range(4)
        if np.abs(o.coefficients()[FIRST[l] : FIRST[l] + 2 * l + 1]).max() > 1e-6
    ]
    return ", ".join(dict.fromkeys(names))
