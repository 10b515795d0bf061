"""Paths of k-points through the Brillouin zone: the usual ones by their lattice, or from names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hpcalo.bands.config import AUTOMATIC
from hpcalo.errors import InputError, nearest
from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import RealArray

GAMMA = "Γ"
_NAMES_OF_GAMMA = {"g", "gamma", "γ"}


@dataclass(frozen=True)
class KPath:
    """K k-points along a path of straight segments.

    k: (K, 3) fractional. distance: (K,) 1/Å, the length of the path up to each point, without the jumps. ticks: (T,)
    the distance of each named point; names: theirs, two of them joined by "|" where the path jumps.
    """

    k: RealArray
    distance: RealArray
    ticks: RealArray
    names: tuple[str, ...]

    def at(self, distance: RealArray) -> RealArray:
        """Fractional coordinates (P, 3) at other places of the path. At a jump: where the path arrives."""
        keep = np.append(np.diff(self.distance) > 1e-12, True)
        return np.stack([np.interp(distance, self.distance[keep], self.k[keep, c]) for c in range(3)], axis=1)


def path_through(crystal: Crystal, text: str, named: Mapping[str, Sequence[float]], points: int) -> KPath:
    """The path of the input. text: names joined by "-" and "|", or "auto". named: more points, fractional.

    Raises InputError for an unknown name, for a path of one point, and for a crystal that repeats nowhere.
    """
    if not crystal.dimensions:
        raise InputError("bands: the model repeats in no direction, so it has no bands")
    known, usual = usual_path(crystal)
    known |= {_name(name): np.array(k, dtype=np.float64) for name, k in named.items()}
    parts = usual if text.strip() == AUTOMATIC else _parts(text, known)
    reciprocal = 2.0 * np.pi * np.linalg.inv(crystal.lattice).T  # rows: reciprocal vectors, 1/Å
    ends = [(known[a], known[b]) for part in parts for a, b in pairwise(part)]
    lengths = np.array([np.linalg.norm((b - a) @ reciprocal) for a, b in ends])
    if not lengths.sum() > 0.0:
        raise InputError(f"bands.path: {text}: the path has no length")
    steps = np.maximum(1, np.round(lengths / lengths.sum() * (points - 1)).astype(int))
    k, distance, ticks, names = [], [], [0.0], [parts[0][0]]
    end, segment = 0.0, 0
    for number, part in enumerate(parts):
        if number:
            names[-1] += "|" + part[0]
        k.append(known[part[0]][None])
        distance.append(np.array([end]))
        for name in part[1:]:
            (a, b), n, length = ends[segment], steps[segment], lengths[segment]
            t = np.arange(1, n + 1) / n
            k.append(a + t[:, None] * (b - a))
            distance.append(end + t * length)
            end += float(length)
            segment += 1
            ticks.append(end)
            names.append(name)
    return KPath(np.concatenate(k), np.concatenate(distance), np.array(ticks), tuple(names))


def usual_path(crystal: Crystal) -> tuple[dict[str, RealArray], list[list[str]]]:
    """Named k-points (fractional, in this lattice) and the usual path through them, part by part.

    Bulk: Y. Hinuma et al., Comp. Mat. Sci. 128, 140 (2017), by seekpath, for the crystal without its magnetization.
    Films: ASE's paths of the five planar lattices. Chains: from Γ to X.
    """
    if crystal.dimensions == 3:
        return _of_bulk(crystal)
    order = sorted(range(3), key=lambda c: not crystal.periodic[c])
    if crystal.dimensions == 1:
        edge = np.zeros(3)
        edge[order[0]] = 0.5
        return {GAMMA: np.zeros(3), "X": edge}, [[GAMMA, "X"]]
    from ase.cell import Cell  # noqa: PLC0415  (slow to load)
    from ase.dft.kpoints import parse_path_string  # noqa: PLC0415

    path = Cell(crystal.lattice[order]).bandpath(npoints=0, pbc=[True, True, False])
    known = {}
    for name, k in path.special_points.items():
        known[_name(name)] = np.array(k)[np.argsort(order)]
    return known, [[_name(name) for name in part] for part in parse_path_string(path.path)]


def _of_bulk(crystal: Crystal) -> tuple[dict[str, RealArray], list[list[str]]]:
    import seekpath  # noqa: PLC0415  (slow to load)

    fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
    kinds = {symbol: number + 1 for number, symbol in enumerate(dict.fromkeys(crystal.symbols))}
    atoms = [kinds[symbol] for symbol in crystal.symbols]
    cell = (crystal.lattice, fractional, atoms) if atoms else (crystal.lattice, np.zeros((1, 3)), [1])
    found = seekpath.get_path_orig_cell(cell)
    known: dict[str, RealArray] = {
        _name(n): np.array(np.round(k, 12), np.float64) for n, k in found["point_coords"].items()
    }
    parts: list[list[str]] = []
    for begin, end in found["path"]:
        if parts and parts[-1][-1] == _name(begin):
            parts[-1].append(_name(end))
        else:
            parts.append([_name(begin), _name(end)])
    return known, parts


def _parts(text: str, known: Mapping[str, RealArray]) -> list[list[str]]:
    parts = [[_name(name) for name in re.split(r"\s*-\s*", part.strip())] for part in text.split("|")]
    for part in parts:
        for name in part:
            if name not in known:
                raise InputError(
                    f"bands.path: {text}: no k-point '{name}'{nearest(name, known)}; "
                    f"known are {', '.join(known)}, and those of bands.named"
                )
        if len(part) < 2:
            raise InputError(f"bands.path: {text}: a path joins at least two points, as in 'G-X'")
    return parts


def _name(name: str) -> str:
    """A point by the name it has in figures and in `bands.path`."""
    name = name.strip()
    return GAMMA if name.lower() in _NAMES_OF_GAMMA else name
