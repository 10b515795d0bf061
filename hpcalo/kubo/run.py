"""The Kubo data path on one page: input → model → request → states → pair sums → one reduction → responses → result."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hpcalo import __version__
from hpcalo.engine import RunContext
from hpcalo.errors import InputError
from hpcalo.hamiltonian.loading import checksums, load_model
from hpcalo.hamiltonian.types import Model
from hpcalo.io import checkpoint
from hpcalo.io.dataset import NOTES, Variable
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.provenance import SUMMARY, provenance
from hpcalo.kubo.accuracy.fermi import error_of_fermi_energy
from hpcalo.kubo.accuracy.fields import fields_with_errors, untested
from hpcalo.kubo.accuracy.violation import told
from hpcalo.kubo.config import KuboInput, KuboSection
from hpcalo.kubo.fields import coordinates, spread
from hpcalo.kubo.prepare import WARNING, make_request, prepare, reference_energy, remarks
from hpcalo.kubo.responses.density_of_states import energy_of_count
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.summary.conclusion import Conclusion, conclude
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.passes import sum_over_k
from hpcalo.kubo.sums.plan import Pass, plan
from hpcalo.kubo.sums.request import COUNT, WINDOW, Request
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.progress import duration, tell, warn
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest
from hpcalo.typing import RealArray


@dataclass(frozen=True)
class KuboContext:
    """What every step of a run uses: the run's context, its settings, and its checkpoints."""

    run: RunContext
    settings: KuboInput
    checkpoints: PassCheckpoints

    @property
    def section(self) -> KuboSection:
        """The table [kubo] of the input."""
        return self.settings.kubo


def run_kubo(settings: KuboInput, context: RunContext) -> None:
    """Computes everything the input names in one pass over k for each direction, and writes the result. Collective.

    Raises InputError, ModelError, ConvergenceError, OutputError, CheckpointError, Interrupted; on all ranks.
    """
    with StopRequest() as stop:  # from the start: the first loop heeds a signal that came before it
        _run(settings, context, Rounds(context.comm, settings.execution.checkpoint_interval, stop))


def _run(settings: KuboInput, context: RunContext, rounds: Rounds) -> None:
    started = time.monotonic()
    comm, section, quiet = context.comm, settings.kubo, context.quiet
    model: Model = on_root(comm, lambda: load_model(settings.model))
    texts = on_root(comm, lambda: _restart_texts(settings, context))
    with together(comm):
        reference, n_hat, request = prepare(section, model)
        kubo = KuboContext(context, settings, PassCheckpoints(context.output, rounds, texts, context.resume))
    energy_error: float | None = None
    if section.energies.from_electrons:
        reference, energy_error = _fermi_energy(model, n_hat[0], kubo)
        request = replace(make_request(section, reference, model.crystal), sums=request.sums, missing=request.missing)
    notes = (*model.notes, *remarks(section, model, n_hat, request))
    for note in notes:
        if note.startswith(WARNING):
            warn(comm, note.removeprefix(WARNING))
        else:
            tell(comm, f"note: {note}", quiet=quiet)
    lines = [f"reference energy {reference:.6f} eV", *(n for n in notes if not n.startswith(WARNING))]

    def values(passes: Sequence[SummedPass]) -> tuple[RunSums, list[Variable]]:
        return _values(section, request, reference, energy_error, n_hat, passes)

    states = solvers(model, n_hat, request.need(), spin_matrices=section.spin_matrices)
    del model  # the solvers hold what they need of it
    summed = _on_the_grid(states, request, n_hat, kubo)
    with together(comm):
        run, fields = values(summed.passes)
    warnings = [*_no_band_between(summed.passes[0].total), *summed.warnings]
    for text in warnings:
        warn(comm, text)
    warnings = [*(n.removeprefix(WARNING) for n in notes if n.startswith(WARNING)), *warnings]
    attrs = summed.attrs if energy_error is None else {**summed.attrs, "reference_energy_error_eV": energy_error}
    for text in (symmetry := told(fields)):
        tell(comm, f"note: {text}", quiet=quiet)
    noted = replace(summed, notes=[*lines, *summed.notes, *symmetry], warnings=warnings, attrs=attrs)
    conclusion = _write(kubo, run, fields, reference, noted)
    on_root(comm, lambda: checkpoint.remove(context.output))
    tell(comm, f"{len(fields)} quantities in {duration(time.monotonic() - started)}", quiet=quiet)
    conclusion.say(comm, quiet=quiet)


@dataclass(frozen=True)
class Summed:
    """The sums of a run. passes: of each direction of the magnetization. task: the last of them. notes, warnings: for
    the result and the user. texts, attrs: for the result.
    """

    passes: Sequence[SummedPass]
    task: Pass
    notes: list[str]
    warnings: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)


def _on_the_grid(states: Iterator[StateSolver], request: Request, n_hat: RealArray, kubo: KuboContext) -> Summed:
    """One pass over the grid of the input for each direction. Collective."""
    comm, quiet, grid = kubo.run.comm, kubo.run.quiet, kubo.section.k
    passes, notes = [], []
    for label, solver in zip(_labels(n_hat), states, strict=True):
        task = plan(solver, request, grid, comm, len(n_hat))
        for text in (f"{label}: {note}" for note in task.notes):
            tell(comm, text, quiet=quiet)
            notes.append(text)
        passes.append(sum_over_k(task, comm, checkpoints=kubo.checkpoints, quiet=quiet, label=label))
    return Summed(passes, task, notes, untested(passes[0], task.mesh))


def _labels(n_hat: RealArray) -> list[str]:
    """The directions in words."""
    return [f"n = ({', '.join(f'{x:.3g}' for x in n)})" for n in n_hat]


def _values(
    section: KuboSection,
    request: Request,
    reference: float,
    energy_error: float | None,
    n_hat: RealArray,
    passes: Sequence[SummedPass],
) -> tuple[RunSums, list[Variable]]:
    """The quantities of the run with their errors from its sums. Serial."""
    run = RunSums(
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
    )
    return run, fields_with_errors(run, passes, responses(section.quantities), energy_error)


def _write(kubo: KuboContext, run: RunSums, fields: list[Variable], reference: float, summed: Summed) -> Conclusion:
    """The result file, and what is to be said of it. reference: eV, zero of the energy axis. Collective.

    Raises OutputError.
    """
    context, settings, crystal, task = kubo.run, kubo.settings, run.crystal, summed.task
    record = provenance(
        context.comm,
        settings,
        source=context.source,
        overrides=context.overrides,
        model_sha256=kubo.checkpoints.texts["model_sha256"],
        layout=Layout(context.comm.size, context.comm.rank, len(task.blocks), len(run.energies)).describe(),
    )
    axes = coordinates(run, responses(kubo.section.quantities), reference, fields)
    points = len(task.mesh.points)
    conclusion = on_root(context.comm, lambda: conclude(settings, run, fields, axes, points))
    record.warned([*summed.warnings, *conclusion.warnings])
    write_dataset(
        context.output,
        context.comm,
        spread(fields, context.comm),
        axes,
        provenance=record,
        attrs={
            "engine": "kubo",
            "title": settings.title or context.source.stem,
            "reference_energy_eV": reference,
            "cell_volume_A3": crystal.volume,
            **({"cell_area_A2": crystal.area} if run.directions == (0, 1) else {}),
            "k_points_full": task.mesh.full,
            "k_grid": list(task.mesh.grid),
            "k_shift": list(task.mesh.shift),
            **summed.attrs,
        },
        texts={NOTES: "\n".join(summed.notes), SUMMARY: conclusion.text, **summed.texts},
        force=context.force,
    )
    return conclusion


def _fermi_energy(model: Model, n_hat: RealArray, kubo: KuboContext) -> tuple[float, float]:
    """Fermi energy of the model's electrons on the input's k grid and its error, eV, from a first pass that only counts
    levels. Collective. Raises InputError if the count is not reached.
    """
    comm, quiet = kubo.run.comm, kubo.run.quiet
    start = reference_energy(kubo.section, model)
    edges = start + np.linspace(-20.0, 20.0, 40_001)
    none = np.zeros(0)
    request = Request(model.crystal, np.array([start - 1.0, start + 1.0]), none, none, none, count_edges=edges)
    solver = next(solvers(model, n_hat[None], frozenset()))
    task = plan(solver, request, kubo.section.k, comm)
    summed = sum_over_k(task, comm, checkpoints=kubo.checkpoints, quiet=quiet, label="electrons")
    electrons = float(model.electrons or 0.0)
    energy = energy_of_count(edges, summed.total[COUNT], electrons)
    if energy is None:
        raise InputError(
            f"kubo.energies.from_electrons: {model.electrons:g} electrons per cell are not reached within 20 eV "
            f"of {start:g} eV; give kubo.energies.reference"
        )
    error = error_of_fermi_energy(edges, summed, electrons, energy)
    tell(comm, f"Fermi energy of {model.electrons:g} electrons: {energy:.6f} ± {error:.2g} eV", quiet=quiet)
    return energy, error


def _no_band_between(raw: RawSums) -> list[str]:
    """A warning if no level lies between the Fermi energies: an axis in the wrong place gives zeros, not an error."""
    if raw[WINDOW][1] == 0.0:
        return ["no band lies between the first and the last Fermi energy; is the reference energy right?"]
    return []


def _restart_texts(settings: KuboInput, context: RunContext) -> dict[str, str]:
    """What a restart needs besides the sums: the input, and what must not change in between. Serial."""
    return {
        **context.restart_texts("kubo", settings),
        "program": __version__,
        "model_sha256": checksums(settings.model),
    }
