"""The quantities of a run as the result file has them: their axes with coordinates, and each rank's part of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Slab, Variable
from hpcalo.kubo.responses.response import Response
from hpcalo.kubo.responses.run_sums import RunSums

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

SPREAD_ABOVE = 1 << 16
"""Elements from which an array is written by all ranks, each its slab."""


def coordinates(
    run: RunSums, chosen: Sequence[Response], reference: float, fields: Sequence[Variable]
) -> list[Variable]:
    """Coordinates of the axes that occur in the fields. reference: eV, zero of the energy axis."""
    letters = ["x", "y", "z"]
    reached = [letters[v] for v in run.directions]
    energy = {"reference_eV": reference, "note": "relative to the reference energy"}
    own = {axis.name: axis for response in chosen for axis in response.axes}
    every = [
        Variable(
            "n_hat", ("n_hat",), np.arange(len(run.n_hat)), "", "number of the magnetization direction, see n_vector"
        ),
        Variable("axis", ("axis",), letters, "", "Cartesian axis"),
        Variable("gamma", ("gamma",), run.gammas, "eV", "quasiparticle broadening Γ"),
        Variable("energy", ("energy",), run.energies, "eV", "Fermi energy", energy),
        Variable("mu", ("mu",), run.mu, "eV", "chemical potential", energy),
        Variable("temperature", ("temperature",), run.temperatures, "K", "temperature"),
        Variable("torque", ("torque",), letters, "", "component of the torque"),
        Variable("torque_2", ("torque_2",), letters, "", "component of n × dn/dt"),
        Variable("field", ("field",), reached, "", "component of the electric field or the gradient"),
        Variable("gradient", ("gradient",), reached, "", "component of the temperature gradient"),
        Variable("current", ("current",), reached, "", "component of the current"),
        Variable("hall", ("hall",), ["yz", "zx", "xy"], "", "components of an antisymmetric tensor"),
        *(Variable(a.name, (a.name,), a.values(run), a.unit, a.long_name) for a in own.values()),
        Variable("n_vector", ("n_hat", "axis"), run.n_hat, "", "direction of the magnetization (majority moment)"),
    ]
    dims = {dim for variable in fields for dim in variable.dims}
    if "n_hat" in dims:
        dims.add("axis")
    return [c for c in every if set(c.dims) <= dims]


def spread(fields: Sequence[Variable], comm: Intracomm) -> list[Variable]:
    """Large arrays shared out along their first axis: each rank writes its rows."""

    def part(variable: Variable) -> Variable:
        values = np.asarray(variable.data)
        if values.size < SPREAD_ABOVE or values.ndim < 2:
            return variable
        start, stop = (values.shape[0] * rank // comm.size for rank in (comm.rank, comm.rank + 1))
        return replace(variable, data=Slab(values.shape, start, values[start:stop]))

    return [part(variable) for variable in fields]
