"""The part of a state that the wire's own temperature adds."""

from __future__ import annotations

from dataclasses import dataclass

from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Thermal:
    """theta: T - T_0 of the own nodes, (n,) in K. ledger: energies since the start, the same on all ranks.

    coarse: theta with steps of twice the length, whose difference is the error of the steps.
    """

    theta: RealArray
    ledger: RealArray
    coarse: RealArray

    def part(self, first: int, last: int) -> Thermal:
        """That of the nodes first ... last - 1 of a whole wire."""
        return Thermal(self.theta[first:last].copy(), self.ledger, self.coarse[first:last].copy())
