"""The path of a map's data: input → model → plane → levels and responses → result."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.bands.points import at_points
from hpcalo.bands.states import COEFFICIENTS, BandStates
from hpcalo.engine import RunContext
from hpcalo.errors import InputError
from hpcalo.hamiltonian.loading import checksums, load_model
from hpcalo.hamiltonian.types import Model
from hpcalo.io.dataset import NOTES, Variable
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.provenance import provenance
from hpcalo.kubo.states.solvers import magnetization_directions
from hpcalo.maps.config import SPECTRAL, MapsInput, MapsSection
from hpcalo.maps.plane import Plane, plane_of
from hpcalo.maps.responses import PointResponses
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.progress import duration, tell, warn
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from collections.abc import Callable

UV = ("u", "v")
NEAR = 10.0
"""Bands within so many Γ of the energy are stored: their contours are the Fermi lines."""
PIECE = 64


def run_maps(settings: MapsInput, context: RunContext) -> None:
    """Computes and writes the result. Collective. Raises InputError, ModelError, OutputError, Interrupted."""
    comm, section, started = context.comm, settings.maps, time.monotonic()
    with StopRequest() as stop:
        sums = on_root(comm, lambda: checksums(settings.model))
        model: Model = on_root(comm, lambda: load_model(settings.model))
        with together(comm):
            reference = reference_of(section, model)
            plane = plane_of(section, model.crystal)
            makers = [maker(model, section, reference) for maker in makers_of(section)]
        rounds = Rounds(comm, settings.execution.checkpoint_interval, stop)
        points = plane.k.reshape(-1, 3)
        found = [
            at_points(one.arrays, points, one.piece, comm, rounds, quiet=context.quiet, label=one.label)
            for one in makers
        ]
    notes = [*model.notes, *(note for one in makers for note in one.notes)]
    for note in notes:
        tell(comm, f"note: {note}", quiet=context.quiet)
    record = provenance(comm, settings, source=context.source, overrides=context.overrides, model_sha256=sums)
    with together(comm):
        variables = _frame(plane) if comm.rank == 0 else []
        for one, arrays in zip(makers, found, strict=True):
            variables += [] if arrays is None else one.variables(arrays, plane.x.shape)
        doubts = [
            text for one, arrays in zip(makers, found, strict=True) if arrays for text in one.doubts(arrays, plane)
        ]
        used = {dim for variable in variables for dim in variable.dims}
        axes = {axis.name: axis for one in makers for axis in one.axes() if set(axis.dims) <= used}
    for text in doubts:
        warn(comm, text)
    record.warned(doubts)
    attrs = {
        "engine": "maps",
        "title": settings.title or context.source.stem,
        "reference_energy_eV": reference,
        "energy_eV": section.energy,
        "gamma_eV": section.gamma,
        "plane_axes": plane.axes.ravel(),
    }
    write_dataset(
        context.output, comm, variables, list(axes.values()), provenance=record, attrs=attrs,
        texts={NOTES: "\n".join(notes)}, force=context.force,
    )  # fmt: skip
    tell(comm, f"map of {len(points)} k-points in {duration(time.monotonic() - started)}", quiet=context.quiet)


def reference_of(section: MapsSection, model: Model) -> float:
    """Zero of the energy axis, eV. Raises InputError where neither the model nor the input knows it."""
    reference = section.reference if section.reference is not None else model.fermi_energy
    if reference is None:
        raise InputError("maps.reference: the model has no Fermi energy; give one here, or model.fermi_energy")
    return reference


def makers_of(section: MapsSection) -> list[Callable[[Model, MapsSection, float], Levels | Integrands]]:
    """What computes the quantities of the input: single levels always, for the Fermi lines; responses if asked for."""
    return [Levels, *([Integrands] if set(section.quantities) - set(SPECTRAL) else [])]


class Levels:
    """Fermi lines, spectral weight, spin texture."""

    label = "levels"

    def __init__(self, model: Model, section: MapsSection, reference: float) -> None:
        n_hat = magnetization_directions(model, section.directions)[0]
        self._states = BandStates(
            model,
            n_hat,
            spin_matrices=section.spin_matrices,
            spin_only=not section.per_band,
            coefficients=section.per_band,
        )
        self._energy, self._gamma, self._quantities = reference + section.energy, section.gamma, section.quantities
        has_spin = any(observable.name == "spin_vector" for observable in self._states.need)
        if "spin_texture" in section.quantities and not has_spin and section.quantities != SPECTRAL:
            raise InputError("maps.quantities: spin_texture: the model has no spin")
        self.piece = max(self._states.piece, min(PIECE, 2**18 // model.size**2))
        self.notes: list[str] = []

    def arrays(self, k: RealArray) -> dict[str, RealArray]:
        """Of the points k (K, 3), by name, (K, …). Serial."""
        levels = self._states.levels(k)
        apart = levels.E_kn - self._energy
        weight = self._gamma / np.pi / (apart**2 + self._gamma**2)
        out = {"energy": apart, "spectral_weight": weight.sum(axis=1)}
        if "spin_vector" in levels.values:
            out["spin_texture"] = np.einsum("kn,kvn->kv", weight, levels.values["spin_vector"])
        return out | {name: levels.values[name] for name in COEFFICIENTS if name in levels.values}

    def doubts(self, arrays: dict[str, RealArray], plane: Plane) -> list[str]:
        """A warning where levels jump over the energy between neighbours on the map."""
        energy = arrays["energy"].reshape(*plane.x.shape, -1)
        steps = [np.abs(np.diff(energy, axis=axis)) for axis in (0, 1)]
        here = [np.abs(energy[1:] + energy[:-1]) / 2.0, np.abs(energy[:, 1:] + energy[:, :-1]) / 2.0]
        crossing = np.concatenate([s[h < s] for s, h in zip(steps, here, strict=True)])
        typical = float(np.median(crossing)) if len(crossing) else 0.0
        if typical <= self._gamma:
            return []
        return [
            f"levels near the energy change by {1e3 * typical:.3g} meV from point to point, and Γ is "
            f"{1e3 * self._gamma:.3g} meV: lines look like beads; give more points (maps.points) or a larger maps.gamma"
        ]

    def axes(self) -> list[Variable]:
        """Coordinates of the axes that the variables may have."""
        names = {
            "axis": "Cartesian axis",
            "torque_component": "component of the torque",
            "velocity_component": "component of the velocity",
        }
        return [Variable(name, (name,), np.array(["x", "y", "z"]), "", words) for name, words in names.items()]

    def variables(self, arrays: dict[str, RealArray], shape: tuple[int, ...]) -> list[Variable]:
        """The maps, from the arrays of all points."""
        energy = arrays["energy"]
        near = (energy.min(axis=0) < NEAR * self._gamma) & (energy.max(axis=0) > -NEAR * self._gamma)
        bands = np.flatnonzero(near)
        found = []
        if len(bands):
            words = "energy of the bands near the energy of the map, relative to it"
            found.append(Variable("energy", (*UV, "band"), energy[:, bands].reshape(*shape, -1), "eV", words))
            found.append(Variable("band_number", ("band",), bands + 1, "", "number of the band, from below"))
            for name in sorted(set(COEFFICIENTS) & set(arrays)):
                dims, unit, words, equation, sign = COEFFICIENTS[name]
                data = arrays[name][:, :, bands].reshape(*shape, *(3 for _ in dims), len(bands))
                dims = (*UV, *dims, "band")
                found.append(Variable(f"band_{name}", dims, data, unit, words, equation=equation, sign=sign))
        if "spectral_weight" in self._quantities:
            data, equation = arrays["spectral_weight"].reshape(shape), "Σ_n (Γ/π)/((E − E_n)² + Γ²)"
            found.append(Variable("spectral_weight", UV, data, "1/eV", "spectral weight", equation=equation))
        if "spin_texture" in self._quantities and "spin_texture" in arrays:
            data, equation = arrays["spin_texture"].reshape(*shape, 3), "Σ_n <n|σ_v|n> (Γ/π)/((E − E_n)² + Γ²)"
            words, sign = "spin of the spectral weight", "opposite to the moment"
            found.append(
                Variable("spin_texture", (*UV, "axis"), data, "hbar/2/eV", words, equation=equation, sign=sign)
            )
        return found


class Integrands:
    """Responses, k-resolved."""

    label, piece = "responses", PIECE

    def __init__(self, model: Model, section: MapsSection, reference: float) -> None:
        self._points = PointResponses(model, section, reference)
        self.notes = self._points.notes

    def arrays(self, k: RealArray) -> dict[str, RealArray]:
        """Of the points k (K, 3), by name, (K, …). Serial."""
        return self._points.arrays(k)

    def doubts(self, arrays: dict[str, RealArray], plane: Plane) -> list[str]:
        """None of its own: integrands are exact at their points."""
        return []

    def axes(self) -> list[Variable]:
        """Coordinates of the axes that the variables may have."""
        return self._points.coordinates()

    def variables(self, arrays: dict[str, RealArray], shape: tuple[int, ...]) -> list[Variable]:
        """The maps, from the arrays of all points."""
        return [
            replace(
                v, dims=(*UV, *v.dims[1:]), data=arrays[v.name].reshape(*shape, *arrays[v.name].shape[1:]), nan_ok=False
            )
            for v in self._points.declared
        ]


def _frame(plane: Plane) -> list[Variable]:
    return [
        Variable("k_point", (*UV, "reciprocal"), plane.k, "", "k-point in fractional coordinates"),
        Variable("k_x", UV, plane.x, "1/angstrom", "position along the first edge of the map"),
        Variable("k_y", UV, plane.y, "1/angstrom", "position across the first edge, in the plane"),
    ]
