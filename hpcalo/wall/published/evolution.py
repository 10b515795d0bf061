"""The published procedure in time: LLG with the torque of the steady electrons, settling, normalization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpcalo import units
from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.published.field import FullField, Rate
from hpcalo.wall.published.model import PaperModel
from hpcalo.wall.published.parts import Parts, parts
from hpcalo.wall.published.solution import Solution
from hpcalo.wall.units import HBAR, MOMENT_VOLUME

SETTLED = 0.01
"""Deviation of M_z from the final direction at which a spin has settled."""


@dataclass(frozen=True)
class Trajectory:
    """Magnetization M (times, nodes, 3) at times `s` in units of hbar/(J C max|m(0)|); `max_m` the raw max|m(0)|.

    All on the nodes x of the wall, with the `temperature` (nodes,) in K there. xi = J tau_sf/hbar.
    `settled`: first s at which every spin is within 0.01 of the final direction's z component, NaN if none. `unit_ns`:
    one unit of s in ns for the normalization in force, `magnetization_per_m` C.
    """

    x: RealArray
    temperature: RealArray
    xi: float
    s: RealArray
    m: RealArray
    max_m: float
    settled: float
    unit_ns: float
    magnetization_per_m: float
    initial: Solution
    final: Solution
    initial_parts: Parts
    final_parts: Parts


def physical_maximum(model: PaperModel) -> float:
    """g mu_B P n/(2 M_s) with P and n of the 3D bands at T = 0: max|m| in units of M_s if taken literally."""
    c, e = model.c, model.settings.electrons
    energies = np.array([c.fermi_energy + c.exchange / 2, max(c.fermi_energy - c.exchange / 2, 0.0)])
    k = np.sqrt(2.0 * c.mass * energies) / HBAR
    number = k**3 / (6.0 * np.pi**2) * 1e27
    difference = float(number[0] - number[1])
    ms = model.settings.magnet.saturation_magnetization
    return e.g_factor * units.BOHR_MAGNETON * difference / (2.0 * ms)


def largest(m: RealArray) -> float:
    """max|m| of m (nodes, 3). Raises ConvergenceError where it is no scale."""
    top = float(np.abs(np.linalg.norm(m, axis=1)).max())
    if not 0.0 < top < np.inf:
        raise ConvergenceError("paper model: no spin accumulation, the time unit is undefined")
    return top


def normalization(model: PaperModel) -> float:
    """C of an input: the given one, or the one that expresses m in units of M_s.

    Of a scan it is that of the input without [scan], for all points: with one C of each point's own max|m| a settling
    time could not depend on the size of m. Raises ConvergenceError.
    """
    o, s = model.options, model.settings
    if o.normalization is not None:
        return o.normalization
    if o.collision == "paper":
        return physical_maximum(model) / largest(model.steady(model.m0).m)
    return s.electrons.g_factor * MOMENT_VOLUME / s.magnet.saturation_magnetization  # m is a density


def evolve(
    model: PaperModel,
    begun: RealArray | None = None,
    on_step: Callable[[list[RealArray]], None] | None = None,
    *,
    c_per_m: float | None = None,
) -> Trajectory:
    """LLG with the published torque, electrons solved in every stage, |M| = 1 after each step.

    Fourth-order Runge-Kutta, or implicit with the whole effective field (`field`).

    `begun` (steps + 1, nodes, 3): the magnetizations of an earlier run's first steps, to go on from to the same bits.
    `on_step` is called after every step with those so far. `c_per_m`: C; that of the model alone by default. Raises
    ConvergenceError.
    """
    o, magnet = model.options, model.settings.magnet
    equation, whole = model.solved(model.m0)
    first = whole.behind(model.left)
    top = largest(first.m)
    c_per_m = normalization(model) if c_per_m is None else c_per_m
    alpha = magnet.damping if o.alpha_form == "unit" else magnet.damping / magnet.saturation_magnetization
    if not 0.0 < model.c.precession * c_per_m * top < np.inf:
        raise ConvergenceError("paper model: the torque of so small or large a C max|m| sets no unit of time")
    per_s = 1.0 / (model.c.precession * c_per_m * top)  # fs
    full = None
    if o.effective_field == "full":
        full = FullField(model.settings, model.length, model.temperature, per_s, alpha)
    rate = _rate(model, full, alpha, 1.0 / (model.c.precession * top))  # torque in units of (J/hbar) max|m|
    frames = [model.m0.copy()] if begun is None else list(begun)
    m = frames[-1]
    for k in range(len(frames) - 1, o.steps):
        s = o.step * k
        if full is None:
            m = _runge_kutta(rate, m, s, o.step)
        else:
            m = full.step(m, s, s + o.step, rate, model.steady(m).m, -model.torque_sign / top)
        m = m / np.linalg.norm(m, axis=1, keepdims=True)
        if not np.isfinite(m).all():
            raise ConvergenceError(f"paper model: the magnetization is not finite after step {k + 1} of {o.step:g}")
        frames.append(m)
        if on_step is not None:
            on_step(frames)
    path, times = np.array(frames), np.asarray(o.step * np.arange(o.steps + 1), dtype=np.float64)
    settled = settling(path, times, o.step)
    at_end, whole_at_end = model.solved(m)
    return Trajectory(
        x=model.x, temperature=model.temperature, xi=model.c.xi, s=times, m=path, max_m=top, settled=settled,
        unit_ns=per_s * 1e-6, magnetization_per_m=c_per_m, initial=first, final=whole_at_end.behind(model.left),
        initial_parts=parts(equation, whole), final_parts=parts(at_end, whole_at_end),
    )  # fmt: skip


def _rate(model: PaperModel, full: FullField | None, alpha: float, scale: float) -> Rate:
    """dM/ds (nodes, 3) as a function of M (nodes, 3) and s."""
    o = model.options

    def rate(m: RealArray, at: float) -> RealArray:
        if o.torque == "m":
            torque = model.torque(m)
        else:
            state = model.steady(m)
            torque = state.torque_divergence if o.torque == "divergence" else model.centred(m, state)
        t = model.torque_sign * scale * torque
        t = t - o.field * np.cross(m, model.m0) if full is None else t + full.torque(m, at)
        return np.asarray((t + alpha * np.cross(m, t)) / (1.0 + alpha * alpha))

    return rate


def _runge_kutta(rate: Rate, m: RealArray, s: float, h: float) -> RealArray:
    k1 = rate(m, s)
    k2 = rate(m + h / 2 * k1, s)
    k3 = rate(m + h / 2 * k2, s)
    k4 = rate(m + h * k3, s)
    return np.asarray(m + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))


def settling(path: RealArray, times: RealArray, step: float) -> float:
    """First time at which every spin of path (times, nodes, 3) is within SETTLED of the final direction.

    NaN if none; linear between the last step outside and the first one inside.
    """
    final = np.sign(path[-1, :, 2].mean())
    distance = np.abs(path[:, :, 2] - final).max(axis=1)
    outside = np.flatnonzero(distance > SETTLED)
    begin = 0 if outside.size == 0 else int(outside[-1]) + 1
    if begin == len(times):
        return float("nan")
    if begin == 0:
        return float(times[0])
    d0, d1 = distance[begin - 1], distance[begin]
    return float(times[begin - 1] + step * (d0 - SETTLED) / (d0 - d1))
