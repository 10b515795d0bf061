"""States of the wall as arrays and numbers that can be saved, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcalo.errors import CheckpointError
from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.dataset import Slab, Variable
from hpcalo.io.saved import read_state
from hpcalo.parallel.guard import on_root
from hpcalo.typing import RealArray
from hpcalo.wall.dynamics.coupled import Coupled
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.heat.ledger import from_numbers, to_numbers
from hpcalo.wall.heat.thermal import Thermal
from hpcalo.wall.units import NS_IN_FS

SAME_MESH = 1e-9
"""Relative difference of lengths and momenta that conversions of units explain."""
DISCRETIZATION = 2
"""Counts the changes of the equations between nodes. 1: the drive acted along mean/|mean|; 2: along mean/|mean|²."""


def saved_arrays(sim: Simulation, state: State) -> list[Variable]:
    """Everything a continuation starts from, in double precision as it is."""
    mesh = sim.mesh
    out = [Variable("m", ("x", "component"), Slab((mesh.cells, 3), mesh.first, state.m))]
    if isinstance(sim.stepper, Coupled):
        e, o = sim.stepper.parts(state)
        momenta = e.shape[1:]
        out += [
            Variable("e", ("x", "c", "p"), Slab((mesh.cells, *momenta), mesh.first, e)),
            Variable("o", ("x_face", "c", "p"), Slab((mesh.cells + 1, *momenta), mesh.first, o)),
        ]
    if state.thermal is not None:
        for name, field in (("theta", state.thermal.theta), ("theta_coarse", state.thermal.coarse)):
            out.append(Variable(name, ("x",), Slab((mesh.cells,), mesh.first, field)))
    return out


def saved_numbers(sim: Simulation, state: State) -> dict[str, float | str]:
    """The numbers of a state, of its mesh and, time-dependent, of its unit; and the work counted so far."""
    out: dict[str, float | str] = {
        "t_fs": state.t,
        "dt_fs": state.dt,
        "origin_nm": state.origin,
        "steps": state.steps,
        "electrons": state.f is not None,
        "mode": sim.settings.wall.mode,
        "length_nm": sim.mesh.length,
        "linear_solves": sim.transport.solves,
        "linear_iterations": sim.transport.iterations,
    }
    if isinstance(sim.stepper, Coupled):
        out |= {"scale": sim.stepper.scale, "p_max": _largest_momentum(sim)}
    if sim.heat is not None and state.thermal is not None:
        out |= {"reference_K": sim.heat.material.reference, **to_numbers(state.thermal.ledger)}
    return out


def older_equations(saved: Checkpoint) -> str:
    """A warning where an earlier version of the equations between nodes made the steps so far, else ""."""
    if saved.count("discretization", 1) == DISCRETIZATION:
        return ""
    until = saved.number("t_fs") / NS_IN_FS
    return (
        f"restart: what lies before {until:.4g} ns was computed by an earlier version, whose drive acted along "
        "mean/|mean| between two nodes: its spin accumulation along M is less exact, and a step remains at that time"
    )


def _largest_momentum(sim: Simulation) -> float:
    """Where the momentum cells end, eV fs/nm."""
    return float(sim.transport.p[-1] + sim.transport.p[0])


def first_state(sim: Simulation) -> State:
    """The state that a run begins with: the input's, or the last one of `wall.continue_from`.

    Collective. Raises InputError, CheckpointError where that cannot be continued.
    """
    name = sim.settings.wall.continue_from
    if name is None:
        return sim.start()
    path = name.path
    saved: Checkpoint = on_root(sim.mesh.comm, lambda: read_state(path))
    return sim.ready(restored(sim, saved, path))


def restored(sim: Simulation, saved: Checkpoint, path: Path) -> State:
    """This rank's part of a saved state; the work counted before goes on from its numbers.

    The distribution is saved in units that follow from the drive: with another drive it is converted. Mesh and momenta
    must be the same, because nothing is interpolated. path: the file in messages. Raises CheckpointError where the
    state does not fit the input.
    """
    mesh, mode = sim.mesh, sim.settings.wall.mode
    if saved.state.get("mode") != mode:
        raise CheckpointError(f"{path}: was written in mode '{saved.state.get('mode')}', the input has '{mode}'")
    with saved.understood():
        m = _magnetization(sim, saved, path)
        f: RealArray | None = None
        whole = [m]
        if saved.state["electrons"]:
            e, o = _distribution(sim, saved, path)
            whole += [e, o]
            own = o[mesh.first : mesh.first + _coupled(sim).unknowns.faces]
            f = np.concatenate([e[mesh.first : mesh.last].reshape(-1), own.reshape(-1)])
        t, dt, origin = (saved.number(name) for name in ("t_fs", "dt_fs", "origin_nm"))
        heated = _heat(sim, saved, path)
        whole += [] if heated is None else [heated.theta, heated.ledger, heated.coarse]
        if not all(np.isfinite(part).all() for part in (*whole, np.array([t, dt, origin]))):
            raise CheckpointError(f"{path}: its state is not finite")
        solves, iterations = (saved.count(name, 0) for name in ("linear_solves", "linear_iterations"))
        steps = saved.count("steps")
    sim.transport.solves, sim.transport.iterations = solves, iterations
    thermal = heated and heated.part(mesh.first, mesh.last)
    return State(m[mesh.first : mesh.last].copy(), t, dt, origin, steps, f, thermal)


def _magnetization(sim: Simulation, saved: Checkpoint, path: Path) -> RealArray:
    """M of the whole wire, (cells, 3). Raises CheckpointError where it is of another mesh."""
    mesh = sim.mesh
    m = np.asarray(saved.array("m"), dtype=np.float64)
    if m.shape != (mesh.cells, 3):
        raise CheckpointError(f"{path}: holds {len(m)} cells, the input has {mesh.cells}")
    if not np.isclose(length := saved.number("length_nm"), mesh.length, rtol=SAME_MESH, atol=0.0):
        raise CheckpointError(
            f"{path}: its wire.length is {length:.10g} nm, the input has {mesh.length:.10g} nm; a state can be "
            "continued on the same mesh only"
        )
    return m


def _heat(sim: Simulation, saved: Checkpoint, path: Path) -> Thermal | None:
    """T - T_0 of the whole wire and the ledger; None where there are none, or the input has no [heat].

    T itself is continued: the input's T_0 may be another one.
    """
    if sim.heat is None or "theta" not in saved.arrays:
        return None
    reference, fields = saved.number("reference_K"), []
    for name in ("theta", "theta_coarse" if "theta_coarse" in saved.arrays else "theta"):
        theta = np.asarray(saved.array(name), dtype=np.float64)
        if theta.shape != (sim.mesh.cells,):
            raise CheckpointError(f"{path}: its temperature has shape {theta.shape}")
        if reference != sim.heat.material.reference:
            theta = theta + (reference - sim.heat.material.reference)
        fields.append(theta)
    return Thermal(fields[0], from_numbers(saved.state), fields[1])


def _distribution(sim: Simulation, saved: Checkpoint, path: Path) -> tuple[RealArray, RealArray]:
    """e and o of the whole wire in units of the stepper. Raises CheckpointError where the momenta are others."""
    mesh, stepper = sim.mesh, _coupled(sim)
    e, o = saved.array("e"), saved.array("o")
    if e.shape[2] != sim.transport.p.size:
        raise CheckpointError(f"{path}: holds {e.shape[2]} momenta, the input has {sim.transport.p.size}")
    if e.shape != (mesh.cells, 4, e.shape[2]) or o.shape != (mesh.cells + 1, *e.shape[1:]):
        raise CheckpointError(f"{path}: its distribution has shapes {e.shape} and {o.shape}")
    reach, here = saved.number("p_max"), _largest_momentum(sim)
    if not np.isclose(reach, here, rtol=SAME_MESH, atol=0.0):
        raise CheckpointError(
            f"{path}: its momenta reach {reach:.10g} eV fs/nm, those of the input {here:.10g} eV fs/nm "
            "(momentum.cutoff times the Fermi momentum); a distribution can be continued "
            "with the same momenta only"
        )
    scale = saved.number("scale")
    if not (np.isfinite(scale) and scale > 0.0):
        raise CheckpointError(f"{path}: its distribution is in units of {scale:g}")
    if scale != stepper.scale:
        e, o = (part * (scale / stepper.scale) for part in (e, o))
    return e, o


def _coupled(sim: Simulation) -> Coupled:
    """The stepper of time-dependent mode. Raises AttributeError where a quasi-static run has saved a distribution."""
    if not isinstance(sim.stepper, Coupled):
        raise AttributeError("a distribution")
    return sim.stepper
