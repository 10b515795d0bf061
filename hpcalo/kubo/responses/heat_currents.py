"""Local heat and DMI energy currents of moving magnetizations: resonance, moving spiral, moving wall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot import heat as heat_plot
from hpcalo.kubo.plot.panels import Panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import EXACT, array, significant
from hpcalo.kubo.responses.inverse_thermal_torque import inverse_parts
from hpcalo.kubo.responses.motion import Motion, current, largest_during_fmr, neel_wall, spiral
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.spiralization import Spiralization
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Sums
from hpcalo.typing import RealArray

DIMS = ("gamma", "mu", "temperature")
NOTE = {"note": "with the coefficients at the first n̂ of the run, at every place"}


def _quantity(
    name: str, dims: tuple[str, ...], unit: str, words: str, equation: str, *, aside: bool = False
) -> Quantity:
    return Quantity(name, dims, unit, words, equation, attrs=NOTE, aside=aside)


@register
class HeatCurrents(Response):
    """Local heat currents (W/m²) driven by the motions of `kubo.heat_currents`.

    For every Γ, μ, T of the run, with β̃ and D at its first n̂.

    fmr: amplitude of J_x over a period (60); the temperature gradient that carries it away through the film. spiral:
    J_x of the moving cycloid (63), n̂ × ∂n̂/∂t = −w q ê_y, so J_x = +β̃_xy w q; its DMI energy current by (7). wall:
    the same at the centre of a Néel wall. The coefficients are those at n̂ = run.n_hat[0]; their dependence on the
    local direction is left out.
    """

    name = "heat_currents"
    help = "local heat and DMI energy currents of resonance, moving spiral and moving wall"
    rank = 120
    thermal = True
    sums = Sums(broadened=(TORQUE_VELOCITY,), sea=(TORQUE_VELOCITY,), thermal=(TORQUE_VELOCITY,))
    quantities = (
        _quantity("heat_current_fmr", DIMS, "W/m^2", "largest heat current J_x during ferromagnetic resonance", "(60)"),
        _quantity(
            "heat_current_fmr_per_width", DIMS, "W/m", "the same through the film's thickness", "(60)", aside=True
        ),
        _quantity(
            "temperature_gradient_fmr",
            DIMS,
            "K/m",
            "temperature gradient that carries the same heat current",
            "J/κ",
            aside=True,
        ),
        _quantity("heat_current_spiral", DIMS, "W/m^2", "heat current J_x of a moving cycloid", "(63)"),
        _quantity("heat_current_wall", DIMS, "W/m^2", "heat current J_x at the centre of a moving Néel wall", "(30)"),
        _quantity("dmi_current_spiral", DIMS[1:], "W/m^2", "DMI energy current J_x of a moving cycloid", "(7)"),
        _quantity(
            "dmi_current_wall", DIMS[1:], "W/m^2", "DMI energy current J_x at the centre of a moving wall", "(7)"
        ),
    )
    panels = (
        Panel(("heat_current_fmr",), heat_plot.heat_currents, rank=6),
        Panel(("heat_current_fmr", "heat_current_spiral"), heat_plot.heat_table, "detail"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        motion = Motion.of(run.settings.heat_currents, run.crystal.thickness or 0.0)
        even, odd = inverse_parts(run)
        tilde = np.moveaxis((even + odd)[0], (1, 2), (-2, -1))  # (G, M, T, current, torque)
        D = np.moveaxis(Spiralization().compute(run)["spiralization"][0], (0, 1), (-2, -1))
        n_s, dn_s = spiral(np.zeros(()), 0.0, 2.0 * np.pi / motion.wavelength, motion.velocity)
        n_w, dn_w = neel_wall(np.zeros(()), 0.0, motion.wall_width, motion.velocity)
        amplitude = largest_during_fmr(tilde, motion.cone, motion.angular_frequency)[..., 0]
        return {
            "heat_current_fmr": amplitude,
            "heat_current_fmr_per_width": amplitude * motion.thickness,
            "temperature_gradient_fmr": amplitude / motion.conductivity,
            "heat_current_spiral": current(tilde, n_s, dn_s)[..., 0],
            "heat_current_wall": current(tilde, n_w, dn_w)[..., 0],
            "dmi_current_spiral": current(D, n_s, dn_s)[..., 0],
            "dmi_current_wall": current(D, n_w, dn_w)[..., 0],
        }

    def checks(self, result: Result) -> Iterator[Check]:
        """(63) and its like for the cycloid: J_x = +X_xy w q, with q = 2π/λ."""
        given = result.setting("kubo", "heat_currents") or {}
        if not {"wavelength", "velocity"} <= set(given):
            return
        wq = 2.0 * np.pi / (1e-9 * float(given["wavelength"])) * float(given["velocity"])
        tilde = ("beta_tilde_even", "beta_tilde_odd")
        for name, parts in (("heat_current_spiral", tilde), ("dmi_current_spiral", ("spiralization",))):
            if not significant(result, name) or any(p not in result.variables for p in parts):
                continue
            currents, torques = ([str(c) for c in result[a]] for a in ("current", "torque"))
            if "x" not in currents:
                continue
            i, j = currents.index("x"), torques.index("y")
            total = sum(array(result, p)[0] for p in parts)
            expected = wq * np.asarray(total)[..., i, j, :, :]
            gap = relative(array(result, name) - expected, expected)
            symbol = "β̃" if parts == tilde else "D"
            yield below(f"{name} in closed form", f"J_x = {symbol}_xy w 2π/λ (63), relative", gap, EXACT)
        yield from _continuity(result, given)


def _continuity(result: Result, given: Mapping[str, float]) -> Iterator[Check]:
    """(8) for the moving wall: its DMI energy to the left of the centre changes by what flows through the centre."""
    name = "dmi_current_wall"
    if not significant(result, name, "spiralization") or "x" not in [str(c) for c in result["current"]]:
        return
    width, speed = 1e-9 * float(given["wall_width"]), float(given["velocity"])
    row = array(result, "spiralization")[0, [str(c) for c in result["current"]].index("x")]  # (torque, M, T)
    x = np.linspace(-30.0 * width, 0.0, 6001)

    def energy(moved: float) -> RealArray:
        """∫ n̂ × ∂_x n̂ dx of the wall, moved along x: (3,)."""
        s = (x - moved) / width
        n = np.stack([1.0 / np.cosh(s), np.zeros_like(s), -np.tanh(s)], axis=-1)
        return np.trapezoid(np.cross(n, np.gradient(n, x, axis=0, edge_order=2)), x, axis=0)

    step = 1e-3 * width
    expected = -speed * np.einsum("jmt,j->mt", row, (energy(step) - energy(-step)) / (2.0 * step))
    must = "J_x = −d/dt ∫F dx up to the centre, with D of the file, relative"
    gap = relative(array(result, name) - expected, expected)
    yield below("dmi_current_wall by the continuity of the DMI energy (8)", must, gap, 1e-3)
