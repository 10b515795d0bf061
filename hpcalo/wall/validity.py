"""Checks of the input as a whole, before anything is computed: errors name the number that would do, warnings are
texts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo.errors import InputError
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.config import WallInput
from hpcalo.wall.electrons.temperature import temperature
from hpcalo.wall.grid import RESERVOIR_DISTANCE
from hpcalo.wall.magnetism.texture import wall_parameter
from hpcalo.wall.solvers.options import SolverOptions
from hpcalo.wall.units import K_B

CELLS_PER_WALL = (2.0, 4.0)  # nodes per wall parameter D: error below, warning below
TAIL = 1e-3  # occupation at the momentum cutoff that is still allowed
QUADRATURE = (0.1, 1e-3)  # relative error of midpoint sums over the Fermi edge: error above, warning above
BETA = 0.02  # relative error of the nonadiabaticity by the spacing: warning above
UPWIND = 0.05  # numerical part of the published model's diffusion where it decides the field: warning above
LONG_PATH = 20.0  # tau (fs) beyond which the iterative solver is known to be slow with the force term

PAPER_TABLES = frozenset({"paper", "execution", "scan"})  # what the published model reads wholly, and in part:
PAPER_KEYS: Mapping[str, frozenset[str]] = {
    "wall": frozenset({"model", "title"}),
    "electrons": frozenset(
        {"fermi_energy", "exchange_splitting", "mass", "relaxation_time", "spin_flip_time", "g_factor"}
    ),
    "magnet": frozenset({"saturation_magnetization", "damping"}),
    "texture": frozenset({"width"}),
    "drive": frozenset({"temperature", "gradient", "electric_field", "circuit"}),
    "output": frozenset({"file"}),
}
PAPER_FULL: Mapping[str, frozenset[str]] = {  # and with the whole effective field
    "magnet": frozenset(
        {
            *("exchange_stiffness", "anisotropy", "hard_anisotropy", "demagnetization", "interfacial_dmi", "bulk_dmi"),
            *("gyromagnetic_ratio", "thermal"),
        }
    ),
    "drive": frozenset({"zeeman"}),
}


def check_settings(s: WallInput) -> list[str]:
    """Warnings for a calculation that can run. Raises InputError for one that cannot or must not."""
    if s.wall.model == "paper":
        return _paper(s)
    SolverOptions(s.solver.petsc)  # refuses the options that are not the user's to set
    return _consistent(s)


def _carriers(s: WallInput) -> eq.Carriers:
    return eq.carriers_from(s.electrons, s.momentum.points, s.momentum.cutoff, s.drive.temperature)


def _bands(s: WallInput) -> list[str]:
    e = s.electrons
    if e.exchange_splitting > 2.0 * e.fermi_energy:
        return [
            f"electrons.exchange_splitting: J_ex = {e.exchange_splitting:g} eV > 2 E_F = {2 * e.fermi_energy:g} eV: "
            "the minority band is empty (half metal)"
        ]
    return []


def _consistent(s: WallInput) -> list[str]:
    warnings = _bands(s)
    dx = s.wire.length / (s.wire.cells - 1)
    if s.texture.kind == "wall":
        warnings += _wall(s, wall_parameter(s.magnet, s.texture), dx)
    elif s.texture.kind in {"half-circle", "spiral"}:
        if s.texture.width is None and s.texture.kind == "spiral":
            raise InputError("texture.width: a spiral needs its period")
        full = s.texture.width or wall_parameter(s.magnet, s.texture)
        if s.texture.kind == "half-circle" and full > s.wire.length:
            raise InputError(f"texture.width: the wall of {full:g} nm is wider than the wire of {s.wire.length:g} nm")
        turn = (np.pi if s.texture.kind == "half-circle" else 2 * np.pi) * dx / full
        if turn > 0.5:
            need = int(np.ceil(s.wire.length / (0.5 * dx / turn))) + 1
            raise InputError(
                f"wire.cells: neighbouring spins differ by {turn:.2f} rad; at least {need} cells are needed"
            )
    x = np.array([0.0, 0.5 * s.wire.length, s.wire.length])
    t = temperature(s.drive, s.wire.length, x)
    if t.min() <= 0.0:
        raise InputError(
            f"drive.gradient: T(x) falls to {t.min():.4g} K on the wire; "
            f"shorten wire.length or drive.ramp_length to below "
            f"{2 * s.drive.temperature / abs(s.drive.gradient):.4g} nm, or use drive.profile = 'uniform'"
        )
    warnings += _linear_response(s)
    if s.electrons.spin_torque or s.drive.circuit != "field":  # else nothing depends on the electrons
        _times(s)
        warnings += _momentum(s, float(t.min()), float(t.max())) + _nonadiabaticity(s)
    warnings += _time(s)
    c = _carriers(s)
    if s.electrons.force and s.electrons.relaxation_time > LONG_PATH and s.solver.method == "krylov":
        warnings.append(
            f"electrons.relaxation_time: mean free path {c.mean_free_path:.3g} nm with the force term: the iterative "
            "solver needs about one iteration per fs of it; solver.method = 'direct' needs none"
        )
    return warnings


def _linear_response(s: WallInput) -> list[str]:
    """T0 + kappa x <= 0 somewhere on a wire whose coefficients are taken at T0."""
    d = s.drive
    if d.profile != "uniform" or d.temperature > 0.5 * abs(d.gradient) * s.wire.length:
        return []
    reach = d.temperature / abs(d.gradient)
    return [
        f"drive.gradient: linear response: all coefficients are those at {d.temperature:g} K; T0 + kappa x itself is "
        f"positive only within {reach:.4g} nm of the middle of the wire, {2 * reach:.4g} nm of its {s.wire.length:g} nm"
    ]


def _times(s: WallInput) -> None:
    """Every collision relaxes the momentum, those that flip the spin too: 1/tau_sf is a part of 1/tau."""
    tau, flip = s.electrons.relaxation_time, s.electrons.spin_flip_time
    if flip < tau:
        raise InputError(
            f"electrons.spin_flip_time: {flip:g} fs is shorter than relaxation_time = {tau:g} fs: scattering that "
            "keeps the spin would have the negative rate 1/tau - 1/tau_sf"
        )


def _wall(s: WallInput, d: float, dx: float) -> list[str]:
    warnings = []
    length = s.wire.length
    if 2.0 * d > length:
        raise InputError(f"wire.length: the wall (2 D = {2 * d:.4g} nm) is wider than the wire ({length:g} nm)")
    per_wall = d / dx
    if per_wall < CELLS_PER_WALL[0]:
        need = int(np.ceil(CELLS_PER_WALL[0] * length / d)) + 1
        raise InputError(
            f"wire.cells: dx = {dx:.3g} nm is too coarse for D = {d:.3g} nm; at least {need} cells are needed"
        )
    if per_wall < CELLS_PER_WALL[1]:
        need = int(np.ceil(CELLS_PER_WALL[1] * length / d)) + 1
        warnings.append(
            f"wire.cells: only {per_wall:.1f} cells per wall parameter; {need} cells give {CELLS_PER_WALL[1]:g}"
        )
    centre = 0.5 * length if s.texture.centre is None else s.texture.centre
    room = min(centre, length - centre)
    if room < 0.0:
        raise InputError(f"texture.centre: {centre:g} nm is outside the wire of {length:g} nm")
    if room < RESERVOIR_DISTANCE * d:
        warnings.append(
            f"wire.length: the reservoirs are {room / d:.1f} D from the wall; {2 * RESERVOIR_DISTANCE * d:.4g} nm keep "
            f"them {RESERVOIR_DISTANCE:g} D away"
        )
    return warnings


def beta_error(c: eq.Carriers, d: float, dx: float) -> float:
    """Relative error of the nonadiabaticity beta of a wall with parameter d on a mesh of spacing dx (nm), about.

    Second order in dx, from two lengths that the wall turns through: the transverse length of D_s hbar/J, damped by
    the precession within tau, and the spin-flip length of D_s tau_sf, with D_s = tau v_F^2/3. The forms are those of
    the spin balance; the numbers 0.2, 0.03 and 1.6 were fitted to beta on meshes refined from d/4 to d/16, with
    d = 1 ... 20 nm, tau = 1 ... 19 fs, J = 0.02 ... 0.2 eV, xi = 1.6 ... 1600: good to a factor of 2 (half metals: 3).
    """
    turn = c.precession * c.tau
    damped = 1.0 + turn**2
    diffusion = c.tau * c.fermi_velocity**2 / 3.0
    across = diffusion / c.precession / damped
    along = diffusion * c.tau_sf
    slope = 0.2 * across + 0.03 * along * (turn / damped) / (1.0 + 1.6 * along / d**2)
    return slope * dx**2 / d**4 / (1.0 / c.xi + across / (3.0 * d**2))


def _nonadiabaticity(s: WallInput) -> list[str]:
    c = _carriers(s)
    if s.texture.kind != "wall" or c.exchange == 0.0:
        return []
    d = wall_parameter(s.magnet, s.texture)
    error = beta_error(c, d, s.wire.length / (s.wire.cells - 1))
    if error <= BETA:
        return []
    need = int(np.ceil((s.wire.cells - 1) * np.sqrt(error / BETA) * (1.0 + 1e-9))) + 1
    return [
        f"wire.cells: the spacing makes an error of about {error:.1%} of the nonadiabaticity beta (transverse and "
        f"spin-flip length against D = {d:.3g} nm); {need} cells give {BETA:.1%}"
    ]


def _momentum(s: WallInput, coldest: float, hottest: float) -> list[str]:
    c = _carriers(s)
    cutoff = s.momentum.cutoff * c.fermi_momentum
    above = (cutoff**2 / (2 * c.mass) - c.fermi_energy - c.exchange / 2) / (K_B * hottest)
    if above < -np.log(TAIL):
        energy = c.fermi_energy + c.exchange / 2 - np.log(TAIL) * K_B * hottest
        need = np.sqrt(2 * c.mass * energy) / c.fermi_momentum
        raise InputError(
            f"momentum.cutoff: {s.momentum.cutoff:g} cuts occupied states off at {hottest:.4g} K; "
            f"at least {need:.3f} is needed"
        )
    # The midpoint rule misses the Fermi edge of width kT by 2 exp(-2 pi^2 kT m/(p_F dp)).
    ratio = K_B * coldest * c.mass / (c.fermi_momentum * cutoff)  # times `points`
    error = 2.0 * np.exp(-2.0 * np.pi**2 * ratio * s.momentum.points)
    need = [int(np.ceil(-np.log(limit / 2.0) / (2.0 * np.pi**2 * ratio))) for limit in QUADRATURE]
    if error > QUADRATURE[0]:
        raise InputError(
            f"momentum.points: {s.momentum.points} do not resolve the Fermi edge at {coldest:.4g} K; "
            f"at least {need[0]} are needed"
        )
    if error > QUADRATURE[1]:
        return [
            f"momentum.points: quadrature error about {error:.1%} at {coldest:.4g} K; "
            f"{need[1]} points give {QUADRATURE[1]:.1%}"
        ]
    return []


def _time(s: WallInput) -> list[str]:
    if s.wall.mode == "steady":
        return []
    if s.wall.mode == "time-dependent" and not s.electrons.spin_torque:
        raise InputError(
            "electrons.spin_torque: false needs wall.mode = 'quasi-static'; time-dependent steps electrons"
        )
    if s.wall.mode == "time-dependent" and s.time.integrator == "rk":
        raise InputError("time.integrator: 'rk' is explicit; time-dependent mode takes arkimex, bdf, rosw or cn")
    if (
        s.wall.mode == "time-dependent"
        and s.time.integrator == "cn"
        and s.time.first_step * _carriers(s).precession > 2
    ):
        return [
            "time.integrator: 'cn' does not damp precession that the step does not resolve; bdf, arkimex and rosw do"
        ]
    if s.wall.mode == "quasi-static" and s.time.refresh == "stage" and s.time.integrator != "rk":
        raise InputError("time.refresh: 'stage' needs time.integrator = 'rk'; the others take 'step' or 'interval'")
    if s.time.output_every > s.time.end:
        raise InputError(f"time.output_every: {s.time.output_every:g} ns is longer than time.end = {s.time.end:g} ns")
    return []


def _unused(s: WallInput) -> list[str]:
    """Keys that are not at their defaults and that the published model does not read."""
    out = []
    full = PAPER_FULL if s.paper.effective_field == "full" else {}
    for name in type(s).model_fields:
        table = getattr(s, name)
        keys = PAPER_KEYS.get(name, frozenset()) | full.get(name, frozenset())
        if name == "drive" and s.drive.circuit == "current":
            keys |= {"current_density"}
        if name in PAPER_TABLES or table is None:
            continue
        for key, field in type(table).model_fields.items():
            if key not in keys and getattr(table, key) != field.get_default(call_default_factory=True):
                out.append(f"{name}.{key}")
    return out


def _paper_choices(s: WallInput, hottest: float) -> None:
    """Choices that only mean something together. Raises InputError."""
    o = s.paper
    if s.drive.circuit != "field":
        if o.collision == "paper":
            raise InputError(
                f"drive.circuit: with the published collisions charge is not conserved and no one current flows; "
                f"'{s.drive.circuit}' needs paper.collision = 'bgk3d'"
            )
        if o.velocity != 0.0 and not o.force:
            raise InputError(
                f"drive.circuit: u_x without the force creates and destroys charge along the wall; '{s.drive.circuit}' "
                "needs paper.force = true or paper.velocity = 0"
            )
        if o.window[0] != -o.window[1]:
            raise InputError(
                f"drive.circuit: '{s.drive.circuit}' needs electrons of both directions: a paper.window from -w to w, "
                f"not {list(o.window)}"
            )
    if o.collision == "bgk3d":
        _times(s)
    if s.electrons.exchange_splitting == 0.0:
        raise InputError("electrons.exchange_splitting: with 0 there is no torque, and no unit of the published time")
    law = s.magnet.thermal
    if o.effective_field == "full" and law is not None and hottest >= law.curie_temperature:
        raise InputError(
            f"magnet.thermal.curie_temperature: {law.curie_temperature:g} K is reached in the box ({hottest:.1f} K)"
        )


def _paper(s: WallInput) -> list[str]:
    if s.wall.continue_from is not None:
        raise InputError("wall.continue_from: the published model begins with its own wall; leave it out")
    if s.electronic_structure is not None:
        raise InputError("electronic_structure: the published model has no place for it; use wall.model = 'consistent'")
    width = s.texture.width or 5.0
    t = s.drive.temperature + s.drive.gradient * np.array([0.0, width])
    if t.min() <= 0.0:
        raise InputError(f"drive.gradient: T(x) falls to {t.min():.4g} K in the box of {width:g} nm")
    _paper_choices(s, float(t.max()))
    step, path = width / (s.paper.cells - 1), s.electrons.relaxation_time * 0.5 * _carriers(s).fermi_velocity
    warnings = _bands(s)
    added = 0.25 * step / path  # |v| dx/2 against v^2 tau
    if s.drive.circuit != "field" and s.drive.gradient != 0.0 and added > UPWIND:
        need = int(np.ceil((s.paper.cells - 1) * added / UPWIND)) + 1
        warnings.append(
            f"drive.circuit: first-order upwind adds about {added:.0%} to the thermal current, and to the field that "
            f"balances it; {need} cells make that {UPWIND:.0%}"
        )
    if unused := _unused(s):
        warnings.append(f"wall.model: the published model does not use {', '.join(unused)}")
    if step > path:
        need = int(np.ceil(width / path)) + 1
        warnings.append(
            f"paper.cells: dx = {step:.3g} nm is coarse for the mean free path (first-order upwind); "
            f"{need} cells resolve it"
        )
    return warnings
