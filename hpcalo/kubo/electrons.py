"""The Fermi energy of the model's electrons, from a first sum over k that only counts levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from hpcalo.errors import InputError
from hpcalo.hamiltonian.types import Model
from hpcalo.kubo.accuracy.fermi import error_of_fermi_energy
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.prepare import reference_energy
from hpcalo.kubo.responses.density_of_states import energy_of_count
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.summing import KuboContext
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.passes import sum_over_k
from hpcalo.kubo.sums.plan import plan
from hpcalo.kubo.sums.request import COUNT, Request
from hpcalo.kubo.target.estimate import Estimate, Values
from hpcalo.kubo.target.reaching import sum_to_target
from hpcalo.kubo.target.record import ending, warning
from hpcalo.kubo.target.strategy import Level, Step
from hpcalo.parallel.progress import tell
from hpcalo.typing import RealArray

REACH = 20.0
"""eV to both sides of the model's own Fermi energy within which the electrons must be found."""
BUDGET = 0.3
"""Of the points and of the time of a target may be used to find it."""


@dataclass(frozen=True)
class Electrons:
    """The Fermi energy of a run and how it was found.

    energy: Fermi energy, error: its error, eV. points: k-points computed for it on the way to a target. notes,
    warnings: for the result.
    """

    energy: float
    error: float
    points: int = 0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def fermi_energy(model: Model, n_hat: RealArray, kubo: KuboContext) -> Electrons:
    """On the k grid of the input, or as accurate as its target needs it. Collective.

    n_hat: direction of the magnetization. Raises InputError if the count is not reached.
    """
    comm, quiet, grid = kubo.run.comm, kubo.run.quiet, kubo.section.k
    start, electrons = reference_energy(kubo.section, model), float(model.electrons or 0.0)
    edges = start + np.linspace(-REACH, REACH, 40_001)
    none = np.zeros(0)
    request = Request(model.crystal, np.array([start - 1.0, start + 1.0]), none, none, none, count_edges=edges)
    states = partial(solvers, model, n_hat[None], frozenset())

    def found(summed: SummedPass) -> tuple[float, float]:
        energy = energy_of_count(edges, summed.total[COUNT], electrons)
        if energy is None:
            raise InputError(
                f"kubo.energies.from_electrons: {model.electrons:g} electrons per cell are not reached within "
                f"{REACH:g} eV of {start:g} eV; give kubo.energies.reference"
            )
        return energy, error_of_fermi_energy(edges, summed, electrons, energy)

    if grid.target is None:
        task = plan(next(states()), request, grid, comm)
        energy, error = found(sum_over_k(task, comm, checkpoints=kubo.checkpoints, quiet=quiet, label="electrons"))
        result = Electrons(energy, error)
    else:
        width = _width(kubo.section)
        allowed = _share(kubo.section) * width

        def estimate(passes: Sequence[SummedPass], _: Step, before: Sequence[Level]) -> Estimate:
            value, error, most, scale = (np.array([number]) for number in (*found(passes[0]), allowed, width))
            own = Estimate((Values("Γ for the Fermi energy", value, error, most, scale, np.array([True])),))
            return replace(own.checked(before[-1].estimate.own) if before else own, own=own)

        outcome = sum_to_target(
            states,
            ["electrons"],
            request,
            grid.part(BUDGET),
            estimate,
            comm,
            checkpoints=kubo.checkpoints,
            quiet=quiet,
        )
        (reached,) = outcome.level.estimate.variables
        energy, error = float(reached.value[0]), float(reached.error[0])
        points = sum(record.step.points for record in outcome.trail)
        result = Electrons(energy, error, points, [f"Fermi energy: {ending(outcome)}"], warning(outcome))
    tell(comm, f"Fermi energy of {model.electrons:g} electrons: {energy:.6f} ± {error:.2g} eV", quiet=quiet)
    return result


def _width(section: KuboSection) -> float:
    """Energy over which the results change at least, eV: the smallest Γ. The same share of it as of the values."""
    return min(section.gamma)


def _share(section: KuboSection) -> float:
    """The smallest relative accuracy of the target; 1 % where all are absolute."""
    return min((a.size for a in section.accuracies.values() if a.relative), default=0.01)
