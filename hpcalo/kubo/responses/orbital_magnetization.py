"""Orbital magnetization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.anomalous_hall import axial
from hpcalo.kubo.responses.checking import GRID, sum_rule
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.external import EXTERNAL
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

SIGN = "along the moment of the electron's orbital motion, m = −(e/2) r × v"


def _per_metre(run: RunSums) -> dict[str, float]:
    return {"mu_B_per_cell_in_A_per_m": units.BOHR_MAGNETON / (run.volume * units.ANGSTROM**3)}


SECOND_UNIT = ("mu_B_per_cell_in_A_per_m", "A/m")
LABEL = AxisLabel(
    "orbital moment", r"$M^\mathrm{{orb}}_{{{}}}$", r"$\mu_\mathrm{B}$ per cell", style.powered,
    second=SECOND_UNIT, per_unit=True,
)  # fmt: skip


@register
class OrbitalMagnetization(Response):
    """M^orb = −½ ê_k ε_kij R_ij (50) at T = 0 against Fermi energy, and at (μ, T) (55), in µ_B per cell.

    (55) of the paper prints the Fermi function outside its bracket; only the M term carries it (compare (32) and the
    limit T = 0 of (50)). For Wannier input what states beyond the functions contribute (the so-called external terms,
    `External`) is in it as far as the model knows them, and apart in orbital_magnetization_external.
    """

    name = "orbital_magnetization"
    help = "orbital magnetization per cell"
    rank = 80
    thermal = True
    sums = Sums(sea=(VELOCITY_VELOCITY,), thermal=(VELOCITY_VELOCITY,), levels=(EXTERNAL,))
    quantities = (
        Quantity(
            "orbital_magnetization",
            ("n_hat", "axis", "mu", "temperature"),
            "mu_B",
            "orbital magnetization per cell",
            "(55)",
            SIGN,
            -1,
            _per_metre,
            requires=(POSITIONS,),
        ),
        Quantity(
            "orbital_magnetization_ground_state",
            ("n_hat", "axis", "energy"),
            "mu_B",
            "orbital magnetization per cell at T = 0",
            "(47), (50)",
            SIGN,
            -1,
            _per_metre,
            requires=(POSITIONS,),
        ),
        Quantity(
            "orbital_magnetization_external",
            ("n_hat", "axis", "energy"),
            "mu_B",
            "share of the orbital magnetization at T = 0 that comes from states beyond the Wannier functions",
            "M. G. Lopez et al., Phys. Rev. B 85, 014435 (2012)",
            SIGN,
            -1,
            optional=True,
            aside=True,
            requires=(POSITIONS,),
        ),
    )
    panels = (
        curve_panel("orbital_magnetization_ground_state", LABEL, along="energy", rank=11),
        curve_panel("orbital_magnetization", LABEL, rank=19),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        _, ground = run.sea(VELOCITY_VELOCITY)
        warm = run.thermal(VELOCITY_VELOCITY)[:, :, :, 0]
        out = {
            "orbital_magnetization": axial(run, warm, 1) * units.MU_B_PER_EV_A2,
            "orbital_magnetization_ground_state": axial(run, ground, 1) * units.MU_B_PER_EV_A2,
        }
        if EXTERNAL.name in run.raw[0]:
            external = self._external(run)
            out["orbital_magnetization_ground_state"] = out["orbital_magnetization_ground_state"] + external
            # smooth in energy, so that the average over the axis is as good as Fermi functions of the levels
            out["orbital_magnetization"] = out["orbital_magnetization"] + np.einsum(
                "ave,mte->avmt", external, run.averages(0)
            )
            out["orbital_magnetization_external"] = external
        return out

    @staticmethod
    def _external(run: RunSums) -> RealArray:
        """Σ_n Θ(E − E_n)[m_n + (E − E_n)Ω_n], µ_B: (A, 3, NE). Energies of levels are absolute, the axis is not."""
        moment, curvature, weighted = np.moveaxis(run.occupied(EXTERNAL.name), 1, 0)
        absolute = run.energies + run.reference
        return np.asarray(units.MU_B_PER_EV_A2 * (moment + absolute * curvature - weighted))

    def checks(self, result: Result) -> Iterable[Check]:
        equation, curve = "M(μ, T) = −∫ f′ M(E) dE, from (55)", "orbital_magnetization_ground_state"
        return sum_rule(result, "orbital_magnetization", curve, equation, order=0, factor=1.0, limit=GRID)
