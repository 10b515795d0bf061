"""Lowest order in the direction of the magnetization of what a film with an n-fold axis z (n > 2) does.

With c_i = z x e_i for the directions i of space in the film's plane, and n the direction of the magnetization:

    torque per force along i        t_i = t^(1,0) n x c_i + t^(2,0) n x (n x c_i)                     (56)
    heat current along i            b_i = b_odd n x c_i - b_even n x (n x c_i),  J_i = -b_i.(n x dn/dt)
    spiralization                   D_i = -D n x (n x c_i), c_i without its part along n,  F = sum_i D_i.(n x d_i n)

The first index counts powers of n: the odd parts are field-like, the even ones damping-like. Onsager (40) ties
b_odd = (T/V) b^(1,0) and b_even = (T/V) b^(2,0) of the thermal torkance.
"""

from __future__ import annotations

import numpy as np

from hpcalo.coupling.measured import Measured
from hpcalo.typing import RealArray

ACROSS = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""z x e_i for i = x, y."""


def field_like(n: RealArray) -> RealArray:
    """n x c_i: (…, 2 [i], 3) for n (…, 3)."""
    return np.asarray(np.cross(n[..., None, :], ACROSS), dtype=np.float64)


def damping_like(n: RealArray) -> RealArray:
    """n x (n x c_i): (…, 2 [i], 3)."""
    return np.asarray(np.cross(n[..., None, :], field_like(n)), dtype=np.float64)


def across(n: RealArray) -> RealArray:
    """c_i without its part along n, that is -n x (n x c_i): (…, 2 [i], 3)."""
    return -damping_like(n)


def transverse(n: RealArray) -> RealArray:
    """Projector on the directions across n: (…, 3, 3)."""
    return np.asarray(np.eye(3) - n[..., :, None] * n[..., None, :], dtype=np.float64)


def lowest_order(values: Measured, pattern: RealArray) -> tuple[Measured, RealArray]:
    """Coefficient (T,) of the pattern (A, i, j) in values (A, i, j, T), and the remainder (A, i, j, T).

    A least-squares fit over directions and components.
    """
    coefficient = values.combined("aijt,aij->t", pattern / float((pattern**2).sum()))
    return coefficient, values.values - pattern[..., None] * coefficient.values


def share(rest: RealArray, values: RealArray, least: float) -> float:
    """Root mean square of the rest over that of the values; 0 where the values vanish, that is, stay below `least`."""
    size = float(np.sqrt((values**2).sum()))
    return float(np.sqrt((rest**2).sum())) / size if float(np.abs(values).max(initial=0.0)) > least else 0.0
