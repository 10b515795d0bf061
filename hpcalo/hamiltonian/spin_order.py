"""The order of up and down among spinor functions, found from the Hamiltonian where no spin matrices tell it.

In the right order the exchange part (odd under time reversal on the pairs) is an exchange field: a real matrix, large
within an atom and small between atoms. In a wrong one hopping between different orbitals is taken for it, which is
as large between cells as hopping is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import odd_part, spin_components
from hpcalo.hamiltonian.pairs import layout_pairs, real_gauge
from hpcalo.typing import IntArray, RealArray

ORDERS = ("interleaved", "blocks")
LOCAL = 0.2
"""Share of the exchange part in the hopping between cells that an exchange field may have; FeTe has 0.07, a wrong order
0.2 to 0.7.
"""
REAL = 0.1
"""Weight of the imaginary part in the spin-independent hopping up to which functions are real."""
APART = 0.3
"""Å; functions of a pair sit at one position: those of FeTe within 0.07."""
CLEAR = 2.0
"""The better order must be better by this factor."""
NOTHING = 0.02
"""Share below which an exchange part between cells tells nothing: rounding, or no hopping between unlike orbitals."""
ADVICE = "give spin = 'interleaved' or 'blocks', the spin matrices (seed.chk and seed.spn), or spin = 'none'"


@dataclass(frozen=True)
class Fit:
    """How well an order fits: far, imaginary as LOCAL and REAL say, gap (Å) between the functions of a pair."""

    order: str
    up: IntArray
    down: IntArray
    far: float
    imaginary: float
    gap: float

    @property
    def possible(self) -> bool:
        """Whether the exchange part is a real, local field on functions that share their position."""
        return self.far <= LOCAL and self.real

    @property
    def real(self) -> bool:
        """The same without regard to how far the field reaches."""
        return self.imaginary <= REAL and self.gap <= APART

    def __str__(self) -> str:
        text = f"{self.order}: exchange between cells {100 * self.far:.2g} % of the hopping"
        text += f", imaginary {100 * self.imaginary:.2g} %" if self.imaginary > REAL else ""
        return f"{text}, pairs {self.gap:.2g} Å apart" if self.gap > APART else text


def find_order(R: IntArray, H_Rnn: NDArray, centres: RealArray, lattice: RealArray) -> tuple[IntArray, IntArray, str]:
    """up, down and a note that says which order it is and by how much it is the better one.

    Raises ModelError if their number is odd, if no order gives a real and local exchange field, or both do so equally.
    """
    fits = sorted(
        (_fit(order, R, H_Rnn, centres, lattice) for order in ORDERS), key=lambda fit: (not fit.possible, fit.far)
    )
    best, other = fits
    if np.array_equal(best.up, other.up) and np.array_equal(best.down, other.down):
        return best.up, best.down, "spin pairs: one up and one down function, the same in both orders"
    if not best.possible:
        raise ModelError(
            f"spin order not found: no order gives a real, local exchange field ({best}; {other}); {ADVICE}"
        )
    if other.possible and other.far < max(CLEAR * best.far, NOTHING):
        raise ModelError(f"spin order not found: both orders fit equally well ({best}; {other}); {ADVICE}")
    why = f"{other.far / best.far:.2g} times better" if best.far > 1e-3 * other.far else "exact"
    note = f"spin order found: {best.order}, {why} ({best}; {other}); spin matrices taken as Pauli matrices along z"
    return best.up, best.down, note


def _fit(order: str, R: IntArray, H_Rnn: NDArray, centres: RealArray, lattice: RealArray) -> Fit:
    up, down = layout_pairs(H_Rnn.shape[-1], order)
    phases = real_gauge(H_Rnn, up, down)
    H = phases.conj()[:, None] * H_Rnn * phases
    far = np.any(R != 0, axis=1)
    hopping = float(np.linalg.norm(H[far]))
    x0 = spin_components(H, up, down)[0]
    weights = float(np.linalg.norm(x0.imag)), float(np.linalg.norm(x0))
    apart = centres[up] - centres[down]
    apart -= np.rint(apart @ np.linalg.inv(lattice)) @ lattice
    return Fit(
        order,
        up,
        down,
        float(np.linalg.norm(odd_part(H[far], up, down))) / max(hopping, 1e-300),
        weights[0] / max(weights[1], 1e-300),
        float(np.linalg.norm(apart, axis=1).max()),
    )
