"""Orbital magnetization, Gilbert damping and gyromagnetic ratio, density of states and electron count."""

from __future__ import annotations

import numpy as np

from hpcalo import units
from hpcalo.kubo.responses.axes import Field, RunAxes
from hpcalo.kubo.responses.transport import axial
from hpcalo.kubo.sums.request import TORQUE_TORQUE, VELOCITY_VELOCITY
from hpcalo.typing import RealArray

G_SPIN = 2.0
"""Spin g-factor in the damping: the Hamiltonians carry moments of µ_B per spin, that is g = 2."""

_MU_B_PER_EV_A2 = units.E_CHARGE / units.HBAR_SI * units.EV * units.ANGSTROM**2 / units.BOHR_MAGNETON
"""µ_B in (e/ħ) · 1 eV Å²."""


def orbital_magnetization(run: RunAxes) -> list[Field]:
    """M^orb = −½ ê_k ε_kij R_ij (50) at T = 0 against Fermi energy, and at (μ, T) (55), in µ_B per cell.

    (55) of the paper prints the Fermi function outside its bracket; only the M term carries it (compare (32) and the
    limit T = 0 of (50)). For Wannier input this is the part within the bands of the model: what needs matrix elements
    of H beyond them (the so-called external terms) is not in it.
    """
    _, ground = run.sea(VELOCITY_VELOCITY)
    warm = run.thermal(VELOCITY_VELOCITY)[:, :, :, 0]
    sign = "along the moment of the electron's orbital motion, m = −(e/2) r × v"
    per_metre = {"mu_B_per_cell_in_A_per_m": units.BOHR_MAGNETON / (run.volume * units.ANGSTROM**3)}
    return [
        Field(
            "orbital_magnetization",
            ("n_hat", "axis", "mu", "temperature"),
            axial(run, warm, 1) * _MU_B_PER_EV_A2,
            "mu_B",
            "orbital magnetization per cell",
            "(55)",
            sign,
            -1,
            per_metre,
        ),
        Field(
            "orbital_magnetization_ground_state",
            ("n_hat", "axis", "energy"),
            axial(run, ground, 1) * _MU_B_PER_EV_A2,
            "mu_B",
            "orbital magnetization per cell at T = 0",
            "(47), (50)",
            sign,
            -1,
            per_metre,
        ),
    ]


def rotation_response(run: RunAxes) -> tuple[RealArray, RealArray]:
    """Λ of τ = −Λ [n̂ × ∂n̂/∂t] split into (symmetric, antisymmetric), in ħ: (A, G, i, j, NE).

    The torque–torque response, with n̂ × ∂n̂/∂t in the place of the electric field: δH = T·δφ under a rotation by δφ.
    """
    real, imag = run.broadened(TORQUE_TORQUE)
    return real, imag


def damping(run: RunAxes, moment: float | None) -> list[Field]:
    """Λ, Gilbert damping α = g Λ_sym/(ħ m) and gyromagnetic factor g_eff = m/|Λ_antisym|, m the moment per cell in µ_B.

    moment: µ_B per cell; None takes the model's spin moment at each energy. The gyromagnetic ratio is γ = g_eff µ_B/ħ:
    without spin-orbit coupling Λ_antisym is the spin ħ m/2 per cell, and g_eff = 2.
    """
    symmetric, antisymmetric = rotation_response(run)
    spin = -run.occupied("spin")  # majority moment counts positive along n̂, m = −µ_B σ
    m = spin if moment is None else np.full_like(spin, moment)
    safe = np.where(np.abs(m) > 1e-6, m, np.nan)
    dims = ("n_hat", "gamma", "torque", "torque_2", "energy")
    alpha = G_SPIN * symmetric / np.abs(safe)[:, None, None, None, :]
    across = np.sqrt(0.5 * np.einsum("agije->age", (0.5 * (antisymmetric - antisymmetric.swapaxes(2, 3))) ** 2))
    g_eff = np.abs(safe)[:, None, :] / np.where(across > 1e-12, across, np.nan)
    sign = "τ_i = −Σ_j Λ_ij [n̂ × ∂n̂/∂t]_j"
    return [
        Field("lambda_symmetric", dims, symmetric, "hbar", "torque–torque response, symmetric part", "(41)", sign, 1),
        Field(
            "lambda_antisymmetric",
            dims,
            antisymmetric,
            "hbar",
            "torque–torque response, antisymmetric part",
            "(41)",
            sign,
            -1,
        ),
        Field("gilbert_damping", dims, alpha, "1", "Gilbert damping", "α = g Λ_sym/(ħ m)", "", 1, nan_ok=True),
        Field(
            "gyromagnetic_factor",
            ("n_hat", "gamma", "energy"),
            g_eff,
            "1",
            "g factor of the precession, γ = g µ_B/ħ",
            "g = m/|Λ_antisym|",
            nan_ok=True,
        ),
        Field("spin_moment", ("n_hat", "energy"), spin, "mu_B", "spin moment per cell along n̂", "−Σ f <σ·n̂>"),
    ]


def level_count(
    edges: RealArray, count: RealArray, energies: RealArray, smearing: float
) -> tuple[RealArray, RealArray]:
    """Electrons per cell and density of states (1/eV) at the energies, from the count of levels between fine edges.

    count: (NB + 1,), the first entry counts what lies below the edges. The density is a Gaussian average of the counted
    levels.
    """
    below = np.concatenate([[0.0], np.cumsum(count[:-1])])[1:]
    electrons = np.interp(energies, edges, below)
    centres = 0.5 * (edges[1:] + edges[:-1])
    levels = count[1:-1]
    x = (energies[:, None] - centres[None, :]) / smearing
    kernel = np.where(np.abs(x) < 8.0, np.exp(-0.5 * np.minimum(x**2, 64.0)), 0.0) / (smearing * np.sqrt(2.0 * np.pi))
    return electrons, kernel @ levels


def density_of_states(run: RunAxes, edges: RealArray, smearing: float) -> list[Field]:
    """Density of states (Gaussian) and electrons per cell against Fermi energy."""
    counted = [level_count(edges, count, run.energies, smearing) for count in run.stacked("count")]
    return [
        Field(
            "density_of_states",
            ("n_hat", "energy"),
            np.stack([dos for _, dos in counted]),
            "1/eV",
            "density of states per cell",
            attrs={"smearing_eV": smearing},
        ),
        Field(
            "electrons",
            ("n_hat", "energy"),
            np.stack([n for n, _ in counted]),
            "1",
            "electrons per cell below the Fermi energy",
        ),
    ]


def energy_of_count(edges: RealArray, count: RealArray, electrons: float) -> float | None:
    """Energy up to which the levels hold this many electrons; None if it lies outside the edges."""
    below = np.cumsum(count[:-1])
    if not below[0] <= electrons <= below[-1]:
        return None
    i = int(np.searchsorted(below, electrons))
    if i == 0:
        return float(edges[0])
    share = (electrons - below[i - 1]) / max(below[i] - below[i - 1], 1e-300)
    return float(edges[i - 1] + share * (edges[i] - edges[i - 1]))
