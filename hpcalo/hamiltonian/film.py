"""Which lattice vectors repeat, how thick a film is, and which atom an orbital belongs to."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.types import Model, WannierModel
from hpcalo.typing import IntArray, RealArray

M = TypeVar("M", bound=Model)
CELL_AXIS = {"Rnn": 0, "Rvnn": 0, "vRnn": 1}
"""Which axis of a model's matrices counts cells, by the end of their name."""

SAME_LAYER = 0.3
"""Å: atoms that follow each other by less of height make one rumpled layer."""
VACUUM_HOPPING = 1e-3
"""eV: matrix elements across the vacuum of a film that are smaller may be left out where a thickness is given."""


def periodic_directions(R: IntArray) -> tuple[bool, bool, bool]:
    """A direction repeats if any cell of the Hamiltonian lies along it."""
    return bool(R[:, 0].any()), bool(R[:, 1].any()), bool(R[:, 2].any())


def layer_thickness(lattice: RealArray, periodic: tuple[bool, bool, bool], positions: RealArray) -> float | None:
    """Thickness of a film in Å: extent of its atoms along the normal plus one mean distance of its layers.

    A bulk-like slab of n layers a distance d apart gets n·d. None if it is no film or has a single layer.
    """
    if sum(periodic) != 2:
        return None
    in_plane = lattice[list(periodic)]
    normal = np.cross(in_plane[0], in_plane[1])
    heights = np.sort(positions @ (normal / np.linalg.norm(normal)))
    layers = 1 + int((np.diff(heights) > SAME_LAYER).sum())
    extent = float(heights[-1] - heights[0])
    return extent * layers / (layers - 1) if layers > 1 else None


def thickness_or_default(
    given: float | None, lattice: RealArray, periodic: tuple[bool, bool, bool], positions: RealArray
) -> tuple[float | None, tuple[str, ...]]:
    """The thickness that is used, and a note if it was derived from the atoms; none for a bulk crystal (`as_film`)."""
    if given is not None or all(periodic):
        return None if all(periodic) else given, ()
    derived = layer_thickness(lattice, periodic, positions)
    if derived is None:
        return None, ("thickness: taken as the length of the non-periodic lattice vectors (set it with 'thickness')",)
    text = f"thickness {derived:.4f} Å: extent of the atoms plus one mean layer spacing (set it with 'thickness')"
    return derived, (text,)


def as_film(model: M, thickness: float) -> M:
    """The model as a film of this thickness (Å), a wire if two directions do not repeat.

    A cell that repeats in three directions becomes a film where almost nothing connects it along one of them: slabs
    are often computed with two k-points across the vacuum. Raises ModelError where something does.
    """
    notes = tuple(n for n in model.notes if not n.startswith("thickness"))
    if model.crystal.dimensions == 3:
        model, note = _cut(model)
        notes += (note,)
    return replace(model, crystal=replace(model.crystal, thickness=thickness), notes=notes)


def _cut(model: M) -> tuple[M, str]:
    """The model without the cells beyond its vacuum, and a note. Raises ModelError if there is no vacuum."""
    H = model.H_Rnn if isinstance(model, WannierModel) else np.maximum(np.abs(model.up_Rnn), np.abs(model.down_Rnn))
    sizes = [float(np.abs(H[model.R[:, c] != 0]).max(initial=0.0)) for c in range(3)]
    c = int(np.argmin(sizes))
    which = ("first", "second", "third")[c]
    if sizes[c] > VACUUM_HOPPING:
        raise ModelError(
            f"thickness: the cell repeats in three directions (along the {which} lattice vector, its weakest, with "
            f"matrix elements of {sizes[c]:.2g} eV), so it is no film and its volume is known; leave thickness out"
        )
    keep = model.R[:, c] == 0
    matrices: dict[str, Any] = {  # fields of the model
        f.name: np.compress(keep, getattr(model, f.name), axis=CELL_AXIS[f.name.rpartition("_")[2]])
        for f in fields(model)
        if f.name.rpartition("_")[2] in CELL_AXIS and getattr(model, f.name) is not None
    }
    first, second, third = (model.crystal.periodic[i] and i != c for i in range(3))
    crystal = replace(model.crystal, periodic=(first, second, third))
    note = f"film: matrix elements of at most {sizes[c]:.2g} eV along the {which} lattice vector left out"
    return replace(model, crystal=crystal, R=model.R[keep], **matrices), note


def nearest_atoms(centres: RealArray, lattice: RealArray, positions: RealArray) -> IntArray:
    """For each centre (N, 3) Å the number of the atom that is nearest, periodic images included."""
    shifts = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) @ lattice
    apart = centres[:, None] - positions[None]
    apart -= np.rint(apart @ np.linalg.inv(lattice)) @ lattice
    distance = np.linalg.norm(apart[:, :, None] + shifts, axis=-1).min(axis=-1)
    return np.argmin(distance, axis=1).astype(np.int64)
