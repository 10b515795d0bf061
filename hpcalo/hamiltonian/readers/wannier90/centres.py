"""Lattice, atoms and centres of the functions, from whichever files of a run have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.chk import read_chk
from hpcalo.hamiltonian.readers.wannier90.files import WannierFiles
from hpcalo.hamiltonian.readers.wannier90.raw import RawWannier
from hpcalo.hamiltonian.readers.wannier90.win_wout import Structure, read_centres, read_win, read_wout
from hpcalo.typing import IntArray, RealArray
from hpcalo.units import BOHR_IN_ANGSTROM

CENTRE_TOLERANCE = 1e-3
"""Å, between files of one run."""
ONE_SITE = 0.3
"""Å; functions that are closer sit on one site where the atoms are not known."""


def read_structure(files: WannierFiles, raw: RawWannier) -> Structure:
    """Lattice and atoms of `.win` or `.wout`; of seed_tb.dat alone only the lattice. Raises ModelError."""
    path = files.structure
    if not path.exists():
        if raw.lattice is not None:
            return Structure(raw.lattice, (), np.zeros((0, 3)))
        raise ModelError(
            f"{path}: not found (and no {path.stem}.wout): {files.main.name} does not hold the lattice; give one of "
            f"them, or {files.seed.name}_tb.dat"
        )
    structure = read_win(path, raw.lattice) if path.suffix == ".win" else read_wout(path)[0]
    if raw.lattice is not None:
        require_lattice(path, structure.lattice, raw.lattice, files.main.name)
        structure = replace(structure, lattice=raw.lattice)
    return structure


def require_lattice(path: Path, lattice: RealArray, expected: RealArray, of: str) -> None:
    """Raises ModelError if the file's lattice is another one, and says so where only its unit is."""
    if np.abs(lattice - expected).max() <= CENTRE_TOLERANCE:
        return
    for factor, words in ((BOHR_IN_ANGSTROM, "bohr, say so in its block"), (1 / BOHR_IN_ANGSTROM, "Å, not in bohr")):
        if np.allclose(lattice * factor, expected, rtol=1e-4, atol=CENTRE_TOLERANCE):
            raise ModelError(f"{path}: its lattice differs from that of {of} as if it were in {words}")
    raise ModelError(f"{path}: its lattice differs from that of {of}: the files are of different runs")


def read_function_centres(files: WannierFiles) -> RealArray:
    """Centres (N, 3) Å of seed.wout, seed_centres.xyz or the checkpoint. Raises ModelError."""
    path = files.centres
    if path is None:
        name = files.seed.name
        beside = f"{name}_r.dat, {name}_centres.xyz" if files.main.name.endswith("_hr.dat") else f"{name}.chk"
        raise ModelError(
            f"{files.seed.with_name(name + '.wout')}: not found (and no {beside}): {files.main.name} does not hold the "
            "centres of the functions"
        )
    if path.suffix == ".wout":
        return read_wout(path)[1]
    return read_centres(path) if path.suffix == ".xyz" else read_chk(path).centres


def compared(files: WannierFiles, structure: Structure, centres: RealArray) -> tuple[RealArray, list[str]]:
    """Centres from the position matrix, moved to those of another file where both are the same modulo the k mesh.

    A file that cannot be read, or is of another run, is left out with a note: it is not needed.
    """
    if files.centres is None:
        return centres, []
    try:
        if files.centres.suffix == ".wout":
            found, theirs = read_wout(files.centres)
            mesh = structure.mesh if structure.mesh is not None else found.mesh
        elif files.centres.suffix == ".xyz":  # may be moved to the home cell: tells the run, not where functions are
            theirs, lattice_alone = read_centres(files.centres), np.ones(3, dtype=np.int64)
            same_centres(files.centres, theirs, centres, structure.lattice, lattice_alone)
            return centres, []
        else:
            checkpoint = read_chk(files.centres)
            mesh, theirs = checkpoint.mesh, checkpoint.centres
        return same_centres(files.centres, theirs, centres, structure.lattice, mesh)
    except ModelError as problem:
        return centres, [f"warning: centres not compared with those of another file: {problem}"]


def same_centres(
    path: Path, theirs: RealArray, centres: RealArray, lattice: RealArray, mesh: IntArray | None
) -> tuple[RealArray, list[str]]:
    """Centres moved by the vectors of the k mesh's supercell that bring them nearest to `theirs`, and a note if any is.

    A function on a mesh of k-points repeats with the supercell of the mesh, so its centre is known modulo that; the
    logarithms in the position matrix take one and the logarithms of other files, with guiding centres, another. mesh:
    None if it is not known: nothing is moved then. Raises ModelError if the functions are others.
    """
    if len(theirs) != len(centres):
        raise ModelError(f"{path}: {len(theirs)} Wannier functions, the Hamiltonian has {len(centres)}")
    apart = theirs - centres
    shift = np.zeros_like(centres)
    if mesh is not None:
        supercell = mesh[:, None] * lattice
        shift = np.rint(apart @ np.linalg.inv(supercell)) @ supercell
    left = np.abs(apart - shift).max(axis=1)
    if left.max() > CENTRE_TOLERANCE:
        m = int(left.argmax())
        raise ModelError(
            f"{path}: the centre of function {m + 1} differs by {left[m]:.3g} Å from the Hamiltonian's: the files are "
            "of different runs"
        )
    moved = np.flatnonzero(np.abs(shift).max(axis=1) > 0.0)
    if not len(moved):
        return centres, []
    m = int(moved[0])
    vector = ", ".join(f"{x:.4g}" for x in shift[m])
    others = f" and of {len(moved) - 1} more" if len(moved) > 1 else ""
    return centres + shift, [
        f"centre of function {m + 1}{others} taken from {path.name}: moved by ({vector}) Å, a vector of the k mesh's "
        "supercell, with which the function repeats"
    ]


def with_atoms(structure: Structure, centres: RealArray) -> tuple[Structure, list[str]]:
    """The structure with its atoms, or with sites where functions are if the files name none, and a note on that."""
    if structure.symbols:
        return structure, []
    inverse = np.linalg.inv(structure.lattice)
    sites: list[RealArray] = []
    for centre in centres:
        apart = np.array(sites).reshape(-1, 3) - centre
        apart -= np.rint(apart @ inverse) @ structure.lattice
        if not (np.linalg.norm(apart, axis=1) < ONE_SITE).any():
            sites.append(centre)
    symbols = tuple(f"X{i + 1}" for i in range(len(sites)))
    note = f"no file names the atoms: {len(sites)} sites X1, X2, … are taken for them, where the functions are"
    return replace(structure, symbols=symbols, positions=np.array(sites)), [note]
