"""Coefficients of the electronic structure on the wire: from numbers of a unit cell to those of the magnet's film.

A Kubo result gives torques per cell (J), energies and currents per volume of its cell. They meet the magnet, whose M_s,
A and K are densities over a film of thickness t, per area of the film: a torque tau per cell of area S acts like the
magnetic field tau x n/(mu0 M_s t S), and a spiralization D of a cell of thickness d is the interfacial DMI D d/t.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.units import BOHR_MAGNETON, MU_0
from hpcalo.wall.directions import Directional

MEANING = {
    "torkance_odd": ("C*m", "t^(1,0) of the torque t^(1,0) n x (z x E) per cell"),
    "torkance_even": ("C*m", "t^(2,0) of the torque t^(2,0) n x [n x (z x E)] per cell"),
    "beta_odd": ("J*m/K", "b^(1,0) of the torque -b^(1,0) n x (z x grad T) per cell"),
    "beta_even": ("J*m/K", "b^(2,0) of the torque -b^(2,0) n x [n x (z x grad T)] per cell"),
    "beta_tilde_odd": ("J/m^2", "coefficient of the heat current -b (n x (z x e_i)).(n x dn/dt)"),
    "beta_tilde_even": ("J/m^2", "coefficient of the heat current -b (z x e_i).(n x dn/dt)"),
    "spiralization": ("J/m^2", "D of the free energy D (z x e_i).(n x d_i n) per volume of the cell"),
    "damping": ("1", "Gilbert damping alpha"),
    "moment": ("mu_B", "spin moment per cell along the magnetization"),
}
"""Names, units and meaning of the tables; n is the direction of the magnetization, z the film's normal."""


@dataclass(frozen=True)
class Coefficients:
    """Coefficients of one Kubo result against temperature, of lowest order in the direction n of the magnetization.

    `tables`: those that the input uses, by the names of MEANING, each (T,). `residual`: part of each that lies outside
    the lowest order in n. cell_area m^2, cell_thickness m; `thickness`: m, of the film that M_s, A and K refer to.
    """

    temperatures: RealArray
    tables: Mapping[str, RealArray]
    cell_area: float
    cell_thickness: float
    thickness: float
    residual: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[str, RealArray] = field(default_factory=dict)
    """Estimated errors of the tables, each (T,), where they are known."""
    angular: Mapping[str, Directional] = field(default_factory=dict)
    """Torkances (C m), β (J m/K), β̃ and spiralization (J/m²) with all orders in n; where given, they act on the wall
    instead of the lowest order. X_ia: i the direction of the force or of the current, a that of the torque.
    """

    def has(self, name: str) -> bool:
        """Whether the input uses this coefficient."""
        return name in self.tables

    def without(self, name: str) -> Coefficients:
        """The others alone."""
        return replace(self, tables={key: value for key, value in self.tables.items() if key != name})

    def at(self, name: str, temperature: RealArray) -> RealArray:
        """The coefficient at the given temperatures (K), monotone cubic between those of the result; 0 if not used."""
        if name not in self.tables:
            return np.zeros(np.shape(temperature))
        values = self.tables[name]
        if len(values) == 1:
            return np.full(np.shape(temperature), values[0])
        from scipy.interpolate import PchipInterpolator  # noqa: PLC0415  (slow; the input's schema loads this module)

        return np.asarray(PchipInterpolator(self.temperatures, values)(temperature), dtype=np.float64)

    def error_at(self, name: str, temperature: RealArray) -> RealArray:
        """Error of `at`, linear between the result's temperatures; NaN where it is not known, 0 if not used."""
        if name not in self.tables:
            return np.zeros(np.shape(temperature))
        if name not in self.errors:
            return np.full(np.shape(temperature), np.nan)
        return np.interp(temperature, self.temperatures, self.errors[name])

    def interfacial_dmi(self, temperature: RealArray) -> RealArray:
        """D of D (M_z M_x' - M_x M_z') in J/m^2 over the magnet's thickness: for the wire along x, D_xy d/t."""
        return self.at("spiralization", temperature) * self.cell_thickness / self.thickness

    def saturation(self, temperature: RealArray) -> RealArray:
        """M_s in A/m over the magnet's thickness, from the moment per cell."""
        return self.at("moment", temperature) * BOHR_MAGNETON / (self.cell_area * self.thickness)

    def field_per_torque(self, saturation: RealArray) -> RealArray:
        """Magnetic field (A/m) that acts like a torque of 1 J per cell, for M_s (A/m) of the magnet."""
        return 1.0 / (MU_0 * saturation * self.thickness * self.cell_area)
