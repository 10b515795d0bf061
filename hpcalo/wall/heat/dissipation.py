"""What the moving magnetization turns into heat, and what the applied fields bring in, step by step.

Between the two ends of a step M is the cubic through both M and dM/dt; its slope in the middle is good to fourth order.
Everything is a sum over time at each node: the same on any number of ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.grid import Mesh
from hpcalo.wall.heat.transfer import Spins, TorqueWork
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.magnetism.terms.term import Term
from hpcalo.wall.units import FS

STIELTJES = np.array([[-3.0, 4.0, -1.0], [-4.0, 0.0, 4.0], [1.0, -4.0, 3.0]]) / 6.0
"""int M dH = M_i W_ij H_j with parabolas through both ends and the middle; exact where M rests, whatever H does."""


@dataclass(frozen=True)
class _Instant:
    """t in fs; M and dM/dt (n, 3), 1/fs, of the own nodes; the electrons' spins, where they exert a torque."""

    t: float
    m: RealArray
    rate: RealArray
    spins: Spins | None = None


class Dissipation:
    """Sums since `clear` on the own nodes. `begin`, then `add` after each step. Collective where torques act."""

    def __init__(self, mesh: Mesh, magnetics: Magnetics, torques: TorqueWork | None = None) -> None:
        self.mesh, self.magnetics, self.torques = mesh, magnetics, torques
        sources = magnetics.applied.sources
        self.varying = any(s.frequency != 0.0 or s.pulse_width is not None for s in sources)
        self.others = [
            term for term in magnetics.terms if term is not magnetics.applied and type(term).power is not Term.power
        ]
        self.clear()

    def clear(self) -> None:
        """Begins the sums anew."""
        self.turning = np.zeros(self.mesh.n)
        """int |dM/dt|^2 dt, 1/fs."""
        self.work = np.zeros(self.mesh.n)
        """Work of what acts from outside on M, J/m^2 of each node."""
        self.transferred = np.zeros((self.mesh.n, 4))
        """Integrals over time of the columns of `TorqueWork.at`, J/m^2."""

    def begin(self, t: float, m: RealArray, rate: RealArray) -> None:
        """The state at which the next step begins."""
        self._last = _Instant(t, m.copy(), rate, self._spins(m))

    def _spins(self, m: RealArray) -> Spins | None:
        return None if self.torques is None else self.torques.spins(m)

    def add(self, t: float, m: RealArray, rate: RealArray) -> None:
        """The state at the end of a step."""
        a, b = self._last, _Instant(t, m.copy(), rate, self._spins(m))
        h = b.t - a.t
        middle = _Instant(
            a.t + 0.5 * h,
            0.5 * (a.m + b.m) + h / 8.0 * (a.rate - b.rate),
            1.5 * (b.m - a.m) / h - 0.25 * (a.rate + b.rate),
            None if a.spins is None or b.spins is None else a.spins.between(b.spins),
        )
        square = [np.einsum("ic,ic->i", x.rate, x.rate) for x in (a, middle, b)]
        self.turning += h / 6.0 * (square[0] + 4.0 * square[1] + square[2])
        if self.varying:
            self.work += self._of_fields((a, middle, b))
        if self.others:
            self.work += h * FS * self._of_other_terms((a, middle, b))
        if self.torques is not None:
            for weight, x in zip((1.0, 4.0, 1.0), (a, middle, b), strict=True):
                ghost = self.mesh.magnetization_with_ghosts(x.m)
                self.transferred += weight / 6.0 * h * FS * self.torques.at(ghost, x.rate, x.spins)
        self._last = b

    def _of_fields(self, instants: tuple[_Instant, _Instant, _Instant]) -> RealArray:
        """-mu0 M_s int M.dH, J/m^2."""
        fields = [self.magnetics.applied.field(x.m, x.t) for x in instants]
        moments = [x.m for x in instants]
        sum_: RealArray = np.einsum("ij,inc,jnc->n", STIELTJES, np.stack(moments), np.stack(fields))
        return np.asarray(-MU_0 * self.magnetics.medium.dx * self.magnetics.ms * sum_)

    def _of_other_terms(self, instants: tuple[_Instant, _Instant, _Instant]) -> RealArray:
        """Mean power of further terms that change in time or are no gradients, W/m^2."""
        total = np.zeros(self.mesh.n)
        for term in self.others:
            for weight, x in zip((1.0, 4.0, 1.0), instants, strict=True):
                power = term.power(x.m, x.rate, x.t)
                if power is None:
                    break
                total += weight / 6.0 * power
        return total

    def damping(self) -> RealArray:
        """alpha mu0 M_s/gamma int |dM/dt|^2 dt of each own node, J/m^2."""
        return np.asarray(self.magnetics.alpha * self.power_scale() * self.turning)

    def power_scale(self) -> RealArray:
        """mu0 M_s/gamma dx on the own nodes, J fs/m^2."""
        magnetics = self.magnetics
        return np.asarray(MU_0 * magnetics.ms / magnetics.magnet.gyromagnetic_ratio / FS * magnetics.medium.dx)
