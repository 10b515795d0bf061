"""Fields of an engine as variables of a result file: axes with coordinates, attributes that say what a number means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Slab, Variable
from hpcalo.kubo.responses.axes import Field, RunAxes
from hpcalo.kubo.responses.onsager import rows

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

SPREAD_ABOVE = 1 << 16
"""Elements from which an array is written by all ranks, each its slab."""


def kubo_coordinates(run: RunAxes, reference: float) -> list[Variable]:
    """Coordinates of every axis that Kubo fields use."""
    letters = ["x", "y", "z"]
    reached = [letters[v] for v in run.directions]
    labels = list(rows(run))
    energy = {"reference_eV": reference, "note": "relative to the reference energy"}
    return [
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
        Variable("onsager_row", ("onsager_row",), labels, "", "current of the Onsager matrix"),
        Variable("onsager_column", ("onsager_column",), labels, "", "force of the Onsager matrix"),
        Variable("n_vector", ("n_hat", "axis"), run.n_hat, "", "direction of the magnetization (majority moment)"),
    ]


def used(coordinates: Sequence[Variable], fields: Sequence[Field]) -> list[Variable]:
    """Those coordinates whose axes occur in the fields."""
    dims = {dim for field in fields for dim in field.dims}
    if "n_hat" in dims:
        dims.add("axis")
    return [c for c in coordinates if set(c.dims) <= dims]


def to_variables(fields: Sequence[Field], comm: Intracomm) -> list[Variable]:
    """Variables for the result file; large arrays are shared out along their first axis, each rank writing its rows."""
    variables = []
    for field in fields:
        values = np.ascontiguousarray(field.values, dtype=np.float64)
        data: Slab | np.ndarray = values
        if values.size >= SPREAD_ABOVE and values.ndim > 1:
            rows_here = range(values.shape[0] * comm.rank // comm.size, values.shape[0] * (comm.rank + 1) // comm.size)
            data = Slab(values.shape, rows_here.start, values[rows_here.start : rows_here.stop])
        variables.append(
            Variable(
                field.name,
                field.dims,
                data,
                field.unit,
                field.long_name,
                field.attrs,
                equation=field.equation,
                sign=field.sign,
                parity=field.even_in_n,
                nan_ok=field.nan_ok,
            )
        )
    return variables
