"""The preconditioner of the steady equation: one exact line solve, then spin diffusion of what it scatters back."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.grid import Mesh
from hpcalo.wall.solvers.line import Sweep
from hpcalo.wall.solvers.spin_diffusion import SpinDiffusion


class Preconditioner:
    """P. accelerate: with spin diffusion. single: the sweep in single precision."""

    def __init__(self, mesh: Mesh, kinetic: Kinetic, *, accelerate: bool, single: bool = False) -> None:
        self.mesh, self.k, self.accelerate, self.single = mesh, kinetic, accelerate, single
        self.sweep = Sweep(mesh, kinetic, single=single)
        self.diffusion = SpinDiffusion(mesh, kinetic)
        self.shift = 0.0

    def factor(self, shift: float) -> None:
        """Factors both parts for the magnetization now set in the kinetic operator. Collective."""
        self.shift = shift
        self.sweep.factor(shift)
        self.diffusion.factor(shift)

    def scatter(self, q: RealArray) -> RealArray:
        """Moments (n, 4) that spin diffusion adds to the moments q of a sweep: what its collisions scatter back."""
        if not self.accelerate:
            return np.zeros_like(q)
        return self.diffusion.solve(self.gain(q))

    def gain(self, q: RealArray) -> RealArray:
        """Moments of the collision gain of moments q, both (n, 4)."""
        every, spin = self.k.gain_rates
        return q * np.array([every, spin, spin, spin])
