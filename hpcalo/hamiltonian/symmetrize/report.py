"""What symmetrizing found and changed, for the terminal and the model's notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import RealArray

WINDOW = 3.0
"""eV about the Fermi energy where the change of the bands is reported."""
POINTS = 64
"""k-points where bands are compared."""


def names_of(operations: Sequence[Operation]) -> str:
    """Their labels, those with time reversal last."""
    labels = Counter(op.label for op in sorted(operations, key=lambda op: op.time_reversal))
    return ", ".join(f"{count} × {label}" if count > 1 else label for label, count in labels.items())


@dataclass(frozen=True)
class Deviation:
    """Largest |T_g[X] − X| of a matrix, and the operation where it occurs.

    lost: elements would go to cells that the model does not have.
    """

    name: str
    unit: str
    size: float
    worst: Operation
    lost: bool = False

    @property
    def operation(self) -> str:
        """The operation's label."""
        return self.worst.label

    def text(self) -> str:
        """Name, number and unit."""
        return f"{self.name} {self.size:.1e}{self.unit and ' ' + self.unit}"


@dataclass(frozen=True)
class Report:
    """What was found and changed.

    operations: those of the magnetic group. source: how D was found. images: where the replicas are from, if not from
    the file. before, after: deviations. change_of_r: largest change of the position matrix, Å. moved, stretched: of the
    sites and of the lattice vectors, Å. old, new: the models, replicas folded in.
    """

    operations: tuple[Operation, ...]
    source: str
    images: str
    before: tuple[Deviation, ...]
    after: tuple[Deviation, ...]
    change_of_r: float | None
    moved: float
    stretched: float
    old: WannierModel
    new: WannierModel

    def band_change(self) -> float:
        """Largest change of a band, eV, within WINDOW of the Fermi energy (of all bands where it is unknown)."""
        return band_change(self.old, self.new)

    def notes(self) -> tuple[str, ...]:
        """Lines for the terminal and the model file."""
        where = f"within {WINDOW:g} eV of the Fermi energy" if self.old.fermi_energy is not None else "everywhere"
        lines = [
            f"symmetrized over the {len(self.operations)} operations of the magnetic group: "
            f"{names_of(self.operations)}",
            f"symmetrized: representation of the functions from {self.source}",
            f"symmetrized: deviations before: {', '.join(d.text() for d in self.before)}; "
            f"after: {', '.join(d.text() for d in self.after)}",
            f"symmetrized: bands {where} moved by {self.band_change():.1e} eV at most ({POINTS} k-points)",
        ]
        if self.change_of_r is not None:
            doubt = ": what depends on it was not known better" if self.change_of_r > 1e-3 else ""
            lines.append(f"symmetrized: the position matrix changed by {self.change_of_r:.2g} Å at most{doubt}")
        if self.images:
            lines.append(
                f"symmetrized: minimal-distance replicas made again {self.images}: those of the file split images that "
                "symmetry keeps together"
            )
        if max(self.moved, self.stretched) > 1e-9:
            lines.append(
                f"symmetrized: sites moved by {self.moved:.1e} Å, lattice vectors changed by {self.stretched:.1e} Å at "
                "most, to where the operations hold exactly"
            )
        return tuple(lines)


def band_change(old: WannierModel, new: WannierModel) -> float:
    """Largest change of a band, eV, at k-points without symmetry."""
    k = np.random.default_rng(0).random((POINTS, 3)) * np.array(old.crystal.periodic)
    before, after = _bands(old, k), _bands(new, k)
    near = np.ones(before.shape, dtype=bool)
    if old.fermi_energy is not None:
        near = np.abs(before - old.fermi_energy) < WINDOW
    return float(np.abs(after - before)[near].max(initial=0.0))


def _bands(model: WannierModel, k: RealArray) -> RealArray:
    phases = np.exp(2j * np.pi * k @ model.R.T)
    return np.asarray(np.linalg.eigvalsh(np.tensordot(phases, model.H_Rnn, 1)), dtype=np.float64)
