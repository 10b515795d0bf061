"""Bands of a density-functional calculation beside those of the model: files, and how far apart they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.bands.kpath import KPath
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.readers.wannier90.text import numbers, read_text
from hpcalo.hamiltonian.readers.wannier90.win_wout import block, plain_lines, three_numbers
from hpcalo.typing import RealArray

EIGENVALUES = ".eig"


@dataclass(frozen=True)
class Bands:
    """Energies of another program.

    E_kn: (K, M) ascending, eV. k: (K, 3) fractional. distance: (K,) 1/Å along the path, None where the points are not
    on it.
    """

    E_kn: RealArray
    k: RealArray
    distance: RealArray | None


@dataclass(frozen=True)
class Deviation:
    """How far the model's bands are from others within a window of energies.

    Number of energies, root mean square and largest deviation in eV (model − other), and where the largest is: its
    k-point, its band and its energy in the other file. skipped: bands of the other file below the model's. window: eV,
    of the other's energies.
    """

    count: int
    rms: float
    largest: float
    k: int
    band: int
    energy: float
    skipped: int
    window: tuple[float, float]

    def text(self) -> str:
        """In one line."""
        below = f"; the file has {self.skipped} bands below those of the model" if self.skipped > 0 else ""
        return (
            f"against the compared bands: largest deviation {1e3 * self.largest:+.1f} meV (band {self.band + 1} of the "
            f"file at {self.energy:.3f} eV), root mean square {1e3 * self.rms:.1f} meV, of {self.count} energies from "
            f"{self.window[0]:.2f} to {self.window[1]:.2f} eV{below}"
        )


def files(path: Path) -> list[Path]:
    """Every file that `read` reads for this one."""
    return [path, path.with_suffix(".win")] if path.suffix == EIGENVALUES else [path]


def read(path: Path, along: KPath) -> Bands:
    """Reads seed.eig with the k-points of seed.win, or blocks of two columns. Serial. Raises ModelError."""
    if path.suffix == EIGENVALUES:
        return _eigenvalues(path)
    return _blocks(path, along)


def _eigenvalues(path: Path) -> Bands:
    win = path.with_suffix(".win")
    rows = block(plain_lines(read_text(win, "the Wannier90 input (.win)")), "kpoints", win)
    if not rows:
        raise ModelError(f"{win}: no block kpoints, which says where the energies of {path.name} are")
    k = np.array([three_numbers(row, win) for row in rows])
    table = numbers(read_text(path, "energies (.eig)"), path)
    if len(table) % 3:
        raise ModelError(f"{path}: expected lines with band, k-point and energy")
    band, point = (column.astype(int) - 1 for column in table.reshape(-1, 3).T[:2])
    E_kn = np.full((len(k), -(-len(table) // 3 // len(k))), np.nan)
    if min(band.min(), point.min()) < 0 or band.max() >= E_kn.shape[1] or point.max() >= len(k):
        raise ModelError(
            f"{path}: {len(band)} energies, bands up to {band.max() + 1}, k-points up to {point.max() + 1}: "
            f"not those of the {len(k)} k-points of {win.name}"
        )
    E_kn[point, band] = table[2::3]
    if np.isnan(E_kn).any():
        raise ModelError(f"{path}: an energy is missing or is there twice")
    return Bands(np.sort(E_kn, axis=1), k, None)


def _blocks(path: Path, along: KPath) -> Bands:
    text = "\n".join(line.split("#")[0].strip() for line in read_text(path, "bands").splitlines() if line[:1] != "@")
    blocks = [part.splitlines() for part in re.split(r"\n\s*\n", text.strip("\n"))]
    if len({len(part) for part in blocks}) != 1 or len(blocks[0]) < 2:
        raise ModelError(f"{path}: expected a block of at least two lines for each band, all of the same length")
    columns = len(blocks[0][0].split())
    values = numbers(text, path)
    if columns < 2 or len(values) != len(blocks) * len(blocks[0]) * columns:
        raise ModelError(f"{path}: expected lines with position and energy, each with as many numbers as the first")
    table = values.reshape(len(blocks), len(blocks[0]), columns)
    x = table[0, :, 0]
    if np.abs(table[:, :, 0] - x).max() > 1e-6 * max(1.0, float(np.abs(x).max())) or np.any(np.diff(x) < 0.0):
        raise ModelError(f"{path}: the first column must ascend and be the same for all bands")
    if not x[-1] > x[0]:
        raise ModelError(f"{path}: the path has no length")
    distance = (x - x[0]) / (x[-1] - x[0]) * along.distance[-1]  # in whatever unit, along the same path
    return Bands(np.sort(table[:, :, 1].T, axis=1), along.at(distance), distance)


def deviation(model_kn: RealArray, other_kn: RealArray, low: float, high: float) -> Deviation:
    """Compares energies (K, N) of the model with (K, M) of another program at the same k-points.

    Bands are numbered from below in both; the other file may have more of them below. That number is the one with the
    smallest root mean square in the window [low, high] of the other's energies, eV. Raises InputError if none of these
    is in the window.
    """
    N, M = model_kn.shape[1], other_kn.shape[1]
    best: Deviation | None = None
    for skipped in range(min(0, M - N), max(0, M - N) + 1):
        first, last = max(skipped, 0), min(M, N + skipped)
        other = other_kn[:, first:last]
        model = model_kn[:, first - skipped : last - skipped]
        inside = (other >= low) & (other <= high)
        if not inside.any():
            continue
        apart = np.where(inside, model - other, 0.0)
        rms = float(np.sqrt((apart**2).sum() / inside.sum()))
        if best is None or rms < best.rms:
            k, n = np.unravel_index(int(np.abs(apart).argmax()), apart.shape)
            best = Deviation(
                int(inside.sum()),
                rms,
                float(apart[k, n]),
                int(k),
                int(n) + first,
                float(other[k, n]),
                skipped,
                (low, high),
            )
    if best is None:
        raise InputError(
            f"bands.compare: no energy of the file lies between {low:.3f} and {high:.3f} eV; "
            f"it holds {other_kn.min():.3f} to {other_kn.max():.3f} eV"
        )
    return best
