"""What the published procedure gives, row by row, against numbers of another program (the physics notes, section 4).

That program called the wall settled when both |<M_x>| and |<M_y>|, means over the nodes, stayed below 0.05, looked at
in steps of 0.25, and had 48 momenta from one end of the window to the other; with the same two its numbers come out.
"""

from __future__ import annotations

import numpy as np
import pytest

from hpcalo.wall.config import Drive, Magnet, Paper, Texture, WallInput, WallSection
from hpcalo.wall.published.evolution import evolve
from hpcalo.wall.published.model import PaperModel

POINTS = 48
LOOKED = 0.25 / 8.75  # the other program's resolution of a settling time


def model(gradient=2.0, e_field=-8e3, temperature=100.0, damping=0.2, **options):
    return PaperModel(
        WallInput(
            wall=WallSection(model="paper"),
            drive=Drive(electric_field=e_field, gradient=gradient, temperature=temperature),
            texture=Texture(width=5.0),
            magnet=Magnet(damping=damping),
            paper=Paper(**{"cells": 31, "points": 12, "step": 0.5, "steps": 30, **options}),
        )
    )


def settled(r):
    """When the mean of M is along z to 0.05, in hbar/(J C max|m|); NaN if it is not at the end."""
    away = np.abs(r.m[:, :, :2].mean(axis=1)).max(axis=1)
    k = np.flatnonzero(away > 0.05)[-1] + 1
    if k == len(away):
        return np.nan
    return r.s[k - 1] + (r.s[k] - r.s[k - 1]) * (away[k - 1] - 0.05) / (away[k - 1] - away[k])


def time(**o):
    """The same in hbar/(J C), for one normalization C."""
    r = evolve(model(**o))
    return settled(r) / r.max_m


def window(low, high):
    """Momenta from low to high, both included."""
    half = 0.5 * (high - low) / (POINTS - 1)
    return {"window": (low - half, high + half), "points": POINTS, "cells": 21}


TAILS = [  # kappa (K/nm) or T0 (K) at kappa = 5 -> t_s in ns, 0.15 at kappa = 2
    ((1.18, 1.6), {0.5: 0.153, 6.0: 0.142}, {150.0: 0.098, 250.0: 0.061}),
    ((1.3, 1.8), {0.5: 0.166, 1.0: 0.160, 4.0: 0.135, 6.0: 0.125}, {150.0: 0.020, 250.0: 0.004}),
    ((1.5, 2.0), {0.5: 0.179, 4.0: 0.130}, {150.0: 0.001}),
]


@pytest.mark.parametrize(("ends", "by_gradient", "by_temperature"), TAILS)
def test_empty_tail_has_both_trends_and_not_the_numbers(ends, by_gradient, by_temperature):
    """Above E_F + J/2 with G along +M and u_x < 0: faster with kappa, as published, but never 1.53 and 0.53 times the
    time at kappa = 2, and faster with T0 by orders of magnitude."""
    o = {**window(*ends), "equilibrium": "+gM", "convention": "moment", "steps": 60 if ends[0] == 1.5 else 25}
    unit = 0.15 / time(**o)
    found = {kappa: unit * time(gradient=kappa, **o) for kappa in by_gradient}
    for kappa, listed in by_gradient.items():
        assert found[kappa] == pytest.approx(listed, abs=1.0e-3)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert found[0.5] / 0.15 < 1.25 < 0.23 / 0.15
    if 6.0 in found:
        assert found[6.0] / 0.15 > 0.8 > 0.08 / 0.15
    for temperature, listed in by_temperature.items():
        assert unit * time(gradient=5.0, temperature=temperature, **o) == pytest.approx(listed, abs=0.6e-3)


def test_printed_sign_of_u_turns_the_trend_of_the_tail():
    """u_x > 0 as printed: slower with kappa, 0.82 and 1.31 times. At 4 K/nm M creeps to its end: 1.17 to 1.26 on meshes
    of 31 to 101 nodes and 48 momenta, with or without both ends, 1.4 if 0.03 is what counts as settled.
    """
    o = {**window(1.3, 1.8), "equilibrium": "-gM", "steps": 40}
    reference = time(**o)
    assert time(gradient=0.5, **o) / reference == pytest.approx(0.82, abs=0.01)
    assert 1.1 < time(gradient=4.0, **o) / reference < 1.35


@pytest.mark.parametrize(
    ("ends", "velocity", "listed"),
    [((1.0, 1.5), -1.93e5, 0.153), ((0.02, 1.5), 1.93e5, 0.146)],
)
def test_windows_with_the_fermi_level(ends, velocity, listed):
    """No trend with kappa, a small one with T0; slow electrons need a finer mesh in x."""
    o = {**window(*ends), "equilibrium": "-gM", "velocity": velocity, "cells": 51}
    unit = 0.15 / time(**o)
    assert unit * time(gradient=0.5, **o) == pytest.approx(0.150, abs=0.5e-3)
    assert unit * time(gradient=5.0, temperature=250.0, **o) == pytest.approx(listed, abs=0.7e-3)


@pytest.mark.parametrize(
    "o",
    [
        {"force": True},
        {"force": True, "convention": "moment", "equilibrium": "+gM"},
        {"collision": "bgk3d", "equilibrium": "-gM", "cells": 11, "steps": 22},
    ],
)
def test_no_choice_brings_the_published_trend(o):
    """Force and collisions that conserve: 5 % at most between 0.5 and 6 K/nm, where 1.53 and 0.53 were published."""
    unit = 1.0 / time(**o)
    for gradient in (0.5, 6.0):
        assert unit * time(gradient=gradient, **o) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("equilibrium", "end"), [("cosM", None), ("M", 0.0), ("+gM", 0.0), ("-gM", 0.0), ("+gz", -1.0), ("-gz", 1.0)]
)
def test_symmetric_window_does_not_align_with_the_left_domain(equilibrium, end):
    """Inflow from both sides, all kinds of <G>: M_z -> 1 only if <G> itself is along the fixed z."""
    r = evolve(model(window=(-1.5, 1.5), points=24, equilibrium=equilibrium, steps=40))
    if end is None:
        assert np.abs(r.m[-1] - r.m[-3]).max() > 0.1  # still moving
        assert r.m[-1, :, 2].min() < 0.5
    else:
        assert r.m[-1, :, 2].mean() == pytest.approx(end, abs=0.05)


def test_damping_is_not_what_aligns():
    times = [time(damping=a) for a in (0.1, 0.2, 0.4)]
    np.testing.assert_allclose(np.array(times) / times[1], [1.06, 1.0, 0.89], atol=LOOKED)


def test_literal_damping_aligns_every_spin():
    assert evolve(model(alpha_form="literal", steps=80)).m[-1, :, 2].min() > 0.999


def test_reversed_torque_turns_all_but_the_first_spin():
    r = evolve(model(torque_sign=1, steps=50))
    assert r.m[-1, :, 2].mean() == pytest.approx(-0.96, abs=0.03)
    assert r.m[-1, 0, 2] > 0.99


@pytest.mark.parametrize(("c", "mean"), [(0.01, 1.000), (0.1, 0.986), (1.0, 0.28)])
def test_final_state_in_the_published_field(c, mean):
    """H = c M(x, 0): the mean of M_z at the end."""
    assert evolve(model(field=c, steps=70, cells=51)).m[-1, :, 2].mean() == pytest.approx(mean, abs=3e-3)


def test_equation_17_alone_does_not_settle():
    """With central differences it is the torque to first order in the spacing, and M never comes to rest; with the
    differences of the kinetic equation it is the same torque to round-off and M does."""
    errors = []
    for cells in (51, 101, 201):
        p = model(cells=cells, points=24)
        s = p.steady(p.m0)
        errors.append(np.abs(p.centred(p.m0, s) - s.torque).max() / np.abs(s.torque).max())
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 1.0, atol=0.1)
    r = evolve(model(torque="centred", steps=60))
    assert np.abs(r.m[-1] - r.m[-3]).max() > 0.1
    assert r.m[-1, :, 2].mean() < 0.8
    assert np.isfinite(settled(evolve(model(torque="divergence"))))


def test_time_does_not_depend_on_the_mesh():
    """8.60 in steps of 0.1."""
    times = [
        settled(evolve(model(**o)))
        for o in ({}, {"cells": 51}, {"cells": 101}, {"points": 48}, {"step": 0.25, "steps": 60})
    ]
    np.testing.assert_allclose(times, 8.60, atol=0.125)


def test_published_charge_current_is_not_uniform():
    """j_e varies by 81 % over the wall at kappa = 6, and by 0.2 % without the source u_x M'.G."""
    currents = []
    for velocity in (1.93e5, 0.0):
        p = model(gradient=6.0, velocity=velocity, cells=101, points=24)
        j = p.steady(p.m0).charge_current
        currents.append(np.ptp(j) / np.abs(j).mean())
    assert currents[0] == pytest.approx(0.81, abs=0.005)
    assert currents[1] < 2.5e-3
