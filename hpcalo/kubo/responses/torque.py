"""Torkance, thermal torques, spiralization: from raw sums to named quantities.

Equation numbers are those of F. Freimuth, S. Blügel, Y. Mokrousov, J. Phys.: Condens. Matter 28, 316001 (2016); the
closed forms with broadening are those of Phys. Rev. B 90, 174423 (2014). e > 0, the electron's charge is −e.
"""

from __future__ import annotations

import numpy as np

from hpcalo import units
from hpcalo.kubo.responses.axes import Field, RunAxes
from hpcalo.kubo.sums.request import TORQUE_VELOCITY
from hpcalo.typing import RealArray

_TORKANCE_SIGN = "τ_i = Σ_j t_ij E_j is the torque on the magnetization, τ = −<δT>, T = n̂ × ∂H/∂n̂"
_BETA_SI = units.EV * units.ANGSTROM  # J m/K in one eV Å/K
_J_PER_M2 = units.EV / units.ANGSTROM**2  # in one eV/Å^2, the unit of (eV Å)/Å^3


def torkance(run: RunAxes) -> list[Field]:
    """t^even, t^odd with broadening and t^int without, against Fermi energy, in e a0.

    Even and odd are under n̂ → −n̂. t^even → t^int for Γ → 0, t^odd ∝ 1/Γ. Closed forms of the Kubo–Bastin expression
    with the prefactor ħ/2π: (26) of the paper prints 1/h, where the dimension needs ħ²/h.
    """
    odd, even = run.broadened(TORQUE_VELOCITY)
    intrinsic, _ = run.sea(TORQUE_VELOCITY)
    dims = ("n_hat", "gamma", "torque", "field", "energy")
    a0 = units.BOHR_IN_ANGSTROM
    common = {"e_a0_in_C_m": units.E_A0}
    return [
        Field(
            "torkance_even",
            dims,
            even / a0,
            "e*a0",
            "even torkance",
            "closed form, Γ constant",
            _TORKANCE_SIGN,
            1,
            common,
        ),
        Field(
            "torkance_odd",
            dims,
            odd / a0,
            "e*a0",
            "odd torkance",
            "closed form, Γ constant",
            _TORKANCE_SIGN,
            -1,
            common,
        ),
        Field(
            "torkance_intrinsic",
            ("n_hat", "torque", "field", "energy"),
            intrinsic / a0,
            "e*a0",
            "intrinsic torkance",
            "(36)",
            _TORKANCE_SIGN,
            1,
            common,
        ),
    ]


def _torkance_parts(run: RunAxes) -> tuple[RealArray, RealArray]:
    """(even, odd) torkance in e Å: (A, G, torque, field, NE)."""
    odd, even = run.broadened(TORQUE_VELOCITY)
    return even, odd


def thermal_torkance(run: RunAxes) -> list[Field]:
    """β of τ = −β ∇T, even, odd and intrinsic, and its low-temperature (Sommerfeld) form, in J m/K.

    β_ij = (1/e) ∫dE f'(E) (E−μ)/T t_ij(E) (39); Sommerfeld: −(π² k_B² T/3e) ∂t_ij/∂μ (58), the derivative by central
    differences of the curve on the energy grid.
    """
    weights = run.averages(1) / run.temperatures[None, :, None]  # −f' (E−μ)/T
    sign = "τ_i = −Σ_j β_ij ∂_j T"
    dims = ("n_hat", "gamma", "torque", "field", "mu", "temperature")
    fields = []
    for part, values, parity in zip(("even", "odd"), _torkance_parts(run), (1, -1), strict=True):
        beta = -_BETA_SI * np.einsum("agije,mte->agijmt", values, weights)
        fields.append(
            Field(f"beta_{part}", dims, beta, "J*m/K", f"{part} thermal torkance", "(39)", sign, parity, _beta_unit())
        )
        slope = np.gradient(values, run.energies, axis=-1)
        at_mu = np.stack([_at(run.energies, slope, mu) for mu in run.mu], axis=-1)
        factor = -_BETA_SI * np.pi**2 * units.BOLTZMANN_EV**2 / 3.0
        low = factor * at_mu[..., None] * run.temperatures
        fields.append(
            Field(
                f"beta_{part}_sommerfeld",
                dims,
                low,
                "J*m/K",
                f"{part} thermal torkance, low-temperature form",
                "(58)",
                sign,
                parity,
                _beta_unit(),
            )
        )
    fields.append(
        Field(
            "beta_intrinsic",
            ("n_hat", "torque", "field", "mu", "temperature"),
            -_BETA_SI * run.sea_averages(TORQUE_VELOCITY, 1) / run.temperatures,
            "J*m/K",
            "intrinsic thermal torkance",
            "(39) of (36)",
            sign,
            1,
            _beta_unit(),
        )
    )
    return fields


def _beta_unit() -> dict[str, float]:
    return {"micro_eV_a0_per_K_in_J_m_per_K": units.MICRO_EV_A0_PER_KELVIN}


def _at(energies: RealArray, curve: RealArray, energy: float) -> RealArray:
    """The curve (…, NE) interpolated linearly at one energy: (…)."""
    i = int(np.clip(np.searchsorted(energies, energy) - 1, 0, len(energies) - 2))
    w = (energy - energies[i]) / (energies[i + 1] - energies[i])
    return (1.0 - w) * curve[..., i] + w * curve[..., i + 1]


def inverse_parts(run: RunAxes) -> tuple[RealArray, RealArray]:
    """β̃ with broadening split by parity under n̂ → −n̂: (even, odd), (A, G, current, torque, M, T) in J/m².

    β̃_ij(n̂) = −(1/eV) ∫dE f' (E−μ) t_ji(−n̂) (38), with t_even(−n̂) = t_even(n̂) and t_odd(−n̂) = −t_odd(n̂).
    """
    weights = run.averages(1)
    even, odd = _torkance_parts(run)
    scale = _J_PER_M2 / run.volume
    return (
        scale * np.einsum("agije,mte->agjimt", even, weights),
        -scale * np.einsum("agije,mte->agjimt", odd, weights),
    )


def inverse_thermal_torque(run: RunAxes) -> list[Field]:
    """β̃ of J^Q = −β̃ [n̂ × ∂n̂/∂t]: with broadening (38), intrinsic by both routes (33) and (35), and the
    energy-current response B (27).

    In J/m². The two intrinsic routes share no code behind the matrix elements: (33) sums pairs of bands with thermal
    weights at the temperature, (35) integrates the T = 0 torkance over energy.
    """
    even, odd = inverse_parts(run)
    sign = "J^Q_i = −Σ_j β̃_ij [n̂ × ∂n̂/∂t]_j (30)"
    wide = ("n_hat", "gamma", "current", "torque", "mu", "temperature")
    narrow = ("n_hat", "current", "torque", "mu", "temperature")
    scale = _J_PER_M2 / run.volume
    direct = run.thermal(TORQUE_VELOCITY).transpose(0, 2, 1, 3, 4, 5) * scale
    by_energy = scale * run.sea_averages(TORQUE_VELOCITY, 1).swapaxes(1, 2)
    return [
        Field("beta_tilde_even", wide, even, "J/m^2", "inverse thermal torque, even", "(38)", sign, 1),
        Field("beta_tilde_odd", wide, odd, "J/m^2", "inverse thermal torque, odd", "(38)", sign, -1),
        Field(
            "beta_tilde_intrinsic",
            narrow,
            direct[:, :, :, 2],
            "J/m^2",
            "intrinsic inverse thermal torque",
            "(33)",
            sign,
            1,
        ),
        Field(
            "beta_tilde_intrinsic_by_energy",
            narrow,
            by_energy,
            "J/m^2",
            "intrinsic inverse thermal torque, from the energy integral of the torkance",
            "(35)",
            sign,
            1,
        ),
        Field(
            "energy_current_response",
            narrow,
            direct[:, :, :, 1],
            "J/m^2",
            "intrinsic energy-current response B",
            "(27)",
            sign,
            1,
        ),
    ]


def spiralization(run: RunAxes) -> list[Field]:
    """DMI spiralization D of F^DMI = Σ_ij D_ij ê_j·(n̂ × ∂n̂/∂r_i), at (μ, T) (32) and against Fermi energy at T = 0.

    D_ij(T, μ) = (1/NV) Σ {f A_ji + k_B T ln[1 + e^(−(E−μ)/k_BT)] B_ji}; in J/m², first index the direction of space.
    """
    scale = _J_PER_M2 / run.volume
    _, ground = run.sea(TORQUE_VELOCITY)
    direct = run.thermal(TORQUE_VELOCITY)[:, :, :, 0].transpose(0, 2, 1, 3, 4)
    sign = "free energy per volume F = Σ_ij D_ij ê_j·(n̂ × ∂_i n̂)"
    cell = {"meV_a0_per_cell_in_J_per_m2": units.MILLI_EV_A0 / (run.volume * units.ANGSTROM**3)}
    return [
        Field(
            "spiralization",
            ("n_hat", "current", "torque", "mu", "temperature"),
            direct * scale,
            "J/m^2",
            "DMI spiralization",
            "(32)",
            sign,
            1,
            cell,
        ),
        Field(
            "spiralization_ground_state",
            ("n_hat", "current", "torque", "energy"),
            ground.transpose(0, 2, 1, 3) * scale,
            "J/m^2",
            "DMI spiralization at T = 0",
            "(32), T → 0",
            sign,
            1,
            cell,
        ),
    ]


def expansion(run: RunAxes) -> list[Field]:
    """Lowest-order coefficients of the torkance in n̂ of a film with n-fold axis ẑ, fitted to all directions of the
    run.

    τ = t^(1,0) n̂ × (ẑ × E) + t^(2,0) n̂ × [n̂ × (ẑ × E)] + higher orders: the first index counts powers of n̂. t^(1,0)
    is fitted to the odd torkance, t^(2,0) to the even one, by least squares over directions and components; the
    residual is what the higher orders make up, as a fraction of the root mean square.
    """
    even, odd = _torkance_parts(run)
    fields = []
    for name, values, order in (("t_1_0", odd, 1), ("t_2_0", even, 2)):
        pattern = np.zeros((len(run.n_hat), 3, len(run.directions)))
        for a, n in enumerate(run.n_hat):
            for j, v in enumerate(run.directions):
                across = np.cross([0.0, 0.0, 1.0], np.eye(3)[v])
                vector = np.cross(n, across)
                pattern[a, :, j] = vector if order == 1 else np.cross(n, vector)
        norm = float((pattern**2).sum())
        coefficient = np.einsum("agije,aij->ge", values, pattern) / norm
        rest = values - np.einsum("ge,aij->agije", coefficient, pattern)
        size = np.sqrt((values**2).sum(axis=(0, 2, 3)))
        residual = np.divide(np.sqrt((rest**2).sum(axis=(0, 2, 3))), size, out=np.zeros_like(size), where=size > 0)
        label = f"t^({order},0)"
        a0 = units.BOHR_IN_ANGSTROM
        fields.append(
            Field(
                name,
                ("gamma", "energy"),
                coefficient / a0,
                "e*a0",
                f"expansion coefficient {label} of the torkance",
                "(56)",
            )
        )
        fields.append(
            Field(f"{name}_residual", ("gamma", "energy"), residual, "1", f"relative residual of the fit of {label}")
        )
    return fields
