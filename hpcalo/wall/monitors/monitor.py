"""What a monitor is: one class that turns a state into named variables, and the helpers that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hpcalo.io.dataset import Slab, Variable
from hpcalo.typing import RealArray
from hpcalo.wall.units import FS

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.electrons.response import Torques

PER_SECOND = 1.0 / FS
"""1/s in one 1/fs."""
FLUX_IN_SI = 1e33
"""1/(m^2 s) in one 1/(nm^2 fs)."""


class Monitor:
    """Base class of all monitors; the input says in `output.monitors` which of them write, and how often."""

    name: ClassVar[str]
    """The name in `output.monitors`, and of the file that defines the monitor."""

    def variables(self, sim: Simulation, state: State, torques: Torques) -> list[Variable]:
        """What is written at this state. Collective.

        `torques`: the electrons' response at the state. A variable of the wire is a Slab (`on_nodes`, `on_faces`), a
        number is the same on all ranks (`number`).
        """
        raise NotImplementedError


def on_nodes(sim: Simulation, name: str, values: RealArray, unit: str, long_name: str) -> Variable:
    """A variable on the nodes: `values` (n,), or (n, 3) in the order x, y, z, of the own nodes."""
    return _along(sim, name, "x", values, sim.mesh.cells, unit, long_name)


def on_faces(sim: Simulation, name: str, values: RealArray, unit: str, long_name: str) -> Variable:
    """A variable on the faces: `values` (n + 1,) or (n + 1, 3) on the faces around the own nodes.

    Each rank writes the faces on the left of its nodes, the last rank also the end of the wire.
    """
    own = values[: sim.mesh.n + (1 if sim.mesh.at_right else 0)]
    return _along(sim, name, "x_face", own, sim.mesh.cells + 1, unit, long_name)


def _along(
    sim: Simulation, name: str, axis: str, own: RealArray, length: int, unit: str, long_name: str
) -> Variable:  # fmt: skip
    dims = (axis, "component") if own.ndim == 2 else (axis,)
    slab = Slab((length, *own.shape[1:]), sim.mesh.first, np.ascontiguousarray(own))
    return Variable(name, dims, slab, unit, long_name)


def number(name: str, value: float, unit: str, long_name: str, *, nan_ok: bool = False) -> Variable:
    """A number; `nan_ok`: NaN stands for one that does not exist in this state (the position of no wall)."""
    return Variable(name, (), np.asarray(value), unit, long_name, nan_ok=nan_ok)
