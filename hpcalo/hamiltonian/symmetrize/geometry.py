"""The magnetic space group of a crystal, its lattice and points moved to where the group has them exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.symmetry import Operation, candidates, closed
from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import IntArray, RealArray

TOLERANCE = 1e-3
"""Å: how far a point may be from where an operation wants it. spglib is asked with a tenth of it."""
DIRECTION = 1e-3
"""How far an operation may turn n̂ away (the lattice of a file has few digits)."""


@dataclass(frozen=True)
class SpaceGroup:
    """Operations g = {W|w} of the magnetic group with what they do to points: W f_a + w = f_b + L_a.

    crystal, n_hat, extra: as given, moved so that all operations hold exactly (extra: points (E, 3) Å that are no
    atoms). operations: G, identity first. image: (G, P) b of each a; atoms first, then the extra points. shift: (G, P,
    3) L_a. product: (G, G) number of the product g·h.
    """

    crystal: Crystal
    n_hat: RealArray
    extra: RealArray
    operations: tuple[Operation, ...]
    image: IntArray
    shift: IntArray
    product: IntArray

    @property
    def points(self) -> RealArray:
        """Atoms and extra points, (P, 3) Å."""
        return np.concatenate([self.crystal.positions, self.extra])


def space_group(crystal: Crystal, n_hat: RealArray, extra: RealArray, *, time: bool = True) -> SpaceGroup:
    """The group; time: with the operations that reverse it.

    Raises ModelError if an operation of the atoms does not map the extra points onto each other.
    """
    crystal, n_hat = _with_exact_lattice(crystal, n_hat)
    operations = tuple(op for op in candidates(crystal, n_hat) if time or not op.time_reversal)
    if not closed(operations):
        raise ModelError("symmetry: the operations found are not a group: lattice or atoms are known too roughly")
    to_fractional = np.linalg.inv(crystal.lattice)
    points = np.concatenate([crystal.positions, extra]) @ to_fractional
    kinds = _kinds(crystal)
    translations, image, shift = [], [], []
    for op in operations:
        w, b, L = _placed(op, points, kinds, crystal)
        translations.append(w)
        image.append(b)
        shift.append(L)
    exact = _with_exact_points(points, operations, np.array(translations), np.array(image), np.array(shift))
    cartesian = exact @ crystal.lattice
    atoms = len(crystal.positions)
    number = {op.key(): g for g, op in enumerate(operations)}
    return SpaceGroup(
        crystal=replace(crystal, positions=cartesian[:atoms]),
        n_hat=n_hat,
        extra=cartesian[atoms:],
        operations=operations,
        image=np.array(image),
        shift=np.array(shift),
        product=np.array([[number[a.times(b).key()] for b in operations] for a in operations]),
    )


def _kinds(crystal: Crystal) -> list[tuple[str, float]]:
    """What distinguishes atoms, as `candidates` does: symbol and moment."""
    return [(s, round(float(m), 3)) for s, m in zip(crystal.symbols, crystal.moments, strict=True)]


def _with_exact_lattice(crystal: Crystal, n_hat: RealArray) -> tuple[Crystal, RealArray]:
    """Lattice whose metric the rotations of the group leave unchanged, and n̂ that they leave unchanged."""
    kinds = _kinds(crystal)
    named = replace(crystal, symbols=tuple(f"{s} {m}" for s, m in kinds), moments=np.zeros(len(kinds)))
    spinless = not np.any(crystal.moments)
    group = [
        op
        for op in candidates(named, n_hat)
        if spinless or np.abs(op.time_sign * op.axial @ n_hat - n_hat).max() < DIRECTION
    ]
    metric = crystal.lattice @ crystal.lattice.T
    exact = np.mean([op.rotation.T @ metric @ op.rotation for op in group], axis=0)
    lattice = scipy.linalg.sqrtm(exact).real @ np.linalg.inv(scipy.linalg.sqrtm(metric).real) @ crystal.lattice
    if np.abs(lattice - crystal.lattice).max() < 1e-14 * np.abs(lattice).max():
        lattice = crystal.lattice
    moved = replace(crystal, lattice=lattice, positions=crystal.positions @ np.linalg.inv(crystal.lattice) @ lattice)
    if spinless:
        return moved, n_hat
    back = np.linalg.inv(lattice.T)
    turned = []
    for op in group:
        cartesian = lattice.T @ op.rotation @ back
        turned.append(op.time_sign * np.sign(np.linalg.det(cartesian)) * cartesian @ n_hat)
    mean = np.mean(turned, axis=0)
    return moved, mean / np.linalg.norm(mean)


def _placed(
    op: Operation, points: RealArray, kinds: list[tuple[str, float]], crystal: Crystal
) -> tuple[RealArray, IntArray, IntArray]:
    """Translation w, images b and lattice shifts L of one operation. Raises ModelError if there are none."""
    worst = 0
    for w in _translations(op, points, kinds, crystal):
        found = _mapped(points @ op.rotation.T + w, points, crystal, kinds)
        if isinstance(found, tuple):
            return w, *found
        worst = max(worst, found)
    where = ", ".join(f"{x:.4f}" for x in points[worst])
    what = "atom" if worst < len(kinds) else "functions"
    raise ModelError(
        f"symmetry: the operation {op.rotation.tolist()} of the crystal has no image for the {what} at "
        f"({where}) in units of the lattice vectors: the functions do not sit on symmetric positions"
    )


def _translations(
    op: Operation, points: RealArray, kinds: list[tuple[str, float]], crystal: Crystal
) -> Iterator[RealArray]:
    """None, then each one that takes an atom of the rarest kind to another of its kind."""
    yield np.zeros(3)
    if kinds:
        first = min(range(len(kinds)), key=lambda a: kinds.count(kinds[a]))
        for b in (b for b, kind in enumerate(kinds) if kind == kinds[first]):
            w = points[b] - op.rotation @ points[first]
            yield w - np.rint(w) * np.array(crystal.periodic)


def _mapped(
    moved: RealArray, points: RealArray, crystal: Crystal, kinds: list[tuple[str, float]]
) -> tuple[IntArray, IntArray] | int:
    """Images and lattice shifts of all points, or the first that has none."""
    apart = moved[:, None] - points[None]
    shift = np.rint(apart) * np.array(crystal.periodic)
    distance = np.linalg.norm((apart - shift) @ crystal.lattice, axis=-1)
    names = [*kinds, *[None] * (len(points) - len(kinds))]
    unlike = np.array([[a != b for b in names] for a in names])
    distance[unlike] = np.inf
    image = distance.argmin(axis=1)
    gap = distance[np.arange(len(points)), image]
    if gap.max(initial=0.0) > TOLERANCE:
        return int(gap.argmax())
    return image.astype(np.int64), shift[np.arange(len(points)), image].astype(np.int64)


def _with_exact_points(
    points: RealArray, operations: tuple[Operation, ...], w: RealArray, image: IntArray, shift: IntArray
) -> RealArray:
    """The nearest points (and translations) for which W f_a + w = f_b + L_a exactly: least squares, smallest change."""
    P, G = points.shape[0], len(operations)
    rows = np.zeros((G, P, 3, 3 * (P + G)))
    gaps = np.zeros((G, P, 3))
    for g, op in enumerate(operations):
        for a in range(P):
            b = image[g, a]
            rows[g, a, :, 3 * a : 3 * a + 3] += op.rotation
            rows[g, a, :, 3 * b : 3 * b + 3] -= np.eye(3)
            rows[g, a, :, 3 * (P + g) : 3 * (P + g) + 3] += np.eye(3)
            gaps[g, a] = points[b] + shift[g, a] - op.rotation @ points[a] - w[g]
    if np.abs(gaps).max(initial=0.0) == 0.0:
        return points
    change = np.linalg.lstsq(rows.reshape(-1, 3 * (P + G)), gaps.ravel(), rcond=1e-10)[0]
    return np.asarray(points + change[: 3 * P].reshape(P, 3), dtype=np.float64)
