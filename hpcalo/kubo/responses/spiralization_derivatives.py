"""How the spiralization depends on temperature and chemical potential, and the bound torque of their gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check, below, relative, untested
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import COARSE, GRID, array, significant
from hpcalo.kubo.responses.inverse_thermal_torque import DIMS, J_PER_M2
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.band_coefficients import TWIST_TORQUE_MOMENT
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

BOUND_DIMS = ("n_hat", "torque", "gradient", "mu", "temperature")
BOUND_SIGN = "τ_j = Σ_i ∂_i D_ij V is the torque on the magnetization of a cell"
BY_T, BY_MU = "spiralization_by_temperature", "spiralization_by_chemical_potential"


def _panel(name: str, symbol: str, unit: str) -> Panel:
    return curve_panel(name, AxisLabel("slope of the spiralization", symbol, unit, style.powered), role="detail")


@register
class SpiralizationDerivatives(Response):
    """∂D/∂T at fixed μ in J/(m² K), ∂D/∂μ at fixed T in J/(m² eV), and the bound torque of Table 1.

    ∂D/∂T = (1/NV) Σ A_ji ∂f/∂T − β̃^int/T and ∂D/∂μ = (1/NV) Σ {A_ji (−f') + f B_ji}, from (32). A gradient of T or μ
    makes D depend on the place, and the free energy F^DMI of a uniform n̂ exerts the torque τ_j = Σ_i ∂_i D_ij per
    volume: per cell V ∂D_ij/∂T in J m/K for ∂_iT, and V ∂D_ij/∂μ in m for ∂_iμ.
    """

    name = "spiralization_derivatives"
    help = "derivatives of the DMI by temperature and chemical potential, and the bound torque"
    rank = 45
    thermal = True
    sums = Sums(thermal=(TORQUE_VELOCITY,), thermal_levels=(TWIST_TORQUE_MOMENT,))
    quantities = (
        Quantity(BY_T, DIMS, "J/m^2/K", "∂D/∂T at fixed μ", "∂(32)/∂T", "as of spiralization", 1),
        Quantity(BY_MU, DIMS, "J/m^2/eV", "∂D/∂μ at fixed T", "∂(32)/∂μ", "as of spiralization", 1),
        Quantity(
            "bound_torque_per_temperature_gradient",
            BOUND_DIMS,
            "J*m/K",
            "bound torque per gradient of T, per cell",
            "Table 1, V ∂D_ij/∂T",
            BOUND_SIGN,
            1,
            aside=True,
        ),
        Quantity(
            "bound_torque_per_potential_gradient",
            BOUND_DIMS,
            "m",
            "bound torque per gradient of μ, per cell",
            "Table 1, V ∂D_ij/∂μ",
            BOUND_SIGN,
            1,
            aside=True,
        ),
    )
    panels = (
        _panel(BY_T, r"$\partial D_{{{}}}/\partial T$", "J/(m² K)"),
        _panel(BY_MU, r"$\partial D_{{{}}}/\partial\mu$", "J/(m² eV)"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        moment = run.thermal_level(TWIST_TORQUE_MOMENT)  # (A, torque, field, 4, M, T)
        pairs = run.thermal(TORQUE_VELOCITY)
        scale, volume = J_PER_M2 / run.volume, run.volume * units.ANGSTROM**3
        by_temperature = scale * ((moment[:, :, :, 3] - pairs[:, :, :, 2]) / run.temperatures).swapaxes(1, 2)
        by_mu = scale * (moment[:, :, :, 2] - pairs[:, :, :, 3]).swapaxes(1, 2)
        return {
            BY_T: by_temperature,
            BY_MU: by_mu,
            "bound_torque_per_temperature_gradient": volume * by_temperature.swapaxes(1, 2),
            "bound_torque_per_potential_gradient": volume / units.EV * by_mu.swapaxes(1, 2),
        }

    def checks(self, result: Result) -> Iterator[Check]:
        """From D at neighbouring temperatures and chemical potentials, by the trapezoid rule."""
        heat = "beta_tilde_intrinsic"
        if significant(result, "spiralization", BY_T, heat):
            must = "∫(∂D/∂T) dT = ΔD between temperatures, relative to the share of β̃/T"
            values, D, beta = (array(result, name) for name in (BY_T, "spiralization", heat))
            temperatures = array(result, "temperature")
            title = "Third route to the inverse thermal torque, through ∂D/∂T"
            yield _between(title, must, temperatures, (values, D, beta / temperatures), -1)
        if significant(result, "spiralization", BY_MU):
            must = "∫(∂D/∂μ) dμ = ΔD between chemical potentials, relative to the integral"
            values, D = array(result, BY_MU), array(result, "spiralization")
            yield _between("∂D/∂μ", must, array(result, "mu"), (values, D, values), -2)


def _between(title: str, must: str, x: RealArray, arrays: tuple[RealArray, RealArray, RealArray], axis: int) -> Check:
    """Whether a slope integrates to the differences of a function. arrays: slope, function, the size of slopes."""
    if len(x) < 2:
        return untested(title, must, "needs two values")
    slope, function, size = (np.moveaxis(a, axis, -1) for a in arrays)
    step = np.diff(x)
    gap = np.diff(function) - 0.5 * step * (slope[..., 1:] + slope[..., :-1])
    remark = "second order in the distance of the values; above the limit: take more"
    return below(title, must, relative(gap, step * size[..., 1:]), GRID, remark, coarse=COARSE)
