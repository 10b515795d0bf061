"""From a Kubo result to coefficients of lowest order in the direction of the magnetization, checked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo import units
from hpcalo.coupling import angular
from hpcalo.coupling.expansion import Expansion
from hpcalo.coupling.measured import Measured
from hpcalo.coupling.requirements import PARTS, SECTION
from hpcalo.coupling.selection import Selection
from hpcalo.errors import InputError
from hpcalo.typing import RealArray
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.directions import Directional

RECIPROCAL = 1e-6
"""Relative disagreement of beta and beta-tilde that is not round-off."""
LOWEST = 2
"""`order` of one coefficient for each part."""
VANISHING = {"torkance": 1e-35, "beta": 1e-45, "beta_tilde": 1e-15, "spiralization": 1e-15, "damping": 1e-9}
"""Below these, in the units of `hpcalo.wall.coefficients.MEANING`, a coefficient is zero by symmetry."""


def extract(selection: Selection) -> Coefficients:
    """The coefficients that the input asks for.

    Raises InputError, naming the file: coefficients of another form than the lowest order, arrays that do not belong
    together.
    """
    found = _Extraction(selection)
    angular = found.expanded() if selection.section.order > LOWEST else {}
    left = {**found.residual, **{name: tensor.residual for name, tensor in angular.items()}}
    _check_residual(selection, left, angular)
    _check_reciprocity(selection, found.tables)
    attrs, given = selection.result.attrs, selection.section.thickness
    area = float(attrs["cell_area_A2"]) * units.ANGSTROM**2
    depth = float(attrs["cell_volume_A3"]) * units.ANGSTROM**3 / area
    return Coefficients(
        selection.temperatures,
        found.tables,
        area,
        depth,
        depth if given is None else given * 1e-9,
        found.residual,
        found.errors,
        angular,
    )


class _Extraction:
    """Tables and residuals of everything that the input asks for."""

    def __init__(self, selection: Selection) -> None:
        self.selection, self.n_hat = selection, selection.n_hat
        self.residual: dict[str, float] = {}
        self.tables: dict[str, RealArray] = {}
        self.errors: dict[str, RealArray] = {}
        self.values: dict[str, Measured] = {}
        self.sizes: dict[str, float] = {}
        s = selection.section
        for part in ("odd", "even"):
            self._add_pair("torkance", part, s.torkance)
            self._add_pair("beta", part, s.thermal_torkance)
            self._add_pair("beta_tilde", part, s.heat_current)
        if s.dmi == "result":
            values = selection.thermal("spiralization", "current", "torque")
            self._add("spiralization", values, angular.across(self.n_hat), float(np.abs(values.values).max()))
        if s.damping == "result":
            values = selection.averaged("gilbert_damping", "torque", "torque_2")
            self._add("damping", values, angular.transverse(self.n_hat), float(np.abs(values.values).max()))
        if s.saturation == "result":
            self._keep("moment", selection.moment())

    def expanded(self) -> dict[str, Directional]:
        """Everything but the damping with more orders than the lowest."""
        return Expansion(self.selection, self.values, self.sizes).found if self.values else {}

    def _add_pair(self, name: str, part: str, choice: str) -> None:
        """One parity of a torque or heat current: its coefficient, and its residual relative to both parities."""
        if part not in PARTS[choice]:
            return
        values = self._values(name, part)
        size = float(np.sqrt(sum((self._values(name, p).values ** 2).mean() for p in PARTS[choice])))
        form = angular.field_like(self.n_hat) if part == "odd" else angular.damping_like(self.n_hat)
        if name == "beta_tilde" and part == "even":
            form = angular.across(self.n_hat)
        self._add(f"{name}_{part}", values, form, size, rms=True)

    def _values(self, name: str, part: str) -> Measured:
        """(A, direction of the force or current, torque, T) in SI."""
        variable = f"{name}_{part}"
        if name == "torkance":
            return self.selection.averaged(variable, "field", "torque").times(units.E_A0)
        if name == "beta":
            return self.selection.thermal(variable, "field", "torque")
        return self.selection.thermal(variable, "current", "torque")

    def _add(self, name: str, values: Measured, pattern: RealArray, size: float, *, rms: bool = False) -> None:
        coefficient, rest = angular.lowest_order(values, pattern)
        self._keep(name, coefficient)
        if name != "damping":
            vanishes = size <= VANISHING[name.removesuffix("_odd").removesuffix("_even")]
            whole = size if rms else float(np.sqrt((values.values**2).mean()))
            self.values[name], self.sizes[name] = values, 0.0 if vanishes else whole
        family = name.removesuffix("_odd").removesuffix("_even")
        left = float(np.sqrt((rest**2).mean())) if rms else float(np.abs(rest).max())
        self.residual[name] = left / size if size > VANISHING[family] else 0.0

    def _keep(self, name: str, coefficient: Measured) -> None:
        self.tables[name] = coefficient.values
        if not np.isnan(coefficient.errors).all():
            self.errors[name] = coefficient.errors


def _check_residual(selection: Selection, residual: dict[str, float], expanded: Mapping[str, Directional]) -> None:
    """Those that are not known are reported elsewhere."""
    known = {name: left for name, left in residual.items() if np.isfinite(left)}
    name = max(known, key=lambda n: known[n], default="")
    if name and known[name] > selection.section.residual:
        outside = f"order {expanded[name].order}" if name in expanded else "the lowest order"
        raise InputError(
            f"{selection.path}: {name}: {known[name]:.2g} of it lies outside {outside} in the direction "
            f"of the magnetization; {SECTION}.residual allows {selection.section.residual:g}"
        )


def _check_reciprocity(selection: Selection, tables: dict[str, RealArray]) -> None:
    """(40) between two arrays of the file: shows a wrong volume, or a mixed file."""
    volume = float(selection.result.attrs["cell_volume_A3"]) * units.ANGSTROM**3
    for part in ("odd", "even"):
        if f"beta_{part}" in tables and f"beta_tilde_{part}" in tables:
            expected = selection.temperatures / volume * tables[f"beta_{part}"]
            error = float(np.abs(tables[f"beta_tilde_{part}"] - expected).max())
            if error > RECIPROCAL * max(float(np.abs(expected).max()), VANISHING["beta_tilde"]):
                raise InputError(
                    f"{selection.path}: beta_{part} and beta_tilde_{part} violate the Onsager relation (40)"
                )
