"""The one time loop of the wall: states from the simulation, frames into a sink, checkpoints through the keeper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.io.timeseries import Frame
from hpcalo.parallel.guard import on_root
from hpcalo.wall.dynamics.saved_state import (
    DISCRETIZATION,
    first_state,
    older_equations,
    restored,
    saved_arrays,
    saved_numbers,
)
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.frames import frames, outputs_until
from hpcalo.wall.monitors.monitor import Monitor
from hpcalo.wall.sinks import Sink
from hpcalo.wall.units import NS_IN_FS


def begin(sim: Simulation, sink: Sink, resume: Checkpoint | None, result: Path) -> tuple[State, bool]:
    """The state to begin with, and whether it continues from a checkpoint; the sink is then ready. Collective.

    resume: the checkpoint, on rank 0. result: the file in messages. Raises CheckpointError where it does not fit.
    """
    found = on_root(sim.mesh.comm, lambda: resume)
    if found is None:
        state = first_state(sim)
        sink.begin(state)
        return state, False
    state = restored(sim, found, result)
    sink.resume(found)
    sim.warnings = [str(text) for text in found.state.get("remarks", [])]
    if (text := older_equations(found)) and text not in sim.warnings:
        sim.warnings.append(text)
        sim.on_warning(text)
    return state, True


def evolve(
    sim: Simulation,
    state: State,
    sink: Sink,
    keeper: Keeper,
    monitors: Mapping[str, Monitor],
    *,
    continued: bool,
    on_state: Callable[[State], None] = lambda state: None,
) -> State:
    """From `state` to the end of the run, whose state is returned. Collective.

    monitors: those that come with the coefficients. continued: `state` is that of a checkpoint, its frame is in the
    sink. on_state: called with every state from which the run could continue.

    Raises StopRequested, with the simulated time, on all ranks after the state has been saved.
    """
    saved = continued
    sim.stepper.watch = keeper.check

    def save() -> None:
        stored = sink.stored()
        remarks = {"discretization": DISCRETIZATION, "remarks": sim.warnings}
        numbers = {**saved_numbers(sim, state), **remarks, **stored.numbers}
        keeper.save(saved_arrays(sim, state), numbers, stored.arrays, stored.texts)

    try:
        for now, new in _observed(sim, state, monitors, first=not continued):
            begins = now is state
            state, saved = now, False
            on_state(state)
            if new is not None:
                sink.add(new, state)
            if begins or keeper.is_due(frame=new is not None):
                save()
                saved = True
    except StopRequested as stop:
        if not saved:
            save()
        raise StopRequested(f"{stop} at {state.t / NS_IN_FS:.6g} ns") from None
    return state


def _observed(
    sim: Simulation, state: State, monitors: Mapping[str, Monitor], *, first: bool
) -> Iterator[tuple[State, list[Frame] | None]]:
    """The state to begin with if `first`, and those after it, each with its frames at output times and None between."""
    number = outputs_until(sim, state)
    if first:
        yield state, frames(sim, state, number, monitors)
    for now, output in sim.pieces(state):
        number += output
        yield now, frames(sim, now, number, monitors) if output else None
