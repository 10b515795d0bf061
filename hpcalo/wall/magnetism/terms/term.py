"""What an energy term of the magnetization is: one class with its keys, field, energy, derivative and power.

A term sees the wire through a `Medium`, which the wall builds anew whenever the temperature or the window changes. Its
`field` must be the exact gradient of its discrete `energy`, H = -(dE/dM)/(mu0 M_s dx): without a drive the energy then
falls monotonically, and the boundary conditions at the wire's ends come out by themselves. M is not normalized in
either of them; the tests differentiate in all three components.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from hpcalo.typing import RealArray
from hpcalo.wall.magnetism.terms.medium import Medium

LEFT, OWN, RIGHT = range(3)
"""Positions in a stencil: dH_i/dM of the left neighbour, of node i itself, of the right neighbour."""


class Term:
    """Base class of all terms. A subclass sets `name` and `label` and has at least `field` and `energy`.

    An input key of the term is a field of the nested `Keys`, a `Section` whose keys become those of [magnet]; the term
    is built with the whole table.
    """

    name: ClassVar[str]
    """The result holds `energy_NAME`, in J/m^2."""
    label: ClassVar[str]
    """The term's curve in the figure of energies."""
    active: bool = True
    """False switches the term off: neither its field nor its energy is computed."""
    has_energy: ClassVar[bool] = True
    """False for a torque that is no gradient, such as a spin-orbit torque."""
    medium: Medium

    def update(self, medium: Medium) -> None:
        """Coefficients on the own nodes of this medium. Collective."""
        self.medium = medium

    def field(self, m: RealArray, t: float) -> RealArray:
        """Effective field H (n, 3) in A/m for M (n + 2, 3), a ghost node on each side, at time t (fs)."""
        raise NotImplementedError

    def energy(self, m: RealArray, t: float) -> RealArray:
        """Energy (n,) in J/m^2 that each own node contributes; a face counts for the node on its right."""
        raise NotImplementedError

    def powers_of_m(self, m: RealArray, t: float) -> Iterable[tuple[float, RealArray]]:
        """The energy as a sum of W m(T)^p over pairs p and W (n,) in J/m^2, with m(T) of the law at the own node.

        By default the coefficients do not depend on T. Face energies belong to the nodes whose coefficients they have.
        """
        return [(0.0, self.energy(m, t))]

    def add_jacobian(self, m: RealArray, t: float, stencil: RealArray) -> None:
        """Adds dH_i,a/dM_j,b to stencil (n, 3 [LEFT, OWN, RIGHT], 3 [a], 3 [b]); by default H does not depend on M."""

    def power(self, m: RealArray, rate: RealArray, t: float) -> RealArray | None:
        """Power (n,) in W/m^2 that the term brings in at each own node; None where it can bring in none.

        Of an energy term: dE/dt at fixed M, where its coefficients depend on time. Of a torque: its work on M (n, 3)
        for dM/dt = rate (n, 3) in 1/fs. dE/dt of the magnet is the sum of all powers, damping included.
        """
        return None
