"""Fermi surfaces of models that repeat in three directions: levels on a mesh of k, and the files of other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.bands.points import at_points
from hpcalo.bands.states import BandStates
from hpcalo.errors import InputError, nearest
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.types import Model
from hpcalo.io.files import atomic_write
from hpcalo.kubo.states.solvers import magnetization_directions
from hpcalo.maps.config import MapsInput
from hpcalo.maps.run import PIECE, reference_of
from hpcalo.maps.tetrahedra import Triangles, areas, in_first_zone, surface
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

COLOURS = {
    "none": ("", "1"),
    "spin": ("spin", "hbar/2"),
    "velocity": ("velocity", "eV angstrom"),
    **{f"spin_{v}": ("spin_vector", "hbar/2") for v in "xyz"},
    **{f"velocity_{v}": ("velocity", "eV angstrom") for v in "xyz"},
    **{f"torque_{v}": ("torque", "eV") for v in "xyz"},
    **{f"curvature_{v}": ("curvature", "angstrom^2") for v in "xyz"},
}
"""Names of colours: the value of the levels they are made of, and its unit."""


@dataclass(frozen=True)
class FermiSurface:
    """Bands that cross the energy, on a mesh with Γ as its first point.

    E_bijk: (B, n1, n2, n3) eV, relative to the energy. X_bijk: the colour. bands: their numbers, from 1. reciprocal:
    (3, 3) 1/Å, rows.
    """

    E_bijk: RealArray
    X_bijk: RealArray
    bands: tuple[int, ...]
    reciprocal: RealArray
    colour: str

    def triangles(self) -> Iterator[tuple[int, Triangles]]:
        """Number of each band, and its surface."""
        for band, E, X in zip(self.bands, self.E_bijk, self.X_bijk, strict=True):
            yield band, surface(E, X)


def fermi_surface(
    settings: MapsInput, colour: str, points: int, comm: Intracomm, *, quiet: bool
) -> FermiSurface | None:
    """Of model, energy and n̂ of the input; on rank 0, None elsewhere. Collective.

    colour: of `COLOURS`. points: along each direction of the mesh. Raises InputError, ModelError, Interrupted.
    """
    section = settings.maps
    with StopRequest() as stop:
        model: Model = on_root(comm, lambda: load_model(settings.model))
        with together(comm):
            energy = reference_of(section, model) + section.energy
            states = _states(model, settings, colour)
            k = np.stack(np.meshgrid(*(np.arange(points) / points,) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        made = _made(states, colour, energy)
        found = at_points(
            made,
            k,
            PIECE,
            comm,
            Rounds(comm, settings.execution.checkpoint_interval, stop),
            quiet=quiet,
            label="levels",
        )
    with together(comm):
        if found is None:
            return None
        E, X = (found[name].T.reshape(-1, points, points, points) for name in ("energy", "colour"))
        crossing = np.flatnonzero((E.min(axis=(1, 2, 3)) < 0.0) & (E.max(axis=(1, 2, 3)) >= 0.0))
        if not len(crossing):
            raise InputError(f"maps.energy: no band crosses {energy:.6g} eV: there is no Fermi surface")
        reciprocal = np.asarray(2.0 * np.pi * np.linalg.inv(model.crystal.lattice).T, dtype=np.float64)
        return FermiSurface(E[crossing], X[crossing], tuple((crossing + 1).tolist()), reciprocal, colour)


def _states(model: Model, settings: MapsInput, colour: str) -> BandStates:
    section = settings.maps
    if model.crystal.dimensions != 3:
        raise InputError("the model does not repeat in three directions: 'hpcalo maps' draws its Fermi lines")
    n_hat = magnetization_directions(model, section.directions)[0]
    only = colour.startswith(("spin", "none"))
    states = BandStates(model, n_hat, spin_matrices=section.spin_matrices, spin_only=only)
    source = COLOURS[colour][0]
    if source and source not in {observable.name for observable in states.need} | {"curvature"}:
        raise InputError(f"colour: {colour}: the model knows no {source.replace('_vector', '')}")
    return states


def _made(states: BandStates, colour: str, energy: float) -> Callable[[RealArray], dict[str, RealArray]]:
    source = COLOURS[colour][0]

    def made(k: RealArray) -> dict[str, RealArray]:
        levels = states.levels(k)
        X = levels.values[source] if source else np.zeros((len(k), 1, levels.E_kn.shape[1]))
        one = np.linalg.norm(X, axis=1) if colour == source == "velocity" else X[:, "xyz".find(colour[-1]) % X.shape[1]]
        return {"energy": levels.E_kn - energy, "colour": np.asarray(one, dtype=np.float64)}

    return made


def checked_colour(name: str) -> str:
    """The name. Raises InputError if it is no colour."""
    if name not in COLOURS:
        raise InputError(f"colour: {name!r}: no such colour{nearest(name, COLOURS)} ({', '.join(COLOURS)})")
    return name


def write_frmsf(path: Path, found: FermiSurface, *, force: bool) -> None:
    """For FermiSurfer: energies and colours of all bands on the mesh. Serial. Raises OutputError."""
    with atomic_write(path, force=force) as part, part.open("w", encoding="ascii") as file:
        file.write(" ".join(str(n) for n in found.E_bijk.shape[1:]) + f"\n1\n{len(found.bands)}\n")
        np.savetxt(file, found.reciprocal, fmt="%.10f")
        for values in (found.E_bijk, found.X_bijk):
            np.savetxt(file, values.reshape(-1, 1), fmt="%.8e")


def write_vtk(path: Path, found: FermiSurface, *, force: bool) -> None:
    """For ParaView: triangles in the first zone, 1/Å, with band and colour. Serial. Raises OutputError."""
    parts = [(band, in_first_zone(triangles, found.reciprocal)) for band, triangles in found.triangles()]
    vertices = np.concatenate([p.vertices.reshape(-1, 3) for _, p in parts]) @ found.reciprocal
    values = np.concatenate([p.values.ravel() for _, p in parts])
    numbers = np.concatenate([np.full(len(p.values), band) for band, p in parts])
    count = len(numbers)
    corners = np.column_stack([np.full(count, 3), np.arange(3 * count).reshape(-1, 3)])
    with atomic_write(path, force=force) as part, part.open("w", encoding="ascii") as file:
        file.write("# vtk DataFile Version 3.0\nFermi surface, 1/angstrom\nASCII\nDATASET POLYDATA\n")
        file.write(f"POINTS {3 * count} double\n")
        np.savetxt(file, vertices, fmt="%.8f")
        file.write(f"POLYGONS {count} {4 * count}\n")
        np.savetxt(file, corners, fmt="%d")
        file.write(f"CELL_DATA {count}\nSCALARS band int 1\nLOOKUP_TABLE default\n")
        np.savetxt(file, numbers, fmt="%d")
        file.write(f"POINT_DATA {3 * count}\nSCALARS {found.colour} double 1\nLOOKUP_TABLE default\n")
        np.savetxt(file, values, fmt="%.8e")


WRITERS = {".frmsf": write_frmsf, ".vtk": write_vtk}
"""By the ending of the file."""


def described(found: FermiSurface) -> list[str]:
    """For each band its number, the area of its sheet, and the range of the colour."""
    lines = []
    for band, triangles in found.triangles():
        area = areas(triangles, found.reciprocal).sum()
        unit = COLOURS[found.colour][1]
        low, high = float(triangles.values.min()), float(triangles.values.max())
        shown = "" if found.colour == "none" else f", {found.colour} {low:.3g} … {high:.3g} {unit}"
        lines.append(f"band {band}: area {area:.4g} 1/angstrom^2{shown}")
    return lines
