"""The Kubo data path on one page: input → model → k mesh → states → pair sums → one reduction → observables →
result.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import __version__
from hpcalo.engine import RunContext
from hpcalo.errors import InputError
from hpcalo.hamiltonian.loading import checksums, files, load_model
from hpcalo.hamiltonian.types import Model
from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.provenance import provenance, resolved_toml
from hpcalo.kubo.config import KuboInput, KuboSection
from hpcalo.kubo.fields import kubo_coordinates, to_variables, used
from hpcalo.kubo.responses.axes import RunAxes
from hpcalo.kubo.responses.collect import kubo_fields
from hpcalo.kubo.responses.magnet import energy_of_count
from hpcalo.kubo.states.solver import velocity_directions
from hpcalo.kubo.states.solvers import check_need, directions_of, solvers
from hpcalo.kubo.sums.passes import Keeper, plan, sum_over_k
from hpcalo.kubo.sums.plan import make_request
from hpcalo.kubo.sums.request import Request
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.progress import duration, tell, warn
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

MARK = "warning: "
"""Begins those notes of a model that are warnings."""


def run_kubo(settings: KuboInput, context: RunContext) -> None:
    """Computes everything the input asks for in one pass over k per direction and writes the result. Collective.

    Raises InputError, ModelError, ConvergenceError, OutputError, CheckpointError, Interrupted; on all ranks.
    """
    with StopRequest() as stop:  # from the start: a signal that comes before the loops is heard in the first of them
        rounds = Rounds(context.comm, settings.execution.checkpoint_interval, stop)
        _run(settings, context, rounds)


def _run(settings: KuboInput, context: RunContext, rounds: Rounds) -> None:
    comm, source, quiet, overrides = context.comm, context.source, context.quiet, context.overrides
    started = time.monotonic()
    section = settings.kubo
    model: Model = on_root(comm, lambda: load_model(settings.model))
    texts = on_root(comm, lambda: _resumable(settings, source, overrides))
    with together(comm):
        reference, n_hat, request = prepare(section, model)
        keeper = Keeper(context.output, rounds, texts, context.resume)
    crystal, notes = model.crystal, model.notes
    if section.energies.from_electrons:
        reference = _fermi_energy(model, section, n_hat[0], comm, quiet, keeper)
        request = replace(
            make_request(section, reference, len(velocity_directions(crystal))), curvature=request.curvature
        )
    states = solvers(model, n_hat, request.need(), spin_matrices=section.spin_matrices)
    del model
    raw, lines = [], [f"reference energy {reference:.6f} eV", *(n for n in notes if not n.startswith(MARK))]
    for note in notes:
        tell(comm, f"note: {note}", quiet=quiet)
    for number, solver in enumerate(states):
        task = plan(solver, request, section, comm)
        label = f"n = ({', '.join(f'{x:.3g}' for x in n_hat[number])})"
        tell(comm, f"{label}: {task.note}", quiet=quiet)
        lines.append(f"{label}: {task.note}")
        raw.append(sum_over_k(task, comm, keeper=keeper, quiet=quiet, label=label))
    with together(comm):
        run = RunAxes(
            energies=request.energies - reference,
            n_hat=n_hat,
            gammas=request.gammas,
            temperatures=np.array(section.temperatures),
            mu=np.array(section.chemical_potentials),
            directions=velocity_directions(crystal),
            volume=crystal.volume,
            raw=tuple(raw),
        )
        fields = kubo_fields(run, section, request.count_edges - reference, crystal.thickness or 0.0)
    outside = _outside(run)
    for text in outside:
        warn(comm, text)
    record = provenance(
        comm,
        settings,
        source=source,
        overrides=overrides,
        model_files=files(settings.model),
        layout=Layout(comm.size, comm.rank, len(task.blocks), len(request.energies)).describe(),
    )
    record.warned([*(n.removeprefix(MARK) for n in notes if n.startswith(MARK)), *outside])
    write_dataset(
        context.output,
        comm,
        to_variables(fields, comm),
        used(kubo_coordinates(run, reference), fields),
        provenance=record,
        attrs={
            "engine": "kubo",
            "title": settings.title or source.stem,
            "reference_energy_eV": reference,
            "cell_volume_A3": crystal.volume,
            **({"cell_area_A2": crystal.area} if velocity_directions(crystal) == (0, 1) else {}),
            "k_points_full": task.mesh.full,
        },
        texts={"notes": "\n".join(lines)},
        force=context.force,
    )
    on_root(comm, lambda: checkpoint.remove(context.output))
    tell(comm, f"{len(fields)} quantities in {duration(time.monotonic() - started)}", quiet=quiet)


def prepare(section: KuboSection, model: Model) -> tuple[float, RealArray, Request]:
    """Reference energy, directions of the magnetization and the request, before anything is computed. Raises
    InputError.
    """
    reference = reference_energy(section, model)
    n_hat = directions_of(model, section.n_hat)
    request = make_request(section, reference, len(velocity_directions(model.crystal)))
    return reference, n_hat, replace(request, curvature="curvature" in check_need(model, request.need()))


def reference_energy(section: KuboSection, model: Model) -> float:
    """Zero of the energy axis, eV. Raises InputError if the model has no Fermi energy and none is given."""
    if section.energies.reference is not None:
        return section.energies.reference
    if section.energies.from_electrons:
        if model.electrons is None:
            raise InputError("kubo.energies.from_electrons: the model has no electron count; give model.electrons")
        return model.fermi_energy if model.fermi_energy is not None else 0.0
    if model.fermi_energy is None:
        raise InputError(
            "kubo.energies.reference: the model has no Fermi energy; give one here, or model.fermi_energy, "
            "or kubo.energies.from_electrons = true"
        )
    return model.fermi_energy


def _fermi_energy(
    model: Model, section: KuboSection, n_hat: RealArray, comm: Intracomm, quiet: bool, keeper: Keeper
) -> float:
    """Fermi energy of the model's electrons on the input's k grid, from a first pass that only counts levels."""
    start = reference_energy(section, model)
    edges = start + np.linspace(-20.0, 20.0, 40_001)
    none = np.zeros(0)
    request = Request(np.array([start - 1.0, start + 1.0]), none, none, none, {}, count_edges=edges)
    solver = next(solvers(model, n_hat[None], frozenset()))
    task = plan(solver, request, section, comm)
    counted = sum_over_k(task, comm, keeper=keeper, quiet=quiet, label="electrons")["count"]
    energy = energy_of_count(edges, counted, float(model.electrons or 0.0))
    if energy is None:
        raise InputError(
            f"kubo.energies.from_electrons: {model.electrons:g} electrons per cell are not reached within 20 eV "
            f"of {start:g} eV; give kubo.energies.reference"
        )
    tell(comm, f"Fermi energy of {model.electrons:g} electrons: {energy:.6f} eV", quiet=quiet)
    return energy


def _outside(run: RunAxes) -> list[str]:
    """A warning if no level lies between the Fermi energies: an axis in the wrong place gives zeros, not an error."""
    for name, values in run.raw[0].items():
        if name.startswith("sea:") and not np.any(values[..., 1:-1]):
            return ["no band lies between the first and the last Fermi energy; is the reference energy right?"]
    return []


def _resumable(settings: KuboInput, source: Path, overrides: tuple[str, ...]) -> dict[str, str]:
    """What a restart needs besides the sums: the complete input, the folder its paths are relative to, and what must be
    the same then. Serial.
    """
    return {
        "engine": "kubo",
        "program": __version__,
        "model_sha256": checksums(settings.model),
        "resolved_input": resolved_toml(settings),
        "source": str(source.absolute()),
        "overrides": "\n".join(overrides),
    }
