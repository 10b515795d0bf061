"""Energy and heat currents that an electric field drives without dissipation: inverse anomalous Nernst effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import thermal_axis
from hpcalo.kubo.plot.overlays import overlay
from hpcalo.kubo.plot.panels import AxisLabel, Panel, curve_panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.anomalous_hall import axial
from hpcalo.kubo.responses.checking import COARSE, EXACT, GRID, array, significant
from hpcalo.kubo.responses.nernst import Nernst
from hpcalo.kubo.responses.orbital_magnetization import OrbitalMagnetization
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.operators import CURVATURE
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums, thermal_name
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook

A_PER_M = units.E_CHARGE / units.HBAR_SI * units.EV / units.ANGSTROM  # in (e/ħ) eV Å²/Å³
TENSOR = "J^E_i = Σ_j R_ij E_j, energies relative to μ"
HEAT = "J^Q_i = Σ_j κ_ij E_j"
FIELD = {"note": "for the electric field heat_currents.electric_field of the input"}
R, R_GROUND = "energy_current_per_field", "energy_current_per_field_ground_state"
DIRECT, BY_NERNST = "inverse_nernst", "inverse_nernst_by_conductivity"
ORBITAL_CURRENT, HEAT_CURRENT = "orbital_energy_current", "inverse_nernst_heat_current"
DIMS, HALL_DIMS, VECTOR_DIMS = (
    ("n_hat", "current", "field", "mu", "temperature"),
    ("n_hat", "hall", "mu", "temperature"),
    ("n_hat", "axis", "mu", "temperature"),
)


def antisymmetric(run: RunSums, components: RealArray, directions: Sequence[int]) -> RealArray:
    """X_ij = ε_ijk x_k along `directions` from the components (yz, zx, xy) on axis 1: (A, i, j, …)."""
    out = np.zeros((len(components), 3, 3, *components.shape[2:]))
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        out[:, i, j], out[:, j, i] = components[:, k], -components[:, k]
    return out[:, list(directions)][:, :, list(directions)]


def _draw(axis: Axes, results: Sequence[Result]) -> None:
    along = thermal_axis(results[0])
    label = AxisLabel("inverse Nernst", r"$\kappa_{{{}}}$", "A/m", style.prefixed)
    found, factor = draw_curves(axis, results, DIRECT, along, label)
    if found and len(results) == 1:
        marks: LineLook = {"ls": "None", "marker": "o", "ms": 4.5, "mfc": "none", "mew": 0.7}
        words = r"T$\alpha$ (52)"
        overlay(axis, results, BY_NERNST, found, along, factor, label=words, symbol=label.symbol, **marks)


TENSOR_LABEL = AxisLabel("energy current per field", r"$R_{{{}}}$", "A/m", style.prefixed)


@register
class InverseNernst(Response):
    """R of J^E = R E (47) and κ of the heat current J^Q = κ E (54) in A/m, and the currents of a given field in W/m².

    R_ij = (1/NV) Σ f [M_ij − (E−μ) N_ij]; the part R_ij = −ε_ijk M^orb_k of it flows in the ground state and carries no
    heat: M^orb = −½ ê_k ε_kij R_ij (50) at T = 0, J^orb = −E × M^orb (14). What is left is the heat current,
    κ_ij = −(1/NV) Σ N_ij {f (E−μ) + k_BT ln[1 + e^(−(E−μ)/k_BT)]} = Tα_ij. For Wannier functions κ has the part of the
    Berry curvature outside the sum over bands, as α does; R has what κ and M^orb have.

    (52) prints J^Q_y = Tα_xy E_x. With j_x = −α_xy ∂_yT reciprocity gives J^Q_y = Tα_xy(−n̂) E_x = Tα_yx(n̂) E_x.
    """

    name = "inverse_nernst"
    help = "energy and heat currents of an electric field, inverse anomalous Nernst effect"
    rank = 75
    thermal = True
    sums = Sums.union(
        [Nernst.sums, OrbitalMagnetization.sums, Sums(thermal=(VELOCITY_VELOCITY,), thermal_levels=(CURVATURE,))]
    )
    quantities = (
        Quantity(R, DIMS, "A/m", "energy current per electric field, R", "(47)", TENSOR, -1, requires=(POSITIONS,)),
        Quantity(
            R_GROUND,
            ("n_hat", "current", "field", "energy"),
            "A/m",
            "energy current per electric field at T = 0, R",
            "(47), T → 0",
            TENSOR,
            -1,
            requires=(POSITIONS,),
        ),
        Quantity(
            DIRECT, HALL_DIMS, "A/m", "heat current per electric field, κ", "(54)", HEAT, -1, requires=(POSITIONS,)
        ),
        Quantity(
            BY_NERNST,
            HALL_DIMS,
            "A/m",
            "heat current per electric field from the Nernst conductivity",
            "(52), κ_ij = Tα_ij",
            HEAT,
            -1,
            aside=True,
            requires=(POSITIONS,),
        ),
        Quantity(
            ORBITAL_CURRENT,
            VECTOR_DIMS,
            "W/m^2",
            "energy current of the orbital magnetization in a field",
            "(14), J^orb = −E × M^orb",
            "",
            -1,
            FIELD,
            aside=True,
            requires=(POSITIONS,),
        ),
        Quantity(
            HEAT_CURRENT,
            VECTOR_DIMS,
            "W/m^2",
            "heat current of the inverse Nernst effect in a field",
            "(54)",
            "",
            -1,
            FIELD,
            aside=True,
            requires=(POSITIONS,),
        ),
    )
    panels = (Panel((DIRECT,), _draw, "detail"), curve_panel(R, TENSOR_LABEL, role="detail"))

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        scale = A_PER_M / run.volume
        sums = run.thermal(VELOCITY_VELOCITY)
        bands = OrbitalMagnetization().compute(run)
        per_metre = units.BOHR_MAGNETON / (run.volume * units.ANGSTROM**3)
        warm = bands["orbital_magnetization"] * per_metre  # (A, axis, M, T)
        ground = bands["orbital_magnetization_ground_state"] * per_metre
        heat = -scale * axial(run, sums[:, :, :, 2], 1)
        outside = np.zeros_like(heat)
        if thermal_name(CURVATURE) in run.raw[0]:
            outside = scale * run.thermal_level(CURVATURE)[:, :, 1]
        field = np.array(run.settings.heat_currents.electric_field)
        # What R has beyond the sums over bands: that of κ, and that of the orbital magnetization.
        extra = outside - (warm - scale * axial(run, sums[:, :, :, 0], 1))
        whole = antisymmetric(run, heat + outside, (0, 1, 2))
        alpha = Nernst().compute(run)["nernst_intrinsic"]
        return {
            R: -scale * sums[:, :, :, 1] + antisymmetric(run, extra, run.directions),
            R_GROUND: antisymmetric(run, -ground, run.directions),
            DIRECT: heat + outside,
            BY_NERNST: alpha * run.temperatures,
            ORBITAL_CURRENT: -np.cross(field, warm, axisb=1, axisc=1),
            HEAT_CURRENT: np.einsum("aijmt,j->aimt", whole, field),
        }

    def checks(self, result: Result) -> Iterator[Check]:
        if significant(result, DIRECT, BY_NERNST):
            must = "direct sum (54) and the Nernst conductivity (52), relative to the largest value"
            remark = "second order in the energy spacing; above the limit: take more energies"
            gap = relative(array(result, DIRECT) - array(result, BY_NERNST), array(result, DIRECT))
            yield below("Two routes to the inverse Nernst effect", must, gap, GRID, remark, coarse=COARSE)
        if significant(result, R, DIRECT, "orbital_magnetization"):
            moment = result.variables["orbital_magnetization"].attrs["mu_B_per_cell_in_A_per_m"]
            rest = array(result, DIRECT) - float(moment) * array(result, "orbital_magnetization")
            names = [str(c) for c in result["current"]]
            tensor, gap, size = array(result, R), 0.0, 0.0
            for k, pair in enumerate(("yz", "zx", "xy")):
                if set(pair) <= set(names):
                    element = tensor[:, names.index(pair[0]), names.index(pair[1])]
                    gap = max(gap, float(np.abs(element - rest[:, k]).max()))
                    size = max(size, float(np.abs(element).max()))
            must = "R_ij = κ_ij − ε_ijk M_k, relative to R"
            yield below("Energy current = heat current + orbital energy current", must, gap / size, EXACT)
