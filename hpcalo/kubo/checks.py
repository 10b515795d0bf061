"""Checks of a Kubo result from its numbers alone: symmetries, reciprocity, sum rules between independent variables.

Equation numbers are those of J. Phys.: Condens. Matter 28, 316001 (2016), as in docs/theory/kubo.md. The thermal
averages here are plain quadratures of the stored curves and share no code with those that made the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import constants

from hpcalo.io.checks import Check, Real, below, finite, relative, untested
from hpcalo.io.dataset import Result
from hpcalo.io.netcdf import PARITIES
from hpcalo.kubo.plot.data import floor_of

KB = constants.k / constants.e  # eV/K
E_A0 = constants.e * constants.physical_constants["Bohr radius"][0]  # C m
UNDEFINED = ("gilbert_damping", "gyromagnetic_factor", "onsager_violation", "t_1_0_residual", "t_2_0_residual")
"""Variables that are NaN where they are not defined (no moment, no reversed direction)."""
EXACT = 1e-10
SAME = 1e-6  # two runs of the k sum with opposite magnetization
CURVE = 2e-3  # quadrature of a curve that is smooth on the energy grid
GRID = 5e-2  # what an energy grid may leave open in curves without broadening,
COARSE = 0.5  # and up to where that may be the reason


def checks(result: Result) -> list[Check]:
    """All checks for which the file holds the variables."""
    found = [finite(result, UNDEFINED)]
    for maker in (_parity, _reciprocity, _transposes, _definite, _curves, _routes, _counts, _motion):
        found += maker(result)
    return found


def hints(result: Result) -> list[tuple[str, str]]:
    """What the file tells about convergence, in words: (what, value)."""
    told: list[tuple[str, str]] = []
    full = result.attrs.get("k_points_full")
    grid = result.setting("kubo", "k", "grid")
    if full:
        told.append(("k mesh", f"{' × '.join(map(str, grid)) if grid else '?'}, {int(full):,} points of the full zone"))
    energies = np.asarray(result["energy"], dtype=float) if "energy" in result.coordinates else np.zeros(0)
    gammas = np.asarray(result["gamma"], dtype=float) if "gamma" in result.coordinates else np.zeros(0)
    if len(energies) > 1 and len(gammas):
        spacing, least = float(np.diff(energies).max()), float(gammas.min())
        judged = "at most Γ/3, as advised" if spacing <= least / 2.999 else "more than the advised Γ/3"
        told.append(("energy spacing", f"{1e3 * spacing:.3g} meV for Γ = {1e3 * least:.3g} meV: {judged}"))
    if full and len(gammas) and "density_of_states" in result.variables and len(energies) > 1:
        dos = float(np.interp(0.0, energies, np.asarray(result["density_of_states"], dtype=float)[0]))
        levels = float(full) * dos * 2.0 * float(gammas.min())
        told.append(
            (
                "levels within ±Γ of the reference energy",
                f"{levels:,.0f} on the mesh at the smallest Γ = {1e3 * float(gammas.min()):.3g} meV "
                "(few levels: noise; double the mesh and compare)",
            )
        )
    for name in ("torkance_intrinsic", "anomalous_hall"):
        if name in result.variables and len(energies) > 8:
            told.append((f"scatter of {name}", _scatter(np.asarray(result[name], dtype=float))))
    if _counts_here(result, "nernst_intrinsic") and _counts_here(result, "anomalous_hall"):
        target = np.asarray(result["nernst_intrinsic"], dtype=float)
        sampled = -100.0 * _average(result, np.asarray(result["anomalous_hall"], dtype=float), 1)
        gap = relative(target - sampled / np.asarray(result["temperature"], dtype=float), target)
        told.append(
            (
                "nernst_intrinsic from the Hall curve as sampled",
                f"differs by {gap:.2g}: the weight of resonances narrower than the energy grid, which only the "
                "thermal value has; it falls with a finer k mesh",
            )
        )
    return told


def _scatter(curve: Real) -> str:
    """Of neighbouring energies about their mean, relative to the curve's root mean square."""
    rough = curve[..., 1:-1] - 0.5 * (curve[..., 2:] + curve[..., :-2])
    size = float(np.sqrt((curve**2).mean()))
    if size == 0.0:
        return "zero"
    ratio = float(np.sqrt((rough**2).mean() / 1.5)) / size
    return f"{ratio:.2g} of its root mean square (spikes that move with the k mesh; thermal averages feel less of it)"


def _size(result: Result, name: str) -> float:
    values = np.asarray(result[name], dtype=float)
    return float(np.nanmax(np.abs(values), initial=0.0))


def _counts_here(result: Result, name: str) -> bool:
    """Whether the variable is there and larger than rounding errors."""
    return name in result.variables and _size(result, name) > floor_of(result, name)


def _partners(result: Result) -> list[tuple[int, int]]:
    """Places of opposite magnetizations."""
    if "n_vector" not in result.coordinates:
        return []
    n = np.asarray(result["n_vector"], dtype=float)
    return [(i, j) for i in range(len(n)) for j in range(i) if np.abs(n[i] + n[j]).max() < 1e-9]


def _parity(result: Result) -> Iterator[Check]:
    pairs = _partners(result)
    must = "largest relative difference of X(n̂) and ±X(−n̂), computed separately"
    found: dict[str, list[tuple[float, str]]] = {"even": [], "odd": []}
    for name, variable in result.variables.items():
        if variable.parity and variable.dims[:1] == ("n_hat",) and name not in UNDEFINED and _counts_here(result, name):
            data = np.asarray(variable.data, dtype=float)
            gaps = [relative(data[i] - variable.parity * data[j], data) for i, j in pairs]
            found[PARITIES[variable.parity]].append((max(gaps, default=0.0), name))
    for parity, values in found.items():
        name = f"Parity of what is {parity} in n̂"
        if not pairs:
            yield untested(name, must, "no two opposite directions n̂ in the run")
        elif values:
            worst, where = max(values, key=lambda v: (np.nan_to_num(v[0], nan=np.inf), v[1]))
            yield below(name, must, worst, SAME, f"{len(values)} variables, worst {where}")


def _reciprocity(result: Result) -> Iterator[Check]:
    volume = float(result.attrs.get("cell_volume_A3", 0.0)) * 1e-30
    for part, sign in (("even", -1.0), ("odd", 1.0)):
        tilde, beta = f"beta_tilde_{part}", f"beta_{part}"
        if volume > 0.0 and _counts_here(result, tilde) and _counts_here(result, beta):
            expected = sign / volume * np.asarray(result[beta], dtype=float).swapaxes(2, 3)
            expected = expected * np.asarray(result["temperature"], dtype=float)
            gap = np.asarray(result[tilde], dtype=float) - expected
            must = "β̃(n̂) = −(T/V) [β(−n̂)]ᵀ, largest relative deviation"
            yield below(f"Onsager relation (40), {part} part", must, relative(gap, expected), EXACT)
    if "onsager_matrix" not in result.variables:
        return
    name, must = "Onsager reciprocity of the whole matrix", "A(n̂) = [A(−n̂)]ᵀ, largest relative deviation of a block"
    pairs = _partners(result)
    if not pairs:
        yield untested(name, must, "no two opposite directions n̂ in the run")
        return
    matrix = np.asarray(result["onsager_matrix"], dtype=float)
    heat = sum(str(r).startswith("J") for r in result["onsager_row"])
    worst = 0.0
    for i, j in pairs:
        for rows in (slice(0, heat), slice(heat, None)):
            for columns in (slice(0, heat), slice(heat, None)):
                block = matrix[i][:, rows, columns]
                mirrored = matrix[j][:, columns, rows].swapaxes(1, 2)
                scale = np.sqrt(np.abs(matrix[i][:, rows, rows]).max() * np.abs(matrix[i][:, columns, columns]).max())
                if np.abs(block).max() > 1e-9 * scale:
                    worst = max(worst, relative(block - mirrored, block))
    yield below(name, must, worst, SAME)


def _transposes(result: Result) -> Iterator[Check]:
    for name, sign in (
        ("conductivity", 1.0), ("hall_conductivity", -1.0), ("lambda_symmetric", 1.0), ("lambda_antisymmetric", -1.0)
    ):  # fmt: skip
        if _counts_here(result, name):
            data = np.asarray(result[name], dtype=float)
            gap = relative(data - sign * data.swapaxes(2, 3), data)
            kind = "symmetric" if sign > 0 else "antisymmetric"
            yield below(f"{name} is {kind}", f"X_ij = {'' if sign > 0 else '−'}X_ji, relative", gap, EXACT)


def _definite(result: Result) -> Iterator[Check]:
    for name, words in (("conductivity", "Joule heat"), ("lambda_symmetric", "Gilbert damping")):
        if _counts_here(result, name):
            data = np.moveaxis(np.asarray(result[name], dtype=float), (2, 3), (-2, -1))
            if np.isfinite(data).all():
                least = float(np.linalg.eigvalsh(data).min()) / float(np.abs(data).max())
            else:
                least = -np.inf
            must = "−(smallest eigenvalue)/(largest element)"
            yield below(f"{words} is not negative (second law)", must, max(0.0, -least), EXACT)


def _average(result: Result, curve: Real, order: int) -> Real:
    """∫dE (−f′)(E − μ)^order X(E) for every μ and T by the trapezoid rule in (E − μ)/k_BT: (…, M, T)."""
    energies = np.asarray(result["energy"], dtype=float)
    x = np.linspace(-25.0, 25.0, 4001)
    flat = curve.reshape(-1, len(energies))
    mus, temperatures = (np.asarray(result[a], dtype=float) for a in ("mu", "temperature"))
    out = np.empty((len(flat), len(mus), len(temperatures)))
    for m, mu in enumerate(mus):
        for t, kt in enumerate(KB * temperatures):
            weight = 0.25 / np.cosh(0.5 * x) ** 2 * (kt * x) ** order
            at = np.array([np.interp(mu + kt * x, energies, row) for row in flat])
            out[:, m, t] = np.trapezoid(at * weight, x, axis=1)
    return out.reshape(*curve.shape[:-1], len(mus), len(temperatures))


CURVES: tuple[tuple[str, str, int, float, float, str], ...] = (
    ("beta_even", "torkance_even", 1, -E_A0, CURVE, "β = (1/e) ∫ f′ (E−μ)/T t(E) dE (39)"),
    ("beta_odd", "torkance_odd", 1, -E_A0, CURVE, "β = (1/e) ∫ f′ (E−μ)/T t(E) dE (39)"),
    ("nernst", "hall_conductivity", 1, -100.0, CURVE, "α = (1/e) ∫ f′ (E−μ)/T σ(E) dE (51)"),
    ("spiralization", "spiralization_ground_state", 0, 1.0, GRID, "D(μ, T) = −∫ f′ D(E) dE, from (32)"),
    ("orbital_magnetization", "orbital_magnetization_ground_state", 0, 1.0, GRID, "M(μ, T) = −∫ f′ M(E) dE, from (55)"),
)
"""Thermal variable, its curve at T = 0, power of E − μ, factor between their units, limit, equation."""


def _curves(result: Result) -> Iterator[Check]:
    """What belongs to a temperature follows from the curve against the Fermi energy."""
    for name, curve, order, factor, limit, equation in CURVES:
        if not (_counts_here(result, name) and _counts_here(result, curve)):
            continue
        title, must = f"Sum rule of {name}", f"{equation}, deviation relative to the largest value"
        temperatures = np.asarray(result["temperature"], dtype=float)
        energies = np.asarray(result["energy"], dtype=float)
        use = np.ones(len(temperatures), bool)
        if limit == GRID:  # such a curve has features narrower than the grid: temperature has to smooth them
            use = KB * temperatures >= float(np.diff(energies).max())
        if not use.any():
            yield untested(title, must, "no temperature is as large as the energy spacing")
            continue
        expected = factor * _average(result, np.asarray(result[curve], dtype=float), order)
        if order:
            expected = expected / temperatures
        target = np.asarray(result[name], dtype=float)
        gap = relative((target - expected)[..., use], target)
        remark = "" if use.all() else f"{use.sum()} of {len(use)} temperatures, k_BT at least the energy spacing"
        yield below(title, must, gap, limit, remark, coarse=COARSE if limit == GRID else 0.0)


def _routes(result: Result) -> Iterator[Check]:
    pair = ("beta_tilde_intrinsic", "beta_tilde_intrinsic_by_energy")
    if all(_counts_here(result, n) for n in pair):
        one, other = (np.asarray(result[n], dtype=float) for n in pair)
        must = "sum over pairs (33) and energy integral of the torkance (35), relative to the largest value"
        remark = "second order in the energy spacing; above the limit: take more energies"
        gap = relative(one - other, one)
        yield below("Two routes to the inverse thermal torque", must, gap, GRID, remark, coarse=COARSE)
    three = ("energy_current_response", "spiralization", "beta_tilde_intrinsic")
    if all(_counts_here(result, n) for n in three):
        response, dmi, tilde = (np.asarray(result[n], dtype=float) for n in three)
        must = "β̃ = B − D, relative to D"
        yield below("Heat current = energy current − DMI current", must, relative(response - dmi - tilde, dmi), EXACT)


def _counts(result: Result) -> Iterator[Check]:
    if not {"density_of_states", "electrons"} <= set(result.variables) or len(result["energy"]) < 2:
        return
    energies = np.asarray(result["energy"], dtype=float)
    density, count = (np.asarray(result[n], dtype=float) for n in ("density_of_states", "electrons"))
    steps = 0.5 * (density[:, 1:] + density[:, :-1]) * np.diff(energies)
    grown = count[:, -1] - count[:, 0]
    smear = float(result.variables["density_of_states"].attrs.get("smearing_eV", 0.0))
    edge = smear * float(density[:, [0, -1]].max())  # what the smearing carries across the ends
    must = "∫ DOS dE over the axis − growth of the electron count, less what the smearing carries across its ends"
    gap = np.max(np.abs(steps.sum(1) - grown))
    yield below("Density of states adds up to the electrons", must, max(0.0, float(gap) - edge), 0.02, unit="per cell")
    falls = float(np.max(-np.diff(count, axis=1), initial=0.0))
    must = "largest fall of the electron count, and of the density of states below zero"
    yield below("Counts do not fall", must, max(falls, float(-density.min()), 0.0), 1e-9)


def _motion(result: Result) -> Iterator[Check]:
    """(63) and its like for the cycloid: J_x = +X_xy w q, with q = 2π/λ."""
    given: Any = result.setting("kubo", "heat_currents") or {}
    if not {"wavelength", "velocity"} <= set(given):
        return
    wq = 2.0 * np.pi / (1e-9 * float(given["wavelength"])) * float(given["velocity"])
    tilde = ("beta_tilde_even", "beta_tilde_odd")
    for name, parts in (("heat_current_spiral", tilde), ("dmi_current_spiral", ("spiralization",))):
        if not _counts_here(result, name) or any(p not in result.variables for p in parts):
            continue
        currents, torques = ([str(c) for c in result[a]] for a in ("current", "torque"))
        if "x" not in currents:
            continue
        i, j = currents.index("x"), torques.index("y")
        total = sum(np.asarray(result[p], dtype=float)[0] for p in parts)
        expected = wq * np.asarray(total)[..., i, j, :, :]
        gap = relative(np.asarray(result[name], dtype=float) - expected, expected)
        symbol = "β̃" if parts == tilde else "D"
        yield below(f"{name} in closed form", f"J_x = {symbol}_xy w 2π/λ (63), relative", gap, EXACT)
