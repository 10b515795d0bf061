"""From a finished Kubo result to the coefficients of a wall run: read, checked, reduced to lowest order, recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo import units
from hpcalo.coupling import angular
from hpcalo.errors import InputError
from hpcalo.io.dataset import Result, Variable
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.plausible import changed_files_explain
from hpcalo.io.provenance import sha256
from hpcalo.kubo.config import THERMAL_WINDOW
from hpcalo.kubo.responses.axes import thermal_weights
from hpcalo.typing import RealArray
from hpcalo.wall.coefficients import MEANING, Coefficients
from hpcalo.wall.config import WallInput
from hpcalo.wall.config.electronic_structure import ElectronicStructure
from hpcalo.wall.electrons.temperature import temperature

if TYPE_CHECKING:
    from hpcalo.wall.monitors.monitor import Monitor


SECTION = "electronic_structure"
NOTICED = 0.01  # part of a coefficient outside its lowest order from which on a warning tells of it
RECIPROCAL = 1e-6  # relative disagreement of beta and beta-tilde that is not round-off
VANISHING = {"torkance": 1e-35, "beta": 1e-45, "beta_tilde": 1e-15, "spiralization": 1e-15, "damping": 1e-9}
"""Below these, in the units of MEANING, a coefficient is zero by symmetry and has no form to be checked."""
AXIS = "coefficient_temperature"


@dataclass(frozen=True)
class KuboSource:
    """What a wall run takes from a Kubo result: coefficients, warnings, and the record for the wall's own result."""

    coefficients: Coefficients
    warnings: tuple[str, ...]
    attrs: dict[str, Any]
    texts: dict[str, str]

    @property
    def sha256(self) -> str:
        """Checksum of the file the coefficients were read from."""
        return str(self.attrs[f"{SECTION}_sha256"])

    @property
    def monitors(self) -> Mapping[str, Monitor]:
        """The heat and DMI currents that the moving wall drives."""
        from hpcalo.coupling.heat import Heat  # noqa: PLC0415  (loads PETSc)

        return {Heat.name: Heat()}

    def tables(self) -> list[Variable]:
        """The coefficients against temperature with their units, as variables of the wall's result."""
        c = self.coefficients
        out = [Variable(AXIS, (AXIS,), c.temperatures, "K", "temperatures of the coefficients")]
        for name, values in c.tables.items():
            unit, words = MEANING[name]
            about = {"lowest_order_residual": c.residual.get(name, 0.0)}
            out.append(Variable(f"coefficient_{name}", (AXIS,), values, unit, words, about))
        return out


def read_source(settings: WallInput, folder: Path) -> KuboSource | None:
    """The coefficients that the input's [electronic_structure] asks for; None without that table. Serial.

    Raises InputError, naming file and key: no such file, no Kubo result of a film, a quantity that it lacks (and what
    to ask for), a temperature, Γ or chemical potential that it has not, coefficients of another form than lowest order.
    """
    section = settings.electronic_structure
    if section is None:
        return None
    path = folder / section.result
    try:
        result = read_dataset(path)
    except InputError as problem:
        raise InputError(f"{SECTION}.result: {problem}; a result of 'hpcalo run' with a Kubo input is needed") from None
    with changed_files_explain([path], "used"):
        return _Reader(settings, section, result, path).source()


class _Reader:
    """One result and what is taken from it."""

    def __init__(self, settings: WallInput, section: ElectronicStructure, result: Result, path: Path) -> None:
        self.settings, self.section, self.result, self.path = settings, section, result, path
        self._check_kind()
        self._check_quantities()
        self.n_hat = np.asarray(result["n_vector"], dtype=np.float64)
        self.gamma = self._place("gamma", "gamma", section.gamma)
        low, high = self._range()
        self.temperatures = self._temperatures(low, high)
        self.residual: dict[str, float] = {}
        self.tables: dict[str, RealArray] = {}

    def source(self) -> KuboSource:
        s = self.section
        for part in ("odd", "even"):
            self._add_pair("torkance", part, s.torkance)
            self._add_pair("beta", part, s.thermal_torkance)
            self._add_pair("beta_tilde", part, s.heat_current)
        if s.dmi == "result":
            values = self._thermal("spiralization", "current", "torque")
            self._add("spiralization", values, angular.across(self.n_hat), float(np.abs(values).max()))
        if s.damping == "result":
            values = self._averaged("gilbert_damping", "torque", "torque_2")
            self._add("damping", values, angular.transverse(self.n_hat), float(np.abs(values).max()))
        if s.saturation == "result":
            self.tables["moment"] = self._moment()
        self._check_residual()
        self._check_reciprocity()
        coefficients = self._coefficients()
        return KuboSource(coefficients, tuple(self._warnings(coefficients)), self._attrs(coefficients), self._texts())

    # -- what is taken ------------------------------------------------------------------------------------------------

    def _wanted(self, given: str) -> tuple[str, ...]:
        return {"off": (), "both": ("odd", "even")}.get(given, (given,))

    def _needs(self) -> list[tuple[str, str, str]]:
        """(variable, quantity of a Kubo input that gives it, key that wants it)."""
        s = self.section
        out = [(f"torkance_{part}", "torkance", "torkance") for part in self._wanted(s.torkance)]
        out += [(f"beta_{part}", "thermal_torkance", "thermal_torkance") for part in self._wanted(s.thermal_torkance)]
        out += [(f"beta_tilde_{p}", "inverse_thermal_torque", "heat_current") for p in self._wanted(s.heat_current)]
        out += [("spiralization", "spiralization", "dmi")] * (s.dmi == "result")
        out += [("gilbert_damping", "damping", "damping")] * (s.damping == "result")
        return out + [("spin_moment", "damping", "saturation")] * (s.saturation == "result")

    def _add_pair(self, name: str, part: str, given: str) -> None:
        """One parity of a torque or heat current: its coefficient, and its residual relative to both parities."""
        if part not in self._wanted(given):
            return
        values = self._part(name, part)
        size = float(np.sqrt(sum((self._part(name, p) ** 2).mean() for p in self._wanted(given))))
        form = angular.field_like(self.n_hat) if part == "odd" else angular.damping_like(self.n_hat)
        if name == "beta_tilde" and part == "even":
            form = angular.across(self.n_hat)
        self._add(f"{name}_{part}", values, form, size, rms=True)

    def _part(self, name: str, part: str) -> RealArray:
        """(A, direction of the force or current, torque, T) in SI."""
        variable = f"{name}_{part}"
        if name == "torkance":
            return units.E_A0 * self._averaged(variable, "field", "torque")
        if name == "beta":
            return self._thermal(variable, "field", "torque")
        return self._thermal(variable, "current", "torque")

    def _add(self, name: str, values: RealArray, pattern: RealArray, size: float, *, rms: bool = False) -> None:
        coefficient, rest = angular.lowest_order(values, pattern)
        self.tables[name] = coefficient
        family = name.removesuffix("_odd").removesuffix("_even")
        left = float(np.sqrt((rest**2).mean())) if rms else float(np.abs(rest).max())
        self.residual[name] = left / size if size > VANISHING[family] else 0.0

    def _thermal(self, name: str, first: str, second: str) -> RealArray:
        """(A, first, second, T) of a variable on the axes mu and temperature."""
        return self._ordered(name, first, second, "temperature", mu=self._place("mu", "chemical_potential", None))

    def _averaged(self, name: str, first: str, second: str) -> RealArray:
        """(A, first, second, T): the thermal average ∫dE (−f') of a curve of the Fermi energy at T = 0."""
        return self._ordered(name, first, second, "energy") @ self._weights().T

    def _moment(self) -> RealArray:
        curve = np.asarray(self.result["spin_moment"], dtype=np.float64).mean(axis=0)
        return np.asarray(curve @ self._weights().T, dtype=np.float64)

    def _weights(self) -> RealArray:
        """(T, NE) of the thermal average, for curves that are linear between the Fermi energies."""
        energies = np.asarray(self.result["energy"], dtype=np.float64)
        reach = THERMAL_WINDOW * units.BOLTZMANN_EV * float(self.temperatures[-1])
        level = self.section.chemical_potential
        if level - reach < energies[0] - 1e-12 or level + reach > energies[-1] + 1e-12:
            raise InputError(
                f"{self.path}: its Fermi energies end at {energies[0]:g} and {energies[-1]:g} eV; the thermal average "
                f"at {self.temperatures[-1]:g} K needs {level - reach:.3f} to {level + reach:.3f} eV"
            )
        return thermal_weights(energies, np.array([level]), self.temperatures, 0)[0]

    def _ordered(self, name: str, *order: str, mu: int | None = None) -> RealArray:
        """The variable at the run's Γ (and μ) with the axes n_hat and then `order`."""
        variable = self.result.variables[name]
        data, dims = np.asarray(variable.data, dtype=np.float64), list(variable.dims)
        for axis, place in (("gamma", self.gamma), ("mu", mu)):
            if axis in dims:
                data = np.take(data, place or 0, axis=dims.index(axis))
                dims.remove(axis)
        data = np.transpose(data, [dims.index(d) for d in ("n_hat", *order)])
        if not np.isfinite(data).all():
            raise InputError(f"{self.path}: {name}: is not finite everywhere")
        return data

    # -- checks -------------------------------------------------------------------------------------------------------

    def _check_kind(self) -> None:
        r = self.result
        if r.attrs.get("engine") != "kubo":
            raise InputError(f"{SECTION}.result: {self.path}: is a result of the wall; one of a Kubo run is needed")
        if "cell_area_A2" not in r.attrs:
            plane = [list(map(str, r[d])) for d in ("field", "current") if d in r.coordinates]
            if any(letters != ["x", "y"] for letters in plane):
                raise InputError(f"{SECTION}.result: {self.path}: is not of a film in the plane of x and y")
            raise InputError(f"{SECTION}.result: {self.path}: does not tell the area of its cell; run its input again")

    def _check_quantities(self) -> None:
        missing = [n for n in self._needs() if n[0] not in self.result.variables]
        if not missing:
            return
        ask = ", ".join(f'"{q}"' for q in dict.fromkeys(n[1] for n in missing))
        keys = ", ".join(dict.fromkeys(f"{SECTION}.{n[2]}" for n in missing))
        held = ", ".join(dict.fromkeys(n[0] for n in missing))
        raise InputError(f"{self.path}: has no {held} ({keys}); add {ask} to kubo.quantities of its input")

    def _place(self, axis: str, key: str, default: float | None) -> int:
        """Number of the value on the result's axis that the input names. Raises InputError with those there are."""
        if axis not in self.result.coordinates:
            return 0
        values = np.asarray(self.result[axis], dtype=np.float64)
        wanted = self.section.chemical_potential if axis == "mu" else default
        if wanted is None and len(values) == 1:
            return 0
        near = int(np.argmin(np.abs(values - (wanted if wanted is not None else 0.0))))
        if wanted is None or abs(values[near] - wanted) > 1e-9:
            held = ", ".join(f"{v:g}" for v in values[:8]) + (", …" if len(values) > 8 else "")
            said = "is required" if wanted is None else f"{wanted:g} eV is not on it"
            raise InputError(f"{SECTION}.{key}: {said}; {self.path} has {axis} = {held} eV")
        return near

    def _range(self) -> tuple[float, float]:
        """Lowest and highest temperature that the wire can have, in whatever window."""
        d, length = self.settings.drive, self.settings.wire.length
        far = np.array([-1e9, 1e9]) if d.profile == "ramp" else np.array([0.0])
        t = temperature(d, length, far)
        return float(t.min()), float(t.max())

    def _temperatures(self, low: float, high: float) -> RealArray:
        held = self.result.coordinates.get("temperature")
        if held is None:  # only curves of the Fermi energy are held: any temperature that they reach will do
            return np.array([low]) if high == low else np.linspace(low, high, 17)
        values = np.asarray(held.data, dtype=np.float64)
        if low < values[0] * (1.0 - 1e-9) or high > values[-1] * (1.0 + 1e-9):
            span = f"{low:.4g} K" if low == high else f"{low:.4g} to {high:.4g} K"
            raise InputError(
                f"drive.temperature: the wire is at {span}, {self.path} has coefficients for {values[0]:g} to "
                f"{values[-1]:g} K (kubo.temperatures)"
            )
        return values

    def _check_residual(self) -> None:
        name = max(self.residual, key=lambda n: self.residual[n], default="")
        if name and self.residual[name] > self.section.residual:
            raise InputError(
                f"{self.path}: {name}: {self.residual[name]:.2g} of it lies outside the lowest order in the direction "
                f"of the magnetization; {SECTION}.residual allows {self.section.residual:g}"
            )

    def _check_reciprocity(self) -> None:
        """(40) between two arrays of the file: a wrong volume or a mixed file would show here."""
        volume = float(self.result.attrs["cell_volume_A3"]) * units.ANGSTROM**3
        for part in ("odd", "even"):
            if f"beta_{part}" in self.tables and f"beta_tilde_{part}" in self.tables:
                expected = self.temperatures / volume * self.tables[f"beta_{part}"]
                error = float(np.abs(self.tables[f"beta_tilde_{part}"] - expected).max())
                if error > RECIPROCAL * max(float(np.abs(expected).max()), VANISHING["beta_tilde"]):
                    raise InputError(f"{self.path}: beta_{part} and beta_tilde_{part} do not belong together (Onsager)")

    def _warnings(self, c: Coefficients) -> list[str]:
        out = [
            f"{self.path}: {name}: {left:.2g} of it lies outside the lowest order in the magnetization's direction"
            for name, left in self.residual.items()
            if left > NOTICED
        ]
        if np.abs(self.n_hat[:, :2]).max() < 1e-6:
            out.append(
                f"{self.path}: has the magnetization along the film's normal only; how the coefficients change with "
                "its direction is assumed (lowest order), not checked; more kubo.n_hat would check it"
            )
        m, t = self.settings.magnet, np.array([self.settings.drive.temperature])
        if self.section.saturation == "input" and "spin_moment" in self.result.variables:
            own = m.saturation_magnetization * c.thickness * c.cell_area / units.BOHR_MAGNETON
            moment = float(np.interp(t[0], self.temperatures, self._moment()))
            if abs(own - moment) > 0.1 * abs(moment):
                out.append(
                    f"magnet.saturation_magnetization: is {own:.3g} µ_B per cell, the result's moment is {moment:.3g} "
                    f"({SECTION}.saturation = 'result' takes it; {SECTION}.thickness = {c.thickness * 1e9:.4g} nm)"
                )
        if c.has("spiralization"):
            limit = 4.0 * np.sqrt(m.exchange_stiffness * m.anisotropy) / np.pi
            dmi = abs(float(c.interfacial_dmi(t)[0]))
            if dmi > limit:
                out.append(
                    f"{SECTION}.dmi: |D| = {1e3 * dmi:.3g} mJ/m^2 is above 4 sqrt(AK)/pi = {1e3 * limit:.3g} mJ/m^2: "
                    "walls lower the energy, and multiply"
                )
        return out

    # -- the record ---------------------------------------------------------------------------------------------------

    def _coefficients(self) -> Coefficients:
        area = float(self.result.attrs["cell_area_A2"]) * units.ANGSTROM**2
        depth = float(self.result.attrs["cell_volume_A3"]) * units.ANGSTROM**3 / area
        given = self.section.thickness
        return Coefficients(
            self.temperatures,
            {name: np.asarray(values, dtype=np.float64) for name, values in self.tables.items()},
            area,
            depth,
            depth if given is None else given * 1e-9,
            self.residual,
        )

    def _attrs(self, c: Coefficients) -> dict[str, Any]:
        r = self.result
        return {
            f"{SECTION}_file": str(self.path),
            f"{SECTION}_sha256": sha256(self.path),
            f"{SECTION}_title": str(r.attrs.get("title", "")),
            f"{SECTION}_source_digest": str(r.attrs.get("source_digest", "")),
            f"{SECTION}_finished": str(r.attrs.get("finished", "")),
            f"{SECTION}_reference_energy_eV": float(r.attrs.get("reference_energy_eV", 0.0)),
            f"{SECTION}_gamma_eV": float(np.asarray(r["gamma"])[self.gamma]) if "gamma" in r.coordinates else 0.0,
            "cell_area_m2": c.cell_area,
            "cell_thickness_m": c.cell_thickness,
            "magnet_thickness_m": c.thickness,
        }

    def _texts(self) -> dict[str, str]:
        kept = ("resolved_input", "model_sha256")
        return {f"{SECTION}_{name}": self.result.texts[name] for name in kept if name in self.result.texts}
