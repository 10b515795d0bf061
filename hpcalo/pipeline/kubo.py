"""The Kubo data path on one page: input → model → k mesh → states → pair sums → one reduction → observables →
result.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.config.kubo import KuboInput, KuboSection
from hpcalo.errors import ConvergenceError, InputError, ModelError
from hpcalo.kubo.engine import sum_block
from hpcalo.kubo.plan import make_request
from hpcalo.kubo.request import Request
from hpcalo.kubo.solvers import check_need, directions_of, solvers
from hpcalo.kubo.states import StateSolver, velocity_directions
from hpcalo.kubo.symmetrize import symmetries_of, symmetrized
from hpcalo.model.kmesh import KMesh, block_size, uniform_mesh
from hpcalo.model.symmetry import candidates, identity
from hpcalo.model.types import LcaoModel, RealArray, WannierModel
from hpcalo.observables.axes import RunAxes
from hpcalo.observables.collect import kubo_fields
from hpcalo.observables.magnet import energy_of_count
from hpcalo.output.fields import kubo_coordinates, to_variables, used
from hpcalo.output.hdf5 import write_dataset
from hpcalo.output.modelfile import load_model
from hpcalo.output.provenance import provenance
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.progress import Progress, duration, tell

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

Model = WannierModel | LcaoModel


@dataclass(frozen=True)
class Pass:
    """One pass over k for one direction of the magnetization: what all ranks agree on before they start."""

    solver: StateSolver
    mesh: KMesh
    request: Request
    note: str

    @property
    def blocks(self) -> list[slice]:
        """Blocks of k-points, the same for any number of ranks."""
        return self.mesh.blocks(block_size(self.solver.size))


def run_kubo(
    settings: KuboInput,
    comm: Intracomm,
    *,
    source: Path,
    output: Path,
    force: bool = False,
    quiet: bool = False,
    overrides: tuple[str, ...] = (),
) -> None:
    """Computes everything the input asks for in one pass over k per direction and writes the result. Collective.

    Raises InputError, ModelError, ConvergenceError, OutputError on all ranks.
    """
    started = time.monotonic()
    section = settings.kubo
    model: Model = on_root(comm, lambda: load_model(settings.model, source.parent))
    with together(comm):
        reference = reference_energy(section, model)
        n_hat = directions_of(model, section.n_hat)
        request = make_request(section, reference, len(velocity_directions(model.crystal)))
        request = replace(request, curvature="curvature" in check_need(model, request.need()))
    crystal, notes = model.crystal, model.notes
    if section.energies.from_electrons:
        reference = _fermi_energy(model, section, n_hat[0], comm, quiet)
        request = make_request(section, reference, len(velocity_directions(crystal)))
    states = solvers(model, n_hat, request.need(), spin_matrices=section.spin_matrices)
    del model
    raw, lines = [], [f"reference energy {reference:.6f} eV", *notes]
    for note in notes:
        tell(comm, f"note: {note}", quiet=quiet)
    for number, solver in enumerate(states):
        plan = _plan(solver, request, section, comm)
        label = f"n = ({', '.join(f'{x:.3g}' for x in n_hat[number])})"
        tell(comm, f"{label}: {plan.note}", quiet=quiet)
        lines.append(f"{label}: {plan.note}")
        raw.append(sum_over_k(plan, comm, quiet=quiet, label=label))
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
        _warn_if_outside(run, comm)
    record = provenance(
        comm,
        settings,
        source=source,
        overrides=overrides,
        model_files=model_files(settings, source),
        layout=Layout(comm.size, comm.rank, len(plan.blocks), len(request.energies)).describe(),
    )
    write_dataset(
        output,
        comm,
        to_variables(fields, comm),
        used(kubo_coordinates(run, reference), fields),
        provenance=record,
        attrs={
            "engine": "kubo",
            "title": settings.title or source.stem,
            "reference_energy_eV": reference,
            "cell_volume_A3": crystal.volume,
            "k_points_full": plan.mesh.full,
        },
        texts={"notes": "\n".join(lines)},
        force=force,
    )
    tell(comm, f"{len(fields)} quantities in {duration(time.monotonic() - started)}", quiet=quiet)


def sum_over_k(plan: Pass, comm: Intracomm, *, quiet: bool = True, label: str = "") -> dict[str, RealArray]:
    """Raw sums over the whole zone on every rank: blocks shared out, one reduction, wedge unfolded. Collective.

    The sum is exact in the order-independent sense of ExactSum: the result has the same bits on any number of ranks.
    """
    blocks = plan.blocks
    layout = Layout(comm.size, comm.rank, len(blocks), len(plan.request.energies))
    packing = Packing(plan.request.shapes())
    total = ExactSum((packing.size,))
    mine = layout.my_blocks()
    share = sum(blocks[b].stop - blocks[b].start for b in mine)
    with Progress(len(plan.mesh.points), "k", comm, share=share, quiet=quiet, label=label) as progress:
        for b in mine:
            points, weights = plan.mesh.points[blocks[b]], plan.mesh.weights[blocks[b]]
            sums = sum_block(plan.solver, points, weights, plan.request, layout.my_energies(), whole=layout.member == 0)
            total.add(
                packing.pack(sums), f"k-points {np.round(points[0], 4).tolist()} … {np.round(points[-1], 4).tolist()}"
            )
            progress.advance(len(points))
    summed = packing.unpack(total.allreduce(comm).value())
    return symmetrized(summed, plan.mesh.operations, plan.request, plan.solver.directions)


def _plan(solver: StateSolver, request: Request, section: KuboSection, comm: Intracomm) -> Pass:
    """Mesh and symmetry of one direction: found on rank 0, so that all ranks have the same."""
    grid = section.k

    def find() -> tuple[KMesh, str]:
        wanted = (identity(),) if grid.symmetry == "off" else candidates(solver.crystal, solver.n_hat)
        kept, worst = symmetries_of(solver, wanted, request, grid.tolerance)
        if grid.symmetry == "require" and len(kept) < len(wanted):
            raise ModelError(
                f"kubo.k.symmetry: the crystal has {len(wanted)} operations, the Hamiltonian only {len(kept)} "
                f"of them to a relative {grid.tolerance:g}; use 'auto' or 'off', or raise kubo.k.tolerance"
            )
        mesh = uniform_mesh(grid.grid, grid.shift, kept, solver.order)
        note = f"{len(mesh.points)} of {mesh.full} k-points"
        if len(wanted) > 1:
            note += f", {len(mesh.operations)} of {len(wanted)} symmetry operations"
        if len(mesh.operations) > 1:
            note += f" (kept by the Hamiltonian to {worst:.1e})"
        return mesh, note

    for c, repeats in enumerate(solver.crystal.periodic):
        if not repeats and grid.grid[c] != 1:
            raise InputError(
                f"kubo.k.grid: {list(grid.grid)}: the model does not repeat along vector {c + 1}; give 1 there"
            )
    mesh, note = on_root(comm, find)
    return Pass(solver, mesh, request, note)


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


def _fermi_energy(model: Model, section: KuboSection, n_hat: RealArray, comm: Intracomm, quiet: bool) -> float:
    """Fermi energy of the model's electrons on the input's k grid, from a first pass that only counts levels."""
    start = reference_energy(section, model)
    edges = start + np.linspace(-20.0, 20.0, 40_001)
    none = np.zeros(0)
    request = Request(np.array([start - 1.0, start + 1.0]), none, none, none, {}, count_edges=edges)
    solver = next(solvers(model, n_hat[None], frozenset()))
    counted = sum_over_k(_plan(solver, request, section, comm), comm, quiet=quiet, label="electrons")["count"]
    energy = energy_of_count(edges, counted, float(model.electrons or 0.0))
    if energy is None:
        raise InputError(
            f"kubo.energies.from_electrons: {model.electrons:g} electrons per cell are not reached within 20 eV "
            f"of {start:g} eV; give kubo.energies.reference"
        )
    tell(comm, f"Fermi energy of {model.electrons:g} electrons: {energy:.6f} eV", quiet=quiet)
    return energy


def _warn_if_outside(run: RunAxes, comm: Intracomm) -> None:
    """Says so if no level lies between the Fermi energies: an energy axis in the wrong place gives zeros, not an
    error.
    """
    for name, values in run.raw[0].items():
        sort = name.partition(":")[0]
        if sort == "sea" and values.size and not np.any(values[..., 1:-1]):
            tell(
                comm, "warning: no band lies between the first and the last Fermi energy; is energies.reference right?"
            )
            return


def model_files(settings: KuboInput, source: Path) -> Iterable[Path]:
    """Files the model was read from, for the record."""
    given = settings.model
    names = [given.file, given.lcao, given.position_file]
    files = [source.parent / name for name in names if name]
    if given.wannier90:
        stem = source.parent / given.wannier90
        files += sorted(stem.parent.glob(f"{stem.name}_*.dat"))
    return files


def check_kubo(settings: KuboInput, *, source: Path, ranks: int) -> str:
    """Estimate of a run as text: k-points, blocks, memory per rank, time. Serial; times one small block on this
    machine.

    Raises InputError and ModelError as the run would.
    """
    section = settings.kubo
    model = load_model(settings.model, source.parent)
    reference = reference_energy(section, model)
    n_hat = directions_of(model, section.n_hat)
    request = make_request(section, reference, len(velocity_directions(model.crystal)))
    request = replace(request, curvature="curvature" in check_need(model, request.need()))
    solver = next(solvers(model, n_hat, request.need(), spin_matrices=section.spin_matrices))
    wanted = (identity(),) if section.k.symmetry == "off" else candidates(model.crystal, n_hat[0])
    kept, _ = symmetries_of(solver, wanted, request, section.k.tolerance)
    mesh = uniform_mesh(section.k.grid, section.k.shift, kept, solver.order)
    size = block_size(solver.size)
    probe = mesh.points[: min(size, len(mesh.points), 4 if solver.size > 100 else 64)]
    weights = np.full(len(probe), 1.0 / len(probe))
    sum_block(solver, probe[:1], weights[:1], request, slice(None))
    begin = time.process_time()
    sums = sum_block(solver, probe, weights, request, slice(None))
    per_k = (time.process_time() - begin) / len(probe)
    if not all(np.isfinite(v).all() for v in sums.values()):
        raise ConvergenceError("the first k-points give values that are not finite")
    blocks = -(-len(mesh.points) // size)
    rounds = -(-blocks // ranks)
    packed = Packing(request.shapes()).size
    memory = memory_per_rank(model, solver, request, size)
    lines = [
        f"{source}: valid",
        f"model        {model.name or '(unnamed)'}: {solver.size} states, {len(model.R)} cells R, "
        f"volume {model.crystal.volume:.3f} Å^3",
        f"k-points     {len(mesh.points)} of {mesh.full} ({len(mesh.operations)} of {len(wanted)} symmetry operations), "
        f"{blocks} blocks of {size}",
        f"directions   {len(n_hat)} of the magnetization",
        f"result       {8 * packed * len(n_hat) / 2**20:.1f} MiB of raw sums",
        f"memory       about {memory / 2**20:.0f} MiB per rank",
        f"time         about {duration(per_k * size * rounds * len(n_hat))} on {ranks} rank{'s' if ranks > 1 else ''} "
        f"({1e3 * per_k:.3g} ms per k-point here)",
    ]
    if blocks < ranks:
        lines.append(
            f"note         {ranks} ranks for {blocks} blocks: the others share the energy axis and will mostly wait"
        )
    return "\n".join(lines)


def memory_per_rank(model: Model, solver: StateSolver, request: Request, size: int) -> float:
    """Bytes a rank needs at its peak: the model (rank 0 sends it to all), the lattice sums, a batch of states, the
    sums.
    """
    N = solver.size
    cells = sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))
    operators = 16.0 * N**2 * (len(solver.directions) + 3 + 8)
    batch = operators * (min(size, 4) if N > 100 else size)
    return 150 * 2**20 + 3.0 * cells + batch + 8.0 * 8 * Packing(request.shapes()).size
