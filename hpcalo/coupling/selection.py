"""A Kubo result at the broadening, chemical potential and temperatures of one wall run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from hpcalo import units
from hpcalo.coupling.measured import Measured
from hpcalo.coupling.requirements import SECTION
from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.kubo.config import THERMAL_WINDOW
from hpcalo.kubo.responses.thermal import thermal_weights
from hpcalo.typing import RealArray
from hpcalo.wall.config import WallInput
from hpcalo.wall.electrons.temperature import temperature

CURVE_TEMPERATURES = 17
"""Temperatures at which curves of the Fermi energy are averaged where the result names none."""


class Selection:
    """What a wall run with `settings` sees of a result. All arrays are in the units of the result. Serial.

    Raises InputError, naming file and key: a temperature, Γ or chemical potential that the result does not have;
    numbers that are not finite.
    """

    def __init__(self, settings: WallInput, result: Result, path: Path) -> None:
        assert settings.electronic_structure is not None  # else there is nothing to select
        self.section, self.result, self.path = settings.electronic_structure, result, path
        self.n_hat = np.asarray(result["n_vector"], dtype=np.float64)
        """Directions of the magnetization, (A, 3)."""
        self.gamma = self._index("gamma", "gamma", self.section.gamma)
        """Number of the broadening on the result's axis."""
        self.temperatures = self._temperatures(*_temperature_range(settings))

    def thermal(self, name: str, first: str, second: str) -> Measured:
        """(A, first, second, T) of a variable on the axes mu and temperature."""
        mu = self._index("mu", "chemical_potential", self.section.chemical_potential)
        return self._ordered(name, first, second, "temperature", mu=mu)

    def averaged(self, name: str, first: str, second: str) -> Measured:
        """(A, first, second, T): the thermal average ∫dE (−f') of a curve of the Fermi energy at T = 0."""
        return self._ordered(name, first, second, "energy").combined("...e,te->...t", self._weights())

    def moment(self) -> Measured:
        """Spin moment per cell (T,) in µ_B, the mean over the directions of the magnetization."""
        curves = self._ordered("spin_moment", "energy")
        return curves.combined("ae,te->t", self._weights() / len(self.n_hat))

    def _weights(self) -> RealArray:
        """(T, NE) of the thermal average, for curves that are linear between the Fermi energies."""
        energies = np.asarray(self.result["energy"], dtype=np.float64)
        reach = THERMAL_WINDOW * units.BOLTZMANN_EV * float(self.temperatures[-1])
        level = self.section.chemical_potential
        if level - reach < energies[0] - 1e-12 or level + reach > energies[-1] + 1e-12:
            raise InputError(
                f"{self.path}: its Fermi energies run from {energies[0]:g} to {energies[-1]:g} eV; the thermal average "
                f"at {self.temperatures[-1]:g} K needs {level - reach:.3f} to {level + reach:.3f} eV"
            )
        return thermal_weights(energies, np.array([level]), self.temperatures, 0)[0]

    def _ordered(self, name: str, *order: str, mu: int = 0) -> Measured:
        """The variable at the run's Γ (and μ) with the axes n_hat and then `order`."""
        variable = self.result.variables[name]

        def arranged(data: ArrayLike) -> RealArray:
            array, dims = np.asarray(data, dtype=np.float64), list(variable.dims)
            for axis, index in (("gamma", self.gamma), ("mu", mu)):
                if axis in dims:
                    array = np.take(array, index, axis=dims.index(axis))
                    dims.remove(axis)
            return np.transpose(array, [dims.index(d) for d in ("n_hat", *order)])

        data = arranged(variable.data)
        if not np.isfinite(data).all():
            raise InputError(f"{self.path}: {name}: is not finite everywhere")
        return Measured(data, np.full(data.shape, np.nan) if variable.error is None else arranged(variable.error))

    def _index(self, axis: str, key: str, value: float | None) -> int:
        """Number of the value on the axis; None: the axis must have only one. Raises InputError, naming its values."""
        if axis not in self.result.coordinates:
            return 0
        values = np.asarray(self.result[axis], dtype=np.float64)
        if value is None and len(values) == 1:
            return 0
        near = int(np.argmin(np.abs(values - (value if value is not None else 0.0))))
        if value is None or abs(values[near] - value) > 1e-9:
            known = ", ".join(f"{v:g}" for v in values[:8]) + (", …" if len(values) > 8 else "")
            problem = "is required" if value is None else f"{value:g} eV is not one of its values"
            raise InputError(f"{SECTION}.{key}: {problem}; {self.path} has {axis} = {known} eV")
        return near

    def _temperatures(self, low: float, high: float) -> RealArray:
        """Temperatures (K) of the coefficients, for a wire between `low` and `high`."""
        axis = self.result.coordinates.get("temperature")
        if axis is None:  # only curves of the Fermi energy: any temperature that they reach will do
            return np.array([low]) if high == low else np.linspace(low, high, CURVE_TEMPERATURES)
        values = np.asarray(axis.data, dtype=np.float64)
        if low < values[0] * (1.0 - 1e-9) or high > values[-1] * (1.0 + 1e-9):
            span = f"{low:.4g} K" if low == high else f"{low:.4g} to {high:.4g} K"
            raise InputError(
                f"drive.temperature: the wire is at {span}, {self.path} has coefficients for {values[0]:g} to "
                f"{values[-1]:g} K (kubo.temperatures)"
            )
        return values


def _temperature_range(settings: WallInput) -> tuple[float, float]:
    """Lowest and highest temperature (K) of the wire, wherever the window moves."""
    d, length = settings.drive, settings.wire.length
    far = np.array([-1e9, 1e9]) if d.profile == "ramp" else np.array([0.0])
    t = temperature(d, length, far)
    return float(t.min()), float(t.max())
