"""The sums of a run: on the grid of the input, or on finer and finer meshes until its target is reached."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hpcalo.engine import RunContext
from hpcalo.io.dataset import Variable
from hpcalo.kubo.accuracy.fields import fields_with_errors, untested
from hpcalo.kubo.accuracy.successive import Coarser, with_coarser
from hpcalo.kubo.cells.loop import Integrand
from hpcalo.kubo.config import KuboInput, KuboSection
from hpcalo.kubo.fields import coordinates
from hpcalo.kubo.pointwise import point_numbers
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.passes import sum_over_k
from hpcalo.kubo.sums.plan import Pass, plan
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.target.estimate import Estimate
from hpcalo.kubo.target.reaching import sum_to_target
from hpcalo.kubo.target.record import ending, table, warning
from hpcalo.kubo.target.refined import PointValues
from hpcalo.kubo.target.strategy import Level, Step
from hpcalo.kubo.target.targets import values_with_target
from hpcalo.parallel.guard import raise_together
from hpcalo.parallel.progress import tell, warn
from hpcalo.typing import RealArray


@dataclass(frozen=True)
class KuboContext:
    """What every step of a run uses: the run's context, its settings, and its checkpoints.

    name: of a point of a scan, before warnings.
    """

    run: RunContext
    settings: KuboInput
    checkpoints: PassCheckpoints
    name: str = ""

    @property
    def section(self) -> KuboSection:
        """The table [kubo] of the input."""
        return self.settings.kubo

    def warn(self, text: str) -> None:
        """A warning for the user."""
        warn(self.run.comm, f"{self.name}: {text}" if self.name else text)


@dataclass(frozen=True)
class Summed:
    """The sums of a run.

    passes: of each direction of the magnetization. task: the last of them. notes, warnings: for the result and the
    user. texts, attrs: for the result. fields: the quantities with their errors, where the levels of a target have a
    say in these.
    """

    passes: Sequence[SummedPass]
    task: Pass
    notes: list[str]
    warnings: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    attrs: dict[str, object] = field(default_factory=dict)
    fields: Sequence[Variable] | None = None


States = Callable[[], Iterator[StateSolver]]
"""A new round of solvers, one for each direction of the magnetization."""
Values = Callable[[Sequence[SummedPass]], tuple[RunSums, list[Variable]]]
"""The quantities of a run from its sums."""


def sum_on_grid(states: Iterator[StateSolver], request: Request, n_hat: RealArray, kubo: KuboContext) -> Summed:
    """One pass over the grid of the input for each direction n̂ (A, 3). Collective."""
    comm, quiet, grid = kubo.run.comm, kubo.run.quiet, kubo.section.k
    passes, notes = [], []
    for label, solver in zip(labels(n_hat), states, strict=True):
        task = plan(solver, request, grid, comm, len(n_hat))
        for text in (f"{label}: {note}" for note in task.notes):
            tell(comm, text, quiet=quiet)
            notes.append(text)
        passes.append(sum_over_k(task, comm, checkpoints=kubo.checkpoints, quiet=quiet, label=label))
    return Summed(passes, task, notes, untested(passes[0], task.mesh))


def refine(
    states: States,
    request: Request,
    reference: float,
    n_hat: RealArray,
    values: Values,
    kubo: KuboContext,
    points: int = 0,
) -> Summed:
    """Level after level until the input's target is reached or its budget is used. Collective.

    reference: eV, zero of the energy axis. points: k-points that the run has computed before.
    """
    comm, section = kubo.run.comm, kubo.section

    def estimate(passes: Sequence[SummedPass], step: Step, before: Sequence[Level]) -> Estimate:
        found, error = Estimate(()), None
        try:
            found = estimate_of(*values(passes), section, step, before)
        except Exception as problem:  # raised on all ranks below
            error = problem
        raise_together(comm, error)
        return found

    names = labels(n_hat)
    outcome = sum_to_target(
        states,
        names,
        request,
        section.k,
        estimate,
        comm,
        checkpoints=kubo.checkpoints,
        points=points,
        cells=point_values(section, request, reference, n_hat),
        quiet=kubo.run.quiet,
    )
    tell(comm, ending(outcome), quiet=kubo.run.quiet)
    tasks = outcome.level.step.plan.tasks
    return Summed(
        outcome.level.sums,
        tasks[-1],
        [ending(outcome), *(f"{name}: {note}" for name, task in zip(names, tasks, strict=True) for note in task.notes)],
        warning(outcome),
        {"levels": table(outcome)},
        {"target_reached": int(outcome.reached), "target_ended": outcome.why},
        outcome.level.estimate.fields,
    )


def point_values(section: KuboSection, request: Request, reference: float, n_hat: RealArray) -> PointValues:
    """What single points give for the numbers with a target. reference: eV, zero of the energy axis."""

    def of(number: int, start: RawSums) -> Integrand | None:
        run = run_sums(section, request, reference, n_hat[number : number + 1], [SummedPass(start)])
        return point_numbers(run, section)

    return of


def quantities(
    section: KuboSection,
    request: Request,
    reference: float,
    energy_error: float | None,
    n_hat: RealArray,
    passes: Sequence[SummedPass],
) -> tuple[RunSums, list[Variable]]:
    """The quantities of the run with their errors from its sums. Serial."""
    run = run_sums(section, request, reference, n_hat, passes)
    return run, fields_with_errors(run, passes, responses(section.quantities), energy_error)


def run_sums(
    section: KuboSection, request: Request, reference: float, n_hat: RealArray, passes: Sequence[SummedPass]
) -> RunSums:
    """The sums of a run with its axes, energies relative to the reference (eV). passes: one for each n̂ (A, 3)."""
    return RunSums(
        crystal=request.crystal,
        settings=section,
        energies=request.energies - reference,
        n_hat=n_hat,
        gammas=request.gammas,
        temperatures=np.array(section.temperatures),
        mu=np.array(section.chemical_potentials),
        count_edges=request.count_edges - reference,
        raw=tuple(summed.total for summed in passes),
        missing=request.missing,
        reference=reference,
    )


def estimate_of(
    run: RunSums,
    fields: Sequence[Variable],
    section: KuboSection,
    step: Step | None = None,
    before: Sequence[Level] = (),
) -> Estimate:
    """The values that have a target, with errors that the levels before a level support. Serial.

    fields: with errors from the level alone. before: the levels of its strategy before it, the last of them last.
    """
    spacings = [*(level.step.spacing for level in before), step.spacing if step else None]
    ratios = [a / b if a and b else None for a, b in itertools.pairwise(spacings)]
    coarser = [Coarser(ratio, level.estimate.own) for ratio, level in zip(ratios, before, strict=True)]
    supported = with_coarser(fields, coarser, sum(run.crystal.periodic))
    axes = coordinates(run, responses(section.quantities), 0.0, fields)
    return replace(values_with_target(supported, axes, run.mu, section.accuracies), fields=supported, own=fields)


def labels(n_hat: RealArray) -> list[str]:
    """The directions in words."""
    return [f"n = ({', '.join(f'{x:.3g}' for x in n)})" for n in n_hat]
