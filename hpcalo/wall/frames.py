"""States of the wall as arrays that can be saved and restored, and their results as frames of a time series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.errors import CheckpointError, ConvergenceError
from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.dataset import Slab, Variable
from hpcalo.io.timeseries import Frame, read_state
from hpcalo.parallel.guard import on_root, together
from hpcalo.wall.config import WallInput
from hpcalo.wall.units import NS_IN_FS

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.monitors.monitor import Monitor

SAME_MESH = 1e-9
"""Relative difference of lengths and momenta that conversions of units explain."""


def moments(
    sim: Simulation, state: State, more: Mapping[str, Monitor], *, first: bool = True
) -> Iterator[tuple[State, list[Frame] | None]]:
    """The state to begin with (unless it has been written already) and those after it, with the results of those at
    output times and None for those between. `more`: monitors that come with the coefficients."""
    from hpcalo.wall.monitors.schedule import observe  # noqa: PLC0415  (loads PETSc)

    number = outputs_until(sim, state)
    if first:
        yield state, [_frame(sim, axis, state, q) for axis, q in observe(sim, state, number, more).items()]
    for now, output in sim.pieces(state):
        if not output:
            yield now, None
            continue
        number += 1
        yield now, [_frame(sim, axis, now, q) for axis, q in observe(sim, now, number, more).items()]


def outputs_until(sim: Simulation, state: State) -> int:
    """Number of the last output time that `state` has reached; 0 is the start."""
    return int(np.count_nonzero(sim.times() <= state.t * (1 + 1e-12)))


def entries(sim: Simulation, state: State) -> dict[str, int]:
    """How many entries each time axis gets in a run that begins with `state`."""
    start = outputs_until(sim, state)
    end = start if sim.settings.wall.mode == "steady" else sim.times().size
    from hpcalo.wall.monitors.schedule import axis_name  # noqa: PLC0415  (loads PETSc)

    out = {}
    for every in {monitor.every for monitor in sim.settings.output.monitors}:
        out[axis_name(every)] = end // every - (start - 1) // every
    return out


def _frame(sim: Simulation, axis: str, state: State, variables: Sequence[Variable]) -> Frame:
    with together(sim.mesh.comm):  # a value that is not finite may be on one rank only; sums over it are on all
        checked = {v.name: _checked(sim, state, v) for v in variables if v.dims}
    checked |= {v.name: _checked(sim, state, v) for v in variables if not v.dims}
    return Frame(axis, state.t / NS_IN_FS, tuple(checked[v.name] for v in variables))


def _checked(sim: Simulation, state: State, v: Variable) -> Variable:
    """The variable as it is written. Raises ConvergenceError where a value is not finite and may not be so."""
    from hpcalo.wall.dynamics.nonfinite import where_not_finite  # noqa: PLC0415  (loads PETSc)

    if not v.dims:
        if np.isinf(v.data) or (np.isnan(v.data) and not v.nan_ok):
            raise ConvergenceError(f"{v.name} is not finite at t = {state.t / NS_IN_FS:.6g} ns: it is {v.data:g}")
    else:
        location = "face" if v.dims[0] == "x_face" else "node"
        if where := where_not_finite(sim.mesh, v.name, v.data.data, sim.mesh.first, state.t, location):
            raise ConvergenceError(where)
    return replace(v, nan_ok=True)


def axes(sim: Simulation) -> list[Variable]:
    from hpcalo.wall.grid import COMPONENTS  # noqa: PLC0415  (loads PETSc)

    mesh = sim.mesh
    nodes = np.arange(mesh.cells) * mesh.dx
    return [
        Variable("x", ("x",), nodes, "nm", "nodes, from the left end of the window"),
        Variable(
            "x_face",
            ("x_face",),
            np.append(nodes, mesh.length + mesh.dx) - 0.5 * mesh.dx,
            "nm",
            "faces between the nodes",
        ),
        Variable("component", ("component",), COMPONENTS),
    ]


def saved_arrays(sim: Simulation, state: State) -> list[Variable]:
    """Everything a continuation starts from, in double precision as it is."""
    mesh = sim.mesh
    out = [Variable("m", ("x", "component"), Slab((mesh.cells, 3), mesh.first, state.m))]
    if sim.settings.wall.mode == "time-dependent":
        stepper: Any = sim.stepper
        e, o = stepper.parts(state)
        tail = e.shape[1:]
        out += [
            Variable("e", ("x", "c", "p"), Slab((mesh.cells, *tail), mesh.first, e)),
            Variable("o", ("x_face", "c", "p"), Slab((mesh.cells + 1, *tail), mesh.first, o)),
        ]
    return out


def saved_attrs(sim: Simulation, state: State) -> dict[str, Any]:
    """The numbers of a state, those of its mesh and, time-dependent, of its unit, and what has been counted so far."""
    out = {
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
    if sim.settings.wall.mode == "time-dependent":
        stepper: Any = sim.stepper
        out |= {"scale": stepper.scale, "p_max": _largest_momentum(sim)}
    return out


def _largest_momentum(sim: Simulation) -> float:
    """Where the momentum cells end, eV fs/nm."""
    return float(sim.transport.p[-1] + sim.transport.p[0])


def begin(sim: Simulation, settings: WallInput, comm: Intracomm) -> State:
    """The first state: the input's, or the last one of `wall.continue_from`."""
    if settings.wall.continue_from is None:
        return sim.start()
    path = settings.wall.continue_from.path
    saved: Checkpoint = on_root(comm, lambda: read_state(path))
    return restored(sim, saved, path)


def restored(sim: Simulation, saved: Checkpoint, path: Path) -> State:
    """This rank's part of a saved state. Raises CheckpointError where it does not fit the input.

    The distribution is saved in units that follow from the drive: with another drive it is read in those of the new
    one. Mesh and momenta must be the same, because nothing is interpolated.
    """
    from hpcalo.wall.dynamics.state import State  # noqa: PLC0415

    mesh, mode = sim.mesh, sim.settings.wall.mode
    if saved.state.get("mode") != mode:
        raise CheckpointError(f"{path}: was written in mode '{saved.state.get('mode')}', the input has '{mode}'")
    with saved.understood():
        if odd := [name for name, value in saved.arrays.items() if value.dtype.kind not in "fiu"]:
            raise TypeError(f"{odd[0]} of type {saved.arrays[odd[0]].dtype}")
        m = np.asarray(saved.arrays["m"], dtype=np.float64)
        if m.shape != (mesh.cells, 3):
            raise CheckpointError(f"{path}: holds {len(m)} cells, the input has {mesh.cells}")
        a = saved.state
        if not np.isclose(length := float(a["length_nm"]), mesh.length, rtol=SAME_MESH, atol=0.0):
            raise CheckpointError(
                f"{path}: its wire.length is {length:.10g} nm, the input has {mesh.length:.10g} nm; a state can be "
                "continued on the same mesh only"
            )
        f: np.ndarray | None = None
        whole = [m]
        if saved.state["electrons"]:
            stepper: Any = sim.stepper
            e, o = saved.arrays["e"], saved.arrays["o"]
            if e.shape[2] != sim.transport.p.size:
                raise CheckpointError(f"{path}: holds {e.shape[2]} momenta, the input has {sim.transport.p.size}")
            if e.shape != (mesh.cells, 4, e.shape[2]) or o.shape != (mesh.cells + 1, *e.shape[1:]):
                raise CheckpointError(f"{path}: its distribution has shapes {e.shape} and {o.shape}")
            reach, here = float(a["p_max"]), _largest_momentum(sim)
            if not np.isclose(reach, here, rtol=SAME_MESH, atol=0.0):
                raise CheckpointError(
                    f"{path}: its momenta reach {reach:.10g} eV fs/nm, those of the input {here:.10g} eV fs/nm "
                    "(momentum.cutoff times the Fermi momentum); a distribution can be continued "
                    "with the same momenta only"
                )
            scale = float(a["scale"])
            if not (np.isfinite(scale) and scale > 0.0):
                raise CheckpointError(f"{path}: its distribution is in units of {scale:g}")
            if scale != stepper.scale:
                e, o = (part * (scale / stepper.scale) for part in (e, o))
            own = o[mesh.first : mesh.first + stepper.unknowns.faces]
            f = np.concatenate([e[mesh.first : mesh.last].reshape(-1), own.reshape(-1)])
            whole += [e, o]
        t, dt, origin = (float(a[name]) for name in ("t_fs", "dt_fs", "origin_nm"))
        if not all(np.isfinite(part).all() for part in (*whole, np.array([t, dt, origin]))):
            raise CheckpointError(f"{path}: its state is not finite")
        counted = [int(a.get(name, 0)) for name in ("linear_solves", "linear_iterations")]
        steps = int(a["steps"])
    sim.transport.solves, sim.transport.iterations = counted
    return State(m[mesh.first : mesh.last].copy(), t, dt, origin, steps, f)
