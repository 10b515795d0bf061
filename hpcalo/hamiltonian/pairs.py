"""Spin pairs of spinor Wannier functions: which two share a spatial part, and with which phases.

From the spin matrices <0m|σ_v|0n>: the partner of m is the function with which σ connects it most. A gauge change
within the pairs makes σ the Pauli matrices there; a phase common to both members makes the spatial part real, so that
time reversal is iσ_y K (see `exchange`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError, one_line
from hpcalo.hamiltonian.exchange import pauli_on_pairs, spin_components, time_reversed
from hpcalo.typing import ComplexArray, IntArray

MIXING = 0.05
"""Spin quantization axes of a pair that differ from z by less (off-diagonal <up|σ_z|down>) are not rotated."""
UNUSABLE = 0.6
"""Largest element of σ − Pauli on the pairs beyond which the functions are not pairs."""
DOUBTFUL = 0.2
COMPLEX = 0.05
"""Weight of imaginary hopping (spin-independent part) beyond which the functions are called complex."""


@dataclass(frozen=True)
class PairQuality:
    """How well the functions are pairs; 0 is perfect in each measure.

    pauli: largest |<0m|σ_v|0n> − Pauli|. reversal: largest |Θ s Θ⁻¹ + s| over cells and components. imaginary: weight
    of the imaginary part in the spin-independent hopping, √(Σ|Im|²/Σ| |²) without the cell 0 diagonal.
    """

    pauli: float
    reversal: float
    imaginary: float

    def notes(self) -> tuple[str, ...]:
        """One line for the results, and warnings where torque and turned magnetization should be distrusted."""
        text = (
            f"spin pairs: spin matrices differ from Pauli matrices by {self.pauli:.2g} at most, from odd under time "
            f"reversal by {self.reversal:.2g}; imaginary spin-independent hopping {100 * self.imaginary:.2g} %"
        )
        warnings = []
        if self.pauli > DOUBTFUL:
            warnings.append("warning: the spin pairs fit poorly: up and down functions differ in shape")
        if self.imaginary > COMPLEX:
            warnings.append("warning: the functions are not real: time reversal on the pairs is approximate")
        return (text, *warnings)


def layout_pairs(N: int, layout: str) -> tuple[IntArray, IntArray]:
    """up, down for `interleaved` (up, down, up, down, …) or `blocks` (all up first). Raises ModelError for odd N."""
    if N % 2:
        raise ModelError(f"{N} functions cannot form spin pairs: their number must be even")
    if layout == "blocks":
        return np.arange(N // 2), np.arange(N // 2, N)
    return np.arange(0, N, 2), np.arange(1, N, 2)


def find_pairs(spin_vnn: NDArray) -> tuple[IntArray, IntArray]:
    """up, down from the spin matrices (3, N, N) of cell 0. Raises ModelError if the functions do not come in pairs."""
    N = spin_vnn.shape[-1]
    if N % 2:
        raise ModelError(f"{N} functions cannot form spin pairs: their number must be even")
    strength = (np.abs(spin_vnn) ** 2).sum(axis=0)  # 2 for a perfect partner whatever the axis
    np.fill_diagonal(strength, 0.0)
    partner = strength.argmax(axis=1)
    lonely = np.flatnonzero((partner[partner] != np.arange(N)) | (strength[np.arange(N), partner] < 1.0))
    if len(lonely):
        m = int(lonely[0])
        raise ModelError(
            f"function {m + 1} has no spin partner (nearest: {partner[m] + 1}, strength "
            f"{strength[m, partner[m]]:.2f} of 2): these are not spin pairs, use spin = 'none'"
        )
    first = np.flatnonzero(np.arange(N) < partner)
    second = partner[first]
    s_z = spin_vnn[2].diagonal().real
    swap = s_z[second] > s_z[first]
    return np.where(swap, second, first), np.where(swap, first, second)


def spin_gauge(spin_vnn: NDArray, up: IntArray, down: IntArray) -> tuple[ComplexArray, bool]:
    """Unitary (N, N) that makes the spin matrices of cell 0 Pauli-like, and whether it mixes the members of a pair.

    Mostly a phase of `down`; it rotates the spin axes of a pair only where its quantization axis is not z.
    """
    N = spin_vnn.shape[-1]
    gauge = np.eye(N, dtype=np.complex128)
    mixes = False
    for a, b in zip(up, down, strict=True):
        pair = np.ix_([a, b], [a, b])
        s_x, _, s_z = (spin_vnn[v][pair] for v in range(3))
        rotation = np.eye(2, dtype=np.complex128)
        if abs(s_z[0, 1]) > MIXING or s_z[0, 0].real < 0.5:
            mixes = True
            rotation = np.linalg.eigh(s_z)[1][:, ::-1]
        connect = (rotation.conj().T @ s_x @ rotation)[0, 1]
        rotation[:, 1] *= np.conj(connect) / abs(connect)
        gauge[pair] = rotation
    return gauge, mixes


def real_gauge(H_Rnn: NDArray, up: IntArray, down: IntArray) -> ComplexArray:
    """Phases (N,), equal for both members of a pair, that make the spin-independent hopping as real as possible.

    For functions e^{iα} × (real) the sums Σ_R x_ij(R)² have the phase 2(α_j − α_i), which is followed along the
    strongest links. A sign remains open, which time reversal does not depend on. All ones if the hopping is real.
    """
    x0, _ = spin_components(H_Rnn, up, down)
    links = (x0**2).sum(axis=0)
    if np.abs(links.imag).sum() <= 1e-3 * np.abs(links).sum():
        return np.ones(H_Rnn.shape[-1], dtype=np.complex128)
    n = len(up)
    alpha = np.zeros(n)
    done = np.zeros(n, dtype=bool)
    done[0] = True
    while not done.all():
        weight = np.where(done[:, None] & ~done[None, :], np.abs(links), -1.0)
        i, j = np.unravel_index(int(weight.argmax()), weight.shape)
        if weight[i, j] > 1e-12:
            alpha[j] = alpha[i] + 0.5 * np.angle(links[i, j])
        done[j] = True
    phases = np.ones(2 * n, dtype=np.complex128)
    phases[up] = phases[down] = np.exp(-1j * alpha)
    return phases


def told_by_spin(spin_vnn: ComplexArray) -> tuple[IntArray, IntArray, str]:
    """The pairs up and down that the spin matrices of cell 0 tell; of functions that are no pairs none, and why."""
    try:
        up, down = find_pairs(spin_vnn)
        gauge, _ = spin_gauge(spin_vnn, up, down)
        require_pauli(gauge.conj().T @ spin_vnn @ gauge, up, down)
    except ModelError as problem:
        none: IntArray = np.zeros(0, dtype=np.int64)
        return none, none, one_line(problem).partition(", use spin =")[0].partition(": these are")[0]
    return up, down, ""


def require_pauli(spin_vnn: NDArray, up: IntArray, down: IntArray) -> float:
    """Largest |spin − Pauli| of cell 0. Raises ModelError if the functions are no spin pairs at all."""
    pauli = float(np.abs(spin_vnn - pauli_on_pairs(up, down)).max())
    if pauli > UNUSABLE:
        raise ModelError(
            f"spin matrices differ from Pauli matrices on pairs by {pauli:.2f}: no exchange part can be made, "
            "use spin = 'none'"
        )
    return pauli


def quality(H_Rnn: NDArray, spin_Rvnn: NDArray | None, home: int, up: IntArray, down: IntArray) -> PairQuality:
    """How well these pairs fit; `home` is the number of cell 0. Raises ModelError if they are no spin pairs at all."""
    pauli = reversal = 0.0
    if spin_Rvnn is not None:
        pauli = require_pauli(spin_Rvnn[home], up, down)
        reversal = float(np.abs(time_reversed(spin_Rvnn, up, down) + spin_Rvnn).max())
    x0 = spin_components(H_Rnn, up, down)[0].copy()
    np.fill_diagonal(x0[home], 0.0)
    total = float((np.abs(x0) ** 2).sum())
    return PairQuality(pauli, reversal, float(np.sqrt((x0.imag**2).sum() / total)) if total > 0 else 0.0)
