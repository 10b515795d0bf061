"""The part of a state that the wire's own temperature adds."""

from __future__ import annotations

from dataclasses import dataclass

from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Thermal:
    """theta: T - T_0 of the own nodes, (n,) in K. ledger: energies since the start, the same on all ranks."""

    theta: RealArray
    ledger: RealArray
