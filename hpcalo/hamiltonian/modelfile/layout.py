"""What reading and writing share: names of the format, and which half of the cells is stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.typing import IntArray

FORMAT = "hpcalo model"
VERSION = 1
CONVENTION = (
    "X(k) = sum_R exp(2 pi i k.R) X(R), X_mn(R) = <0m|X|Rn>, k fractional, no phases of orbital positions; energies "
    "eV, lengths angstrom; n_hat = direction of the majority moment; spin matrices are sigma, not hbar sigma / 2"
)
LCAO_CONVENTION = (
    "H = (H_up + H_down)/2 x 1 + (H_up - H_down)/2 x sigma.s + sum_v i soc_v x sigma_v, overlap S x 1, s = - n_hat; "
    "r = <0M|(r - R - tau_N)|RN>"
)


def stored_cells(R: NDArray) -> IntArray:
    """Numbers of the cells that are stored: R = 0, one of each pair ±R, and all without a partner."""
    present = {tuple(r) for r in R.tolist()}
    keep = [i for i, r in enumerate(R.tolist()) if tuple(r) >= (0, 0, 0) or (-r[0], -r[1], -r[2]) not in present]
    return np.array(keep, dtype=np.int64)


def unfold(stored: NDArray, R: NDArray, half: NDArray, sign: float, cell_axis: int) -> NDArray | None:
    """All cells from the stored ones by X(−R) = sign · X(R)†; None if some cell is then missing."""
    number = {tuple(R[i].tolist()): s for s, i in enumerate(half)}
    own = [number.get(tuple(r)) for r in R.tolist()]
    other = [number.get((-r[0], -r[1], -r[2])) for r in R.tolist()]
    if any(a is None and b is None for a, b in zip(own, other, strict=True)):
        return None
    source = np.array([b if a is None else a for a, b in zip(own, other, strict=True)], dtype=np.int64)
    flip = np.array([a is None for a in own])
    moved = np.moveaxis(stored, cell_axis, 0)
    result = moved[source]
    result[flip] = sign * moved[source[flip]].conj().swapaxes(-1, -2)
    return np.ascontiguousarray(np.moveaxis(result, 0, cell_axis))
