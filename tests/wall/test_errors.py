"""Errors of the wall's numbers: what is told against finer meshes, what is said of it, and where it is kept."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from hpcalo.io.dataset import Variable
from hpcalo.wall import errors
from hpcalo.wall.closing import Number, doubts, table
from hpcalo.wall.config import WallInput
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.frames import frames
from hpcalo.wall.magnetism.texture import measure
from hpcalo.wall.steps_error import velocity_error
from hpcalo.wall.validity.settings import check_settings


def settings(mode="steady", **tables):
    base = {
        "wall": {"mode": mode},
        "electrons": {"conductivity": 1.26e6},
        "magnet": {"damping": 0.02},
        "wire": {"length": 80.0, "cells": 81},
        "momentum": {"points": 48},
        "drive": {"temperature": 100.0, "gradient": 1.0, "circuit": "open"},
    }
    return WallInput.model_validate(
        {name: {**base.get(name, {}), **tables.get(name, {})} for name in {**base, **tables}}
    )


def last(s) -> dict[str, Variable]:
    """The numbers of the last output with their errors."""
    sim = Simulation(s, MPI.COMM_SELF)
    (frame,) = frames(sim, sim.start(), 0, {})
    return {v.name: v for v in frame.variables if not v.dims}


@pytest.mark.parametrize("cells", [60, 81])
def test_error_of_the_cells(cells):
    """Within a third of the true one, against a mesh with eight times the cells; u is that of the drive on any mesh."""
    told, true = (last(settings(wire={"cells": n}, drive={"temperature": 200.0})) for n in (cells, 641))
    assert float(told["u"].data) == pytest.approx(float(true["u"].data), rel=2e-5)
    for name in ("u", "beta", "wall_velocity", "energy_total"):
        error = abs(float(told[name].data) - float(true[name].data))
        assert float(told[name].error) == pytest.approx(error, rel=0.33), name


@pytest.mark.parametrize(
    ("points", "drive"),
    [(12, {}), (16, {}), (20, {}), (12, {"temperature": 150.0, "circuit": "field"}),
     (16, {"temperature": 150.0, "circuit": "field"})],
)  # fmt: skip
def test_error_of_the_momenta(points, drive):
    """Thermal torques with too few momenta are wrong by 20, 10 and 2 %, of kappa alone by 14 and 3 %: told within 2."""
    told, true = (last(settings(momentum={"points": n}, drive=drive)) for n in (points, 64))
    for name in ("u", "wall_velocity"):
        error = abs(float(told[name].data) - float(true[name].data))
        assert 0.5 * error < float(told[name].error) < 2.0 * error, name


def test_powers_and_places_have_none():
    """M that rests on one mesh moves on another; where the wall is follows from M alone."""
    found = last(settings(wire={"cells": 41}))
    assert found["power_damping"].error is None
    assert found["wall_position"].error is None


def test_only_the_last_output_is_solved_again():
    s = settings("quasi-static", wire={"cells": 41}, time={"end": 2e-4, "output_every": 1e-4})
    sim = Simulation(s, MPI.COMM_SELF)
    found = [
        float(next(v for v in frames(sim, state, number, {})[0].variables if v.name == "u").error)
        for number, state in enumerate([sim.start(), *sim.run(sim.start())])
    ]
    assert np.isnan(found[:2]).all()
    assert 0.0 < found[2] < np.inf


def test_the_error_of_the_steps_can_be_left_out():
    """The velocity then has that of the meshes alone, which a warning says."""
    tables = {"wire": {"cells": 41}, "momentum": {"points": 16}, "time": {"end": 2e-4, "output_every": 1e-4}}
    both = [settings("quasi-static", output={"step_error": on}, **tables) for on in (True, False)]
    sims = [Simulation(s, MPI.COMM_SELF) for s in both]
    *_, state = sims[0].run(sims[0].start())
    whole, meshes = (
        float(next(v for v in frames(sim, state, 2, {})[0].variables if v.name == "wall_velocity").error)
        for sim in sims
    )
    assert np.hypot(meshes, velocity_error(sims[0], state)) == pytest.approx(whole, rel=1e-12)
    assert whole > meshes
    texts = [[t for t in check_settings(s) if "step_error" in t] for s in both]
    assert texts[0] == []
    assert texts[1][0].startswith("output.step_error: false leaves the steps in time out of the errors")


@pytest.mark.parametrize(
    "time",
    [{"integrator": "bdf", "tolerance": 1e-3}, {"integrator": "rk", "tolerance": 1e-6, "refresh_angle": 1.0}],
    ids=["steps", "refresh"],
)
def test_error_of_the_steps(time):
    """Within three times the true one, against steps of 1e-10 with electrons that are solved in each."""
    times = {"end": 2e-3, "output_every": 5e-4}
    places = {}
    for name, more in {"told": time, "true": {"integrator": "rk", "refresh": "step"}}.items():
        tables = {"magnet": {"hard_anisotropy": 2e5}, "wire": {"cells": 41}, "momentum": {"points": 16}}
        drive = {"temperature": 150.0, "gradient": 0.0, "circuit": "field", "electric_field": -8e3}
        sim = Simulation(settings("quasi-static", time={**times, **more}, drive=drive, **tables), MPI.COMM_SELF)
        *_, state = sim.run(sim.start())
        places[name] = measure(sim.mesh, state.m).position
        if name == "told":
            told = velocity_error(sim, state)
    true = abs(places["told"] - places["true"]) / times["end"]
    assert true / 3.0 < told < 3.0 * true


def test_table_and_doubts():
    numbers = [
        Number("u", 1.0, 0.2, "m/s"),
        Number("beta", 0.01, 1e-4, ""),
        Number("wall_velocity", 2.0, np.nan, "m/s"),
    ]
    lines = table(numbers).text().splitlines()
    assert lines[2].split()[:4] == ["u", "1.00", "±", "0.20"]
    assert lines[2].endswith("!")
    assert not lines[3].endswith("!")
    assert lines[4].endswith("!")
    first, second = doubts(numbers)
    assert first.startswith("not converged: u is 1.00 ± 0.20 m/s")
    assert second.startswith("the errors of wall_velocity are not known")


def test_loose_tolerance_is_told():
    coupled = settings("time-dependent", time={"integrator": "bdf", "tolerance": 0.09})
    (text,) = [t for t in check_settings(coupled) if "tolerance" in t]
    assert text.startswith("time.tolerance: 0.09 is the error of one step")
    assert not any("tolerance" in t for t in check_settings(settings("quasi-static")))


@pytest.mark.mpi
@pytest.mark.ranks(2, 3, 4)
def test_errors_with_more_ranks_than_coarse_cells(comm, monkeypatch):
    """The coarser mesh has half as many cells as there are ranks: the same bits as on one."""
    monkeypatch.setattr(errors, "LEAST_CELLS", 2)
    s = settings(wire={"length": 20.0, "cells": max(3, comm.size)}, momentum={"points": 12})
    found = []
    for group in (MPI.COMM_SELF, comm):
        sim = Simulation(s, group)
        (frame,) = frames(sim, sim.start(), 0, {})
        found.append({v.name: float(v.error) for v in frame.variables if v.error is not None})
    assert found[0]["u"] > 0.0
    np.testing.assert_equal(found[1], found[0])
