"""Conductivity, anomalous Hall and Nernst effects, heat conductivity, in SI with the film's or crystal's volume."""

from __future__ import annotations

import numpy as np

from hpcalo import units
from hpcalo.kubo.responses.axes import Field, RunAxes
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY
from hpcalo.typing import RealArray

_SIEMENS_PER_METRE = units.CONDUCTANCE_QUANTUM_HALF / units.ANGSTROM  # in one 1/Å, times e²/ħ
_S_CM = _SIEMENS_PER_METRE * units.S_PER_M_IN_S_PER_CM
HALL_AXES = ((1, 2), (2, 0), (0, 1))
"""(yz, zx, xy), the components of an antisymmetric tensor as an axial vector."""


def conductivity_parts(run: RunAxes) -> tuple[RealArray, RealArray]:
    """(symmetric, antisymmetric) conductivity with broadening in S/m: (A, G, i, j, NE)."""
    real, imag = run.broadened(VELOCITY_VELOCITY)
    scale = _SIEMENS_PER_METRE / run.volume
    return real * scale, imag * scale


def conductivity(run: RunAxes) -> list[Field]:
    """σ_ij with broadening: (e²ħ/πV) Σ Γ² Re[v_i v_j]… (symmetric, even under n̂ → −n̂) and its Hall part from Im
    (odd).

    σ_xx = (e²ħ/πNV) Σ_knm Γ² |<n|v_x|m>|²/{[(E−E_n)²+Γ²][(E−E_m)²+Γ²]}: bubble, without vertex corrections.
    """
    symmetric, hall = conductivity_parts(run)
    dims = ("n_hat", "gamma", "current", "field", "energy")
    sign = "j_i = Σ_j σ_ij E_j"
    cm = units.S_PER_M_IN_S_PER_CM
    return [
        Field(
            "conductivity",
            dims,
            symmetric * cm,
            "S/cm",
            "conductivity, symmetric part",
            "Kubo–Bastin, Γ constant",
            sign,
            1,
        ),
        Field(
            "hall_conductivity",
            dims,
            hall * cm,
            "S/cm",
            "conductivity, antisymmetric part",
            "Kubo–Bastin, Γ constant",
            sign,
            -1,
        ),
    ]


def intrinsic_hall(run: RunAxes) -> RealArray:
    """Intrinsic anomalous Hall conductivity in S/m at T = 0: (A, 3, NE) as (yz, zx, xy); absent components are 0.

    −(e²/ħ V) Σ f Ω: the sum over the model's bands, and the part of the Berry curvature outside them if the run has it.
    """
    result = axial(run, run.sea(VELOCITY_VELOCITY)[0], 1)
    if "curvature" in run.raw[0]:
        result = result - run.occupied("curvature")
    return result * _SIEMENS_PER_METRE / run.volume


def axial(run: RunAxes, tensor: RealArray, axis: int) -> RealArray:
    """½ε_kij X_ij as the components (yz, zx, xy) in place of the two component axes that start at `axis`.

    Components along which the model does not repeat are 0. The two orders carry the same numbers up to rounding.
    """
    parts = []
    for i, j in HALL_AXES:
        if i in run.directions and j in run.directions:
            a, b = run.directions.index(i), run.directions.index(j)
            first = np.take(np.take(tensor, a, axis), b, axis)
            second = np.take(np.take(tensor, b, axis), a, axis)
            parts.append(0.5 * (first - second))
        else:
            parts.append(np.zeros(tensor.shape[:axis] + tensor.shape[axis + 2 :]))
    return np.stack(parts, axis=axis)


def anomalous_hall(run: RunAxes) -> list[Field]:
    """Intrinsic anomalous Hall conductivity against Fermi energy, components (yz, zx, xy), in S/cm."""
    fields = [
        Field(
            "anomalous_hall",
            ("n_hat", "hall", "energy"),
            intrinsic_hall(run) * units.S_PER_M_IN_S_PER_CM,
            "S/cm",
            "intrinsic anomalous Hall conductivity",
            "σ_ij = −(e²/ħ) Σ f Ω_ij / V",
            "j_i = Σ_j σ_ij E_j, Ω_xy = ∂_x A_y − ∂_y A_x",
            -1,
        )
    ]
    if "curvature" in run.raw[0]:
        fields.append(
            Field(
                "anomalous_hall_external",
                ("n_hat", "hall", "energy"),
                -run.occupied("curvature") * _S_CM / run.volume,
                "S/cm",
                "share of the intrinsic anomalous Hall conductivity that comes from outside the sum over bands",
                "−(e²/ħ V) Σ f (∂_i A_j − ∂_j A_i − i[A_i, A_j])_nn",
                "j_i = Σ_j σ_ij E_j",
                -1,
            )
        )
    return fields


def nernst(run: RunAxes) -> list[Field]:
    """Anomalous Nernst conductivity α of j_i = −α_ij ∂_jT (51), in A/(m K), intrinsic and with broadening.

    α_ij = (1/e) ∫dE f'(E) (E−μ)/T σ_ij(E). (52): J^Q_j = T α_ij E_i.
    """
    weights = run.averages(1) / run.temperatures[None, :, None]
    intrinsic = axial(run, run.sea_averages(VELOCITY_VELOCITY, 1), 1) / run.temperatures
    if "curvature" in run.raw[0]:
        intrinsic = intrinsic - np.einsum("ace,mte->acmt", run.occupied("curvature"), weights)
    intrinsic = -intrinsic * _SIEMENS_PER_METRE / run.volume
    _, hall = conductivity_parts(run)
    sign = "j_i = −Σ_j α_ij ∂_j T"
    return [
        Field(
            "nernst_intrinsic",
            ("n_hat", "hall", "mu", "temperature"),
            intrinsic,
            "A/(m*K)",
            "intrinsic anomalous Nernst conductivity",
            "(51)",
            sign,
            -1,
        ),
        Field(
            "nernst",
            ("n_hat", "gamma", "current", "gradient", "mu", "temperature"),
            -np.einsum("agije,mte->agijmt", hall, weights),
            "A/(m*K)",
            "anomalous Nernst conductivity with broadening",
            "(51)",
            sign,
            -1,
        ),
    ]


def heat_conductivity(run: RunAxes) -> RealArray:
    """Electronic heat conductivity at zero field, (1/e²T) ∫dE (−f') (E−μ)² σ_ij(E), in W/(m K): (A, G, i, j, M, T)."""
    symmetric, hall = conductivity_parts(run)
    weights = run.averages(2) / run.temperatures[None, :, None]
    return np.einsum("agije,mte->agijmt", symmetric + hall, weights)
