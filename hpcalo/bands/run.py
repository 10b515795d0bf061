"""The path of a band structure's data: input → model → path → levels → comparison → result."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.bands import compare
from hpcalo.bands.config import BandsInput, BandsSection
from hpcalo.bands.kpath import KPath, path_through
from hpcalo.bands.observables import AT_AN_ATOM
from hpcalo.bands.states import COEFFICIENTS, BandStates, Levels, levels_along
from hpcalo.engine import RunContext
from hpcalo.hamiltonian.loading import checksums, load_model
from hpcalo.hamiltonian.types import Model
from hpcalo.io.dataset import NOTES, Variable
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.provenance import SUMMARY, provenance
from hpcalo.kubo.states.one_level import DEGENERATE
from hpcalo.kubo.states.solvers import magnetization_directions
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.progress import duration, tell
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest
from hpcalo.scan.merge import Results
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

BAND = ("k", "band")
_SHARED = f"mean over levels closer than {DEGENERATE:g} eV to the next one"


@dataclass(frozen=True)
class Found:
    """A finished band structure on rank 0, nothing on the others. text: for the user, "" for none."""

    results: Results
    attrs: dict[str, object]
    notes: tuple[str, ...]
    text: str


def run_bands(settings: BandsInput, context: RunContext) -> None:
    """Computes and writes the result. Collective. Raises InputError, ModelError, OutputError, Interrupted."""
    comm, started = context.comm, time.monotonic()
    with StopRequest() as stop:
        sums = on_root(comm, lambda: checksums(settings.model))
        rounds = Rounds(comm, settings.execution.checkpoint_interval, stop)
        found = compute(settings, comm, rounds, quiet=context.quiet)
    for note in found.notes:
        tell(comm, f"note: {note}", quiet=context.quiet)
    record = provenance(comm, settings, source=context.source, overrides=context.overrides, model_sha256=sums)
    write_dataset(
        context.output,
        comm,
        *found.results,
        provenance=record,
        attrs={"engine": "bands", "title": settings.title or context.source.stem, **found.attrs},
        texts={NOTES: "\n".join(found.notes), SUMMARY: found.text},
        force=context.force,
    )
    tell(comm, f"bands in {duration(time.monotonic() - started)}", quiet=context.quiet)
    for line in found.text.splitlines():
        tell(comm, line, quiet=context.quiet)


def compute(settings: BandsInput, comm: Intracomm, rounds: Rounds, *, quiet: bool) -> Found:
    """Levels along the path, and at the points of the file that they are compared with. Collective.

    Raises InputError, ModelError, Interrupted; on all ranks.
    """
    section = settings.bands
    model: Model = on_root(comm, lambda: load_model(settings.model))
    with together(comm):
        path = path_through(model.crystal, section.path, section.named, section.points)
        n_hat = magnetization_directions(model, section.directions)[0]
        states = BandStates(model, n_hat, spin_matrices=section.spin_matrices, coefficients=section.coefficients)
    other = on_root(comm, lambda: None if section.compare is None else compare.read(section.compare.path, path))
    levels = levels_along(states, path.k, comm, rounds, quiet=quiet, label="bands")
    there = None
    if other is not None:
        there = levels_along(states, other.k, comm, rounds, quiet=quiet, label="compared bands")
    reference, zero = _reference(section, model)
    notes = (*model.notes, *_notes(states.sites, zero))

    def made() -> Found:
        variables = _variables(levels, reference, path, n_hat) if levels is not None else []
        text, attrs = "", {}
        if other is not None and there is not None:
            deviation = _deviation(section, there, other, reference)
            text = deviation.text()
            attrs = {
                "deviation_rms_eV": deviation.rms,
                "deviation_largest_eV": deviation.largest,
                "deviation_largest_at_k": other.k[deviation.k],
                "deviation_largest_of_band": deviation.band + 1,
                "compared_with": str(section.compare),
            }
            variables += _compared(other, there, reference, path)
        about = {"reference_energy_eV": reference, "path_names": list(path.names), "path_ticks": path.ticks}
        used = {dim for variable in variables for dim in variable.dims}
        axes = [axis for axis in _coordinates(path, states.sites) if axis.name in used]
        return Found((variables, axes), {**about, **attrs}, notes, text)

    with together(comm):
        return made() if comm.rank == 0 else Found(([], []), {}, (), "")


def _reference(section: BandsSection, model: Model) -> tuple[float, str]:
    """Zero of the energy axis in eV, and a note where it is a guess."""
    if section.reference is not None:
        return section.reference, ""
    if model.fermi_energy is not None:
        return model.fermi_energy, ""
    return 0.0, "the model has no Fermi energy: energies are as in its files (bands.reference sets the zero)"


def _notes(sites: tuple[str, ...], zero: str) -> list[str]:
    alone = [name for name in sites if name.startswith("centre ")]
    apart = f"{len(alone)} sites without an atom within {AT_AN_ATOM:g} Å" if alone else ""
    return [text for text in (zero, apart) if text]


def _variables(levels: Levels, reference: float, path: KPath, n_hat: RealArray) -> list[Variable]:
    found = [
        Variable("energy", BAND, levels.E_kn - reference, "eV", "energy of the level", equation="H c = E S c"),
        Variable("k_point", ("k", "reciprocal"), path.k, "", "k-point in fractional coordinates"),
        Variable("n_hat", ("component",), n_hat, "", "direction of the magnetization (majority moment)"),
    ]
    every = (
        ("spin", BAND, "hbar/2", "spin along the magnetization", "<n|σ·n̂|n>", "the majority spin is negative", 0),
        ("spin_vector", ("k", "component", "band"), "hbar/2", "spin", "<n|σ_v|n>", "opposite to the moment", 0),
        ("velocity", ("k", "component", "band"), "eV*angstrom", "ħ times the velocity", "ħv = dE/dk", "", 0),
        ("torque", ("k", "component", "band"), "eV", "torque", "<n|T_v|n>", "T = n̂ × ∂H/∂n̂", 0),
        (
            "curvature", ("k", "hall", "band"), "angstrom^2", "Berry curvature",
            "Ω_xy = −2 Im Σ_m <n|ħv_x|m><m|ħv_y|n>/(E_n − E_m)²", "Ω_xy = ∂_x A_y − ∂_y A_x", 0,
        ),
        ("site_weight", ("k", "site", "band"), "", "weight on the site", "Mulliken's with overlap", "", 0),
    )  # fmt: skip
    rows: list[tuple[str, tuple[str, ...], str, str, str, str, int]] = [*every]
    for name, (indices, unit, words, equation, sign) in COEFFICIENTS.items():
        names = ("component" if index == "axis" else index for index in indices)
        rows.append((name, ("k", *names, "band"), unit, words, equation, sign, 0))
    for name, dims, unit, words, equation, sign, parity in rows:
        if name in levels.values:
            data = levels.values[name]
            data = data[:, 0] if dims == BAND else data.reshape(len(data), 3, 3, -1) if len(dims) == 4 else data
            attrs = {"of_degenerate_levels": _SHARED}
            found.append(Variable(name, dims, data, unit, words, attrs, equation=equation, sign=sign, parity=parity))
    return found


def _coordinates(path: KPath, sites: tuple[str, ...]) -> list[Variable]:
    return [
        Variable("k", ("k",), path.distance, "1/angstrom", "length of the path, jumps left out"),
        Variable("component", ("component",), np.array(["x", "y", "z"]), "", "Cartesian component"),
        Variable("hall", ("hall",), np.array(["yz", "zx", "xy"]), "", "component of an antisymmetric tensor"),
        Variable("torque_component", ("torque_component",), np.array(["x", "y", "z"]), "", "component of the torque"),
        Variable(
            "velocity_component", ("velocity_component",), np.array(["x", "y", "z"]), "", "component of the velocity"
        ),
        Variable("site", ("site",), np.array(sites), "", "site of the functions"),
    ]


def _compared(other: compare.Bands, there: Levels, reference: float, path: KPath) -> list[Variable]:
    dims = ("compared_k", "compared_band")
    words = "of the file that the bands are compared with"
    found = [
        Variable("compared_energy", dims, other.E_kn - reference, "eV", f"energy {words}"),
        Variable("compared_model_energy", ("compared_k", "band"), there.E_kn - reference, "eV", "energy of the model"),
        Variable("compared_k_point", ("compared_k", "reciprocal"), other.k, "", f"k-point {words}, fractional"),
    ]
    if other.distance is not None:
        unit, words = "1/angstrom", f"position along the path {words}"
        found.append(Variable("compared_place", ("compared_k",), other.distance, unit, words))
    return found


def _deviation(section: BandsSection, there: Levels, other: compare.Bands, reference: float) -> compare.Deviation:
    """In the window of the input; without one, in the range of the model's energies. Raises InputError."""
    low = there.E_kn.min() if section.minimum is None else reference + section.minimum
    high = there.E_kn.max() if section.maximum is None else reference + section.maximum
    return compare.deviation(there.E_kn, other.E_kn, float(low), float(high))
