"""Thermoelectric coefficients: what is measured at zero current, from the charge and heat currents of the electrons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import CURVE, array, average, boltzmann, definite, significant
from hpcalo.kubo.responses.conductivity import conductivity_parts
from hpcalo.kubo.responses.heat_conductivity import heat_conductivity_parts
from hpcalo.kubo.responses.response import Attributes, Axis, Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermal import averaged
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

LORENZ = np.pi**2 / 3.0 * units.BOLTZMANN_EV**2
"""Sommerfeld's value of the Lorenz number, V²/K²."""
CHARGE_CURRENT = Axis(
    "charge_current", lambda run: ["xyz"[v] for v in run.directions], "component of the charge current"
)
SAMPLES, POINTS = ("n_hat", "gamma"), ("mu", "temperature")


def _even(X: RealArray, reverse: RealArray) -> RealArray:
    """Half the sum of a tensor (…, i, j) and of that at −n̂, whose transpose is given."""
    return 0.5 * (X + reverse.swapaxes(-1, -2))


def _last(X: RealArray) -> RealArray:
    """The tensor indices 2 and 3 behind all others."""
    return np.moveaxis(X, (2, 3), (-2, -1))


def inverted(X: RealArray) -> RealArray:
    """The inverse of tensors (…, i, j); NaN where there is none."""
    size = np.abs(X).max(axis=(-1, -2), keepdims=True)
    scaled = X / np.where(size > 0.0, size, 1.0)
    regular = np.abs(np.linalg.det(scaled))[..., None, None] > 1e-14
    safe = np.where(regular, scaled, np.eye(X.shape[-1]))
    return np.where(regular, np.linalg.inv(safe) / np.where(size > 0.0, size, 1.0), np.nan)


@dataclass(frozen=True)
class Coefficients:
    """σ, α and λ of j = σE − α∇T, J^Q = TαE − λ∇T at (μ, T), whole tensors (…, M, T, i, j) in SI; T (T, 1, 1)."""

    sigma: RealArray
    alpha: RealArray
    heat: RealArray
    temperature: RealArray

    @staticmethod
    def of(run: RunSums) -> Coefficients:
        """From the conductivity with broadening; without its Hall part where the model lacks what that needs."""
        symmetric, hall = conductivity_parts(run)
        warm, warm_hall = heat_conductivity_parts(run)
        whole = POSITIONS not in run.missing
        curve, heat = (symmetric + hall, warm + warm_hall) if whole else (symmetric, warm)
        alpha = run.per_gradient(curve)
        sigma = averaged(curve, run.averages(0))
        return Coefficients(_last(sigma), _last(alpha), _last(heat), run.temperatures[:, None, None])

    def at_zero_current(self) -> dict[str, RealArray]:
        """The results by name, (…, M, T, i, j), the figure of merit (…, M, T, i)."""
        rho = inverted(self.sigma)
        seebeck, reverse = rho @ self.alpha, self.alpha @ rho  # S, and Π/T = [S(−n̂)]ᵀ
        S, odd = _even(seebeck, reverse), _even(seebeck, -reverse)
        kappa = self.heat - self.temperature * self.alpha @ seebeck
        lorenz = _even(kappa @ rho, rho @ kappa) / self.temperature
        joule = 0.5 * (self.sigma + self.sigma.swapaxes(-1, -2))
        power = seebeck.swapaxes(-1, -2) @ joule @ seebeck
        along = np.diagonal(self.temperature * power, axis1=-2, axis2=-1) / np.diagonal(kappa, axis1=-2, axis2=-1)
        return {
            "resistivity": _even(rho, rho),
            "hall_resistivity": _even(rho, -rho),
            "seebeck": S,
            "nernst_thermopower": odd,
            "peltier": self.temperature * S.swapaxes(-1, -2),
            "peltier_odd": -self.temperature * odd.swapaxes(-1, -2),
            "electronic_heat_conductivity": _even(kappa, kappa),
            "thermal_hall_conductivity_zero_current": _even(kappa, -kappa),
            "lorenz_number": lorenz,
            "power_factor": power,
            "figure_of_merit": along,
        }


def _note(run: RunSums) -> Attributes:
    lacks = {"note": "without the Hall part of the conductivity: the model has no position matrix"}
    return lacks if POSITIONS in run.missing else {}


def _quantity(
    name: str, indices: tuple[str, ...], unit: str, words: str, equation: str, sign: str, parity: int
) -> Quantity:
    return Quantity(
        name, (*SAMPLES, *indices, *POINTS), unit, words, equation, sign, parity, _note, nan_ok=True,
        requires=(POSITIONS,) if parity < 0 else (),
    )  # fmt: skip


def _panel(name: str, words: str, symbol: str, unit: str, rank: int | None = None) -> Panel:
    label = AxisLabel(words, symbol, unit, style.powered if "²/" in unit else style.prefixed)  # nV² is (nV)²
    return curve_panel(name, label, role="detail") if rank is None else curve_panel(name, label, rank=rank)


RESISTIVITY, PELTIER = "E_i = Σ_j ρ_ij j_j", "J^Q_i = Σ_j Π_ij j_j at ∇T = 0"
SEEBECK, KAPPA = "E_i = Σ_j S_ij ∂_jT at zero current", "J^Q_i = −Σ_j κ_ij ∂_jT at zero current"


@register
class Thermoelectrics(Response):
    """Resistivity, Seebeck, Peltier and Nernst coefficients, heat conductivity and Lorenz number at zero current, zT.

    With j = σE − α∇T and J^Q = TαE − λ∇T of `conductivity`, `nernst` and `heat_conductivity`, whole tensors averaged at
    (μ, T): ρ = σ⁻¹, S = ρα, Π = Tαρ, κ = λ − Tαρα, L = κρ/T. Electrons have S < 0, of E = S∇T. Reciprocity, X(−n̂) =
    X(n̂)ᵀ of σ, α and λ, makes Π(n̂) = T S(−n̂)ᵀ, so that one direction tells the parts even and odd under n̂ → −n̂: S^even
    is the Seebeck effect, S^odd the anomalous Nernst effect as a thermopower. The power factor is Sᵀσ^sym S, and zT_i =
    T (Sᵀσ^sym S)_ii/κ_ii that of the electrons alone, an upper bound: lattice vibrations carry heat, too. Constant Γ,
    elastic scattering: L → (π²/3)(k_B/e)² for T → 0.
    """

    name = "thermoelectrics"
    help = "Seebeck, Peltier, Nernst, Lorenz coefficients, resistivity, heat at zero current, zT"
    rank = 97
    thermal = True
    sums = Sums(broadened=(VELOCITY_VELOCITY,))
    quantities = (
        _quantity("resistivity", ("field", "charge_current"), "ohm*m", "resistivity", "ρ = σ⁻¹", RESISTIVITY, 1),
        _quantity(
            "hall_resistivity", ("field", "charge_current"), "ohm*m", "anomalous Hall resistivity", "ρ = σ⁻¹",
            RESISTIVITY, -1,
        ),
        _quantity("seebeck", ("field", "gradient"), "V/K", "Seebeck coefficient", "S = σ⁻¹α", SEEBECK, 1),
        _quantity(
            "nernst_thermopower", ("field", "gradient"), "V/K", "anomalous Nernst thermopower", "S = σ⁻¹α", SEEBECK, -1
        ),
        _quantity("peltier", ("current", "charge_current"), "V", "Peltier coefficient", "Π = Tασ⁻¹", PELTIER, 1),
        _quantity(
            "peltier_odd", ("current", "charge_current"), "V", "anomalous Ettingshausen-Peltier coefficient",
            "Π = Tασ⁻¹", PELTIER, -1,
        ),
        _quantity(
            "electronic_heat_conductivity", ("current", "gradient"), "W/m/K", "electronic heat conductivity at zero "
            "current", "κ = λ − Tασ⁻¹α", KAPPA, 1,
        ),
        _quantity(
            "thermal_hall_conductivity_zero_current", ("current", "gradient"), "W/m/K", "thermal Hall conductivity at "
            "zero current", "κ = λ − Tασ⁻¹α", KAPPA, -1,
        ),
        _quantity(
            "lorenz_number", ("current", "charge_current"), "V^2/K^2", "Lorenz number", "L = κσ⁻¹/T", "", 1
        ),
        _quantity("power_factor", ("gradient", "gradient_2"), "W/m/K^2", "power factor", "Sᵀσ S, σ symmetric", "", 0),
        _quantity("figure_of_merit", ("gradient",), "1", "figure of merit of electrons", "T(SᵀσS)_ii/κ_ii", "", 0),
    )  # fmt: skip
    axes = (
        CHARGE_CURRENT,
        Axis("gradient_2", lambda run: ["xyz"[v] for v in run.directions], "component of the temperature gradient"),
    )
    panels = (
        _panel("seebeck", "Seebeck coefficient", r"$S_{{{}}}$", "V/K", 60),
        _panel("nernst_thermopower", "Nernst thermopower", r"$S_{{{}}}$", "V/K"),
        _panel("resistivity", "resistivity", r"$\rho_{{{}}}$", "Ω m"),
        _panel("hall_resistivity", "Hall resistivity", r"$\rho_{{{}}}$", "Ω m"),
        _panel("electronic_heat_conductivity", "heat conductivity", r"$\kappa_{{{}}}$", "W/(m K)"),
        _panel("lorenz_number", "Lorenz number", r"$L_{{{}}}$", "V²/K²"),
        _panel("power_factor", "power factor", r"$(S^T\sigma S)_{{{}}}$", "W/(m K²)"),
        curve_panel("figure_of_merit", AxisLabel("figure of merit", r"$zT_{{{}}}$", ""), role="detail"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        found = Coefficients.of(run).at_zero_current()
        merit = found.pop("figure_of_merit")
        tensors = {name: np.moveaxis(x, (-2, -1), (2, 3)) for name, x in found.items()}
        return {**tensors, "figure_of_merit": np.moveaxis(merit, -1, 2)}

    def checks(self, result: Result) -> Iterator[Check]:
        if not significant(result, "seebeck") or not np.isfinite(array(result, "seebeck")).all():
            return
        yield from definite(result, "electronic_heat_conductivity", "Heat conduction at zero current")
        yield from definite(result, "power_factor", "Thermoelectric power")
        if significant(result, "conductivity"):
            whole = array(result, "conductivity")
            if "hall_conductivity" in result.variables:
                whole = whole + array(result, "hall_conductivity")
            zeroth, first = (_last(average(result, whole, n)) for n in (0, 1))
            rho = np.linalg.inv(zeroth)
            expected = -_even(rho @ first, first @ rho) / array(result, "temperature")[:, None, None]
            target = _last(array(result, "seebeck"))
            must = "S = (1/eT) σ⁻¹ ∫ f′ (E−μ) σ(E) dE, relative to the largest value"
            yield below("Seebeck coefficient and conductivity", must, relative(target - expected, target), CURVE)

    def hints(self, result: Result) -> Iterator[tuple[str, str]]:
        if "lorenz_number" in result.variables:
            temperatures = array(result, "temperature")
            cold = int(np.argmin(temperatures))
            value = array(result, "lorenz_number")[0, 0, 0, 0, 0, cold] / (np.pi**2 / 3.0 * boltzmann() ** 2)
            yield (
                f"Lorenz number at {temperatures[cold]:.4g} K over (π²/3)(k_B/e)²",
                f"{value:.4g} (1 where σ(E) is linear over k_BT)",
            )
