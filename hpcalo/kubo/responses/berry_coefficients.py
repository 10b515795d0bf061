"""Sums over occupied bands of the coefficients of single bands: A, B of torques, M, N of orbital motion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import EXACT, array, significant
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, VELOCITY_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.units import BOHR_IN_ANGSTROM, BOHR_MAGNETON, MU_B_PER_EV_A2

TORQUE_DIMS = ("n_hat", "torque", "field", "energy")
ORBITAL_DIMS = ("n_hat", "current", "field", "energy")
MOMENT, MIXED = "twist_torque_moment", "mixed_berry_curvature"
ORBITAL, BERRY = "orbital_moment_tensor", "berry_curvature_tensor"


def _panel(name: str, words: str, symbol: str, unit: str) -> Panel:
    return curve_panel(name, AxisLabel(words, symbol, unit, style.short), along="energy", role="detail")


@register
class TorqueCoefficients(Response):
    """(1/N) Σ_kn Θ(E − E_kn) A_kn,ij (28) in eV Å and the same of B_kn,ij (29) in Å, per cell, ħ in them.

    A = ħ Σ_m Im[<n|T_i|m><m|v_j|n>/(E_m − E_n)], B = −2ħ Σ_m Im[<n|T_i|m><m|v_j|n>/(E_m − E_n)²]. The intrinsic
    torkance is −e B (36), and V D_ij(E) = A_ji(E) + ∫^E B_ji dE' (32).
    """

    name = "torque_coefficients"
    help = "twist-torque moment A and mixed Berry curvature B, summed over occupied bands"
    rank = 47
    sums = Sums(sea=(TORQUE_VELOCITY,))
    quantities = (
        Quantity(
            MOMENT, TORQUE_DIMS, "eV*angstrom", "twist-torque moment A of the occupied bands", "(28)", "T_i, v_j", 1
        ),
        Quantity(
            MIXED, TORQUE_DIMS, "angstrom", "mixed Berry curvature B of the occupied bands", "(29)", "T_i, v_j", 1
        ),
    )
    panels = (
        _panel(MOMENT, "twist-torque moment", r"$A_{{{}}}$", "eV Å"),
        _panel(MIXED, "mixed Berry curvature", r"$B_{{{}}}$", "Å"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        return {MOMENT: run.sea_moment(TORQUE_VELOCITY), MIXED: -run.sea(TORQUE_VELOCITY)[0]}

    def checks(self, result: Result) -> Iterator[Check]:
        if significant(result, MIXED, "torkance_intrinsic"):
            expected = -array(result, MIXED) / BOHR_IN_ANGSTROM
            gap = relative(array(result, "torkance_intrinsic") - expected, expected)
            yield below("Mixed Berry curvature and torkance", "t = −e B (36), relative", gap, EXACT)


@register
class OrbitalCoefficients(Response):
    """(1/N) Σ_kn Θ(E − E_kn) M_kn,ij (48) in µ_B and the same of N_kn,ij (49) in µ_B/eV, per cell.

    M = eħ Σ_m Im[<n|v_i|m><m|v_j|n>/(E_n − E_m)], N = 2eħ Σ_m Im[<n|v_i|m><m|v_j|n>/(E_m − E_n)²], sums over the
    model's bands. −½ε_kij M_ij is the sum of the bands' own moments; with ∫^E N_ij dE' it is R (47), so M^orb.
    """

    name = "orbital_coefficients"
    help = "orbital moment tensor M and Berry curvature N, summed over occupied bands"
    rank = 85
    sums = Sums(sea=(VELOCITY_VELOCITY,))
    quantities = (
        Quantity(
            ORBITAL,
            ORBITAL_DIMS,
            "mu_B",
            "orbital moment tensor M of the occupied bands",
            "(48)",
            "v_i, v_j",
            -1,
            requires=(POSITIONS,),
        ),
        Quantity(
            BERRY,
            ORBITAL_DIMS,
            "mu_B/eV",
            "Berry curvature N of the occupied bands",
            "(49)",
            "v_i, v_j",
            -1,
            requires=(POSITIONS,),
        ),
    )
    panels = (
        _panel(ORBITAL, "orbital moment tensor", r"$M_{{{}}}$", r"$\mu_\mathrm{B}$"),
        _panel(BERRY, "Berry curvature", r"$N_{{{}}}$", r"$\mu_\mathrm{B}$/eV"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        return {
            ORBITAL: -MU_B_PER_EV_A2 * run.sea_moment(VELOCITY_VELOCITY),
            BERRY: MU_B_PER_EV_A2 * run.sea(VELOCITY_VELOCITY)[0],
        }

    def checks(self, result: Result) -> Iterator[Check]:
        for name in (ORBITAL, BERRY):
            if significant(result, name):
                tensor = np.moveaxis(array(result, name), 1, 2)
                gap = relative(tensor + array(result, name), tensor)
                yield below(f"{name} is antisymmetric", "X_ij = −X_ji, relative", gap, EXACT)
        hall, outside = "anomalous_hall", "anomalous_hall_external"
        if not significant(result, BERRY, hall):
            return
        names = [str(c) for c in result["current"]]
        inside = array(result, hall) - (array(result, outside) if outside in result.variables else 0.0)
        per_volume = 0.01 * BOHR_MAGNETON / (float(result.attrs["cell_volume_A3"]) * 1e-30)  # S/cm of 1 µ_B/eV
        for k, (i, j) in enumerate((("y", "z"), ("z", "x"), ("x", "y"))):
            if i in names and j in names:
                expected = per_volume * array(result, BERRY)[:, names.index(i), names.index(j)]
                if np.abs(expected).max() > 1e-6 * np.abs(inside).max():
                    gap = relative(inside[:, k] - expected, expected)
                    yield below(f"Berry curvature and Hall conductivity, {i}{j}", "σ = e N/V, relative", gap, EXACT)
