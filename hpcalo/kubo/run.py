"""The Kubo data path on one page: input → model → request → states → pair sums → one reduction → responses → result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from hpcalo import __version__
from hpcalo.engine import RunContext
from hpcalo.hamiltonian.kmesh import block_size
from hpcalo.hamiltonian.loading import checksums, load_model
from hpcalo.hamiltonian.types import Model
from hpcalo.io import checkpoint
from hpcalo.io.dataset import NOTES, Variable
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.provenance import SUMMARY, provenance
from hpcalo.kubo.accuracy.violation import symmetry_notes
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.electrons import Electrons, fermi_energy
from hpcalo.kubo.expansion.operations import stored
from hpcalo.kubo.fields import coordinates, spread
from hpcalo.kubo.prepare import WARNING, make_request, prepare, remarks
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.summary.conclusion import Conclusion, conclude
from hpcalo.kubo.summing import KuboContext, Summed, quantities, refine, run_sums, sum_on_grid
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.request import WINDOW
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.progress import duration, tell
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest


def run_kubo(settings: KuboInput, context: RunContext) -> None:
    """Computes everything the input names in one pass over k for each direction, and writes the result. Collective.

    Raises InputError, ModelError, ConvergenceError, OutputError, CheckpointError, Interrupted; on all ranks.
    """
    with StopRequest() as stop:  # from the start: the first loop heeds a signal that came before it
        _run(settings, context, Rounds(context.comm, settings.execution.checkpoint_interval, stop))


def _run(settings: KuboInput, context: RunContext, rounds: Rounds) -> None:
    started = time.monotonic()
    comm, quiet = context.comm, context.quiet
    model: list[Model] = [on_root(comm, lambda: load_model(settings.model))]
    texts = on_root(comm, lambda: {**context.restart_texts("kubo", settings), **identity(settings)})
    with together(comm):
        checkpoints = PassCheckpoints(context.output, rounds, texts, context.resume)
    kubo = KuboContext(context, settings, checkpoints)
    found = compute(model.pop(), kubo)  # the model goes with its last use there
    conclusion = _write(kubo, found)
    on_root(comm, lambda: checkpoint.remove(context.output))
    tell(comm, f"{len(found.fields)} quantities in {duration(time.monotonic() - started)}", quiet=quiet)
    conclusion.say(comm, quiet=quiet)


@dataclass(frozen=True)
class Computed:
    """The quantities of a run and their sums. reference: eV, zero of the energy axis. attrs: for the result."""

    run: RunSums
    fields: list[Variable]
    reference: float
    summed: Summed
    attrs: dict[str, object]


def compute(model: Model, kubo: KuboContext) -> Computed:
    """From the model to the quantities with their errors: sums for each direction of the magnetization. Collective.

    Raises InputError, ModelError, ConvergenceError, OutputError, CheckpointError, StopRequested; on all ranks.
    """
    comm, section, quiet = kubo.run.comm, kubo.section, kubo.run.quiet
    with together(comm):
        reference, n_hat, request = prepare(section, model)
    counted: Electrons | None = None
    if section.energies.from_electrons:
        counted = fermi_energy(model, n_hat[0], kubo)
        reference = counted.energy
        request = replace(make_request(section, reference, model.crystal), sums=request.sums, missing=request.missing)
    notes = (*model.notes, *remarks(section, model, n_hat, request))
    for note in notes:
        if note.startswith(WARNING):
            kubo.warn(note.removeprefix(WARNING))
        else:
            tell(comm, f"note: {note}", quiet=quiet)
    lines = [f"reference energy {reference:.6f} eV", *(counted.notes if counted else [])]
    lines += [note for note in notes if not note.startswith(WARNING)]

    def values(passes: Sequence[SummedPass]) -> tuple[RunSums, list[Variable]]:
        return quantities(section, request, reference, counted.error if counted else None, n_hat, passes)

    states = partial(solvers, model, n_hat, request.need(), spin_matrices=section.spin_matrices)
    del model  # the solvers hold what they need of it
    if section.k.target is None:
        once = states()
        del states
        summed = sum_on_grid(once, request, n_hat, kubo)
    else:
        summed = refine(states, request, reference, n_hat, values, kubo, counted.points if counted else 0)
    with together(comm):
        if summed.fields is None:
            run, fields = values(summed.passes)
        else:
            run, fields = run_sums(section, request, reference, n_hat, summed.passes), list(summed.fields)
    warnings = [*_no_band_between(summed.passes[0].total), *(counted.warnings if counted else []), *summed.warnings]
    for text in warnings:
        kubo.warn(text)
    warnings = [*(n.removeprefix(WARNING) for n in notes if n.startswith(WARNING)), *warnings]
    for text in (symmetry := symmetry_notes(fields)):
        tell(comm, f"note: {text}", quiet=quiet)
    noted = replace(summed, notes=[*lines, *summed.notes, *symmetry], warnings=warnings)
    crystal, mesh = run.crystal, summed.task.mesh
    attrs = {
        "reference_energy_eV": reference,
        **({"reference_energy_error_eV": counted.error} if counted else {}),
        "cell_volume_A3": crystal.volume,
        **({"cell_area_A2": crystal.area} if run.directions == (0, 1) else {}),
        **stored(crystal),
        "k_points_full": mesh.full,
        "k_points": summed.passes[-1].points,
        "k_grid": list(mesh.grid),
        "k_shift": list(mesh.shift),
        **summed.attrs,
    }
    return Computed(run, fields, reference, noted, attrs)


def _write(kubo: KuboContext, found: Computed) -> Conclusion:
    """The result file, and what is to be said of it. Collective. Raises OutputError."""
    context, settings, run, fields, summed = kubo.run, kubo.settings, found.run, found.fields, found.summed
    blocks = -(-summed.passes[-1].points // block_size(summed.task.solver.size))
    record = provenance(
        context.comm,
        settings,
        source=context.source,
        overrides=context.overrides,
        model_sha256=kubo.checkpoints.texts["model_sha256"],
        layout=Layout(context.comm.size, context.comm.rank, blocks, len(run.energies)).describe(),
    )
    axes = coordinates(run, responses(kubo.section.quantities), found.reference, fields)
    conclusion = on_root(context.comm, lambda: conclude(settings, run, fields, axes, summed.passes))
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
            **found.attrs,
        },
        texts={NOTES: "\n".join(summed.notes), SUMMARY: conclusion.text, **summed.texts},
        force=context.force,
    )
    return conclusion


def _no_band_between(raw: RawSums) -> list[str]:
    """A warning if no level lies between the Fermi energies: an axis in the wrong place gives zeros, not an error."""
    if raw[WINDOW][1] == 0.0:
        return ["no band lies between the first and the last Fermi energy; is the reference energy right?"]
    return []


def identity(settings: KuboInput) -> dict[str, str]:
    """What must not change between a run and its restart besides the input. Serial."""
    return {"program": __version__, "model_sha256": checksums(settings.model)}
