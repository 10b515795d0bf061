"""Tight-binding models of PythTB (https://www.physics.rutgers.edu/pythtb), versions 1.7 to 2, and pickles of them.

PythTB puts the phases of orbital positions into H(k); here they live in the centres, and X(R) is the same. Its spinor
index is orbital × 2 + spin. It has no units: lengths are taken as Å, energies as eV.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import InputError, ModelError, one_line
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.film import as_film
from hpcalo.hamiltonian.hops import VACUUM
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.pairs import layout_pairs
from hpcalo.hamiltonian.readers.base import Magnetization, Reader
from hpcalo.hamiltonian.types import Crystal, WannierModel
from hpcalo.typing import ComplexArray

THICKNESS = 1.0  # Å, of a plane or chain of points
MAX_BYTES = 2 * 2**30
PLAIN = {
    ("builtins", "complex"), ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "slice"),
    ("builtins", "object"), ("copyreg", "_reconstructor"), ("collections", "OrderedDict"),
    ("collections", "defaultdict"), ("_codecs", "encode"),
}  # fmt: skip
"""What a model's pickle needs besides arrays and PythTB's own classes; nothing in it acts on the world."""
Hop = tuple[ArrayLike, int, int, list[int]]


class PythTB(Reader):
    """A model of PythTB that was saved with `pickle.dump`."""

    source: ClassVar = "pythtb"
    help: ClassVar = "a PythTB model's .pickle"
    endings: ClassVar = (".pickle", ".pkl")

    pythtb: InputPath = Field(description="a model of PythTB, saved with pickle.dump (.pickle, .pkl)")
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The one file."""
        return [self.pythtb.path]

    def read(self) -> WannierModel:
        """The model. Raises InputError without PythTB, ModelError: no pickle, or one of something else."""
        path = self.pythtb.path
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ModelError(f"{path}: {path.stat().st_size / 2**30:.1f} GiB: too large for a PythTB model")
            model = _ModelUnpickler(io.BytesIO(path.read_bytes())).load()
        except OSError as problem:
            raise ModelError(f"{path}: cannot be read: {problem.strerror or problem}") from None
        except ImportError:
            raise InputError(f"{path}: needs PythTB, which is not installed: pip install pythtb") from None
        except ModelError as problem:
            raise ModelError(f"{path}: {problem}") from None
        except Exception as problem:  # whatever a damaged pickle does
            raise ModelError(f"{path}: is not an intact pickle: {one_line(problem)[:160]}") from None
        keys = {"n_hat", "thickness", "fermi_energy", "electrons"}
        try:
            return from_pythtb(model, name=path.stem, **self.model_dump(include=keys))
        except ModelError as problem:
            raise ModelError(f"{path}: {problem}") from None


class _ModelUnpickler(pickle.Unpickler):
    """Reads a model and nothing that could act: a pickle may name any function, and this one calls none but these."""

    def find_class(self, module: str, name: str) -> object:
        root = module.partition(".")[0]
        arrays = root == "numpy" and name in {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}
        if not (arrays or (root == "pythtb" and "." not in name) or (module, name) in PLAIN):
            raise ModelError(f"names {module}.{name}: it is no PythTB model, and is not opened")
        found = super().find_class(module, name)
        if root == "pythtb" and not isinstance(found, type):
            raise ModelError(f"names the function {module}.{name}: it is no PythTB model, and is not opened")
        return found


def from_pythtb(
    model: Any,  # of PythTB, which has no types, in either of its generations
    *,
    n_hat: tuple[float, float, float] | None = None,
    thickness: float | None = None,
    fermi_energy: float | None = None,
    electrons: float | None = None,
    name: str = "",
) -> WannierModel:
    """A WannierModel from a `pythtb.tb_model` or `pythtb.TBModel`, spinful (nspin = 2, with exchange part) or not.

    n_hat: direction of the majority moment; default: found from the exchange part, that is from what is odd under time
    reversal of real orbitals. thickness: Å, of a film; 1 Å if not given. Missing dimensions become vacuum.
    fermi_energy: eV. electrons: per cell. Raises ModelError: no such object, parameters without values, nothing that
    repeats, four dimensions.
    """
    lattice, orbitals, periodic_dirs, spins, onsite, hops = _parts(model)
    dimensions = len(lattice)
    if dimensions > 3:
        raise ModelError(f"the PythTB model has {dimensions} dimensions; at most 3 are supported")
    if not periodic_dirs:
        raise ModelError("the PythTB model is not periodic in any direction")
    cell = np.diag([VACUUM] * 3)
    cell[:dimensions, :dimensions] = lattice
    periodic = (0 in periodic_dirs, 1 in periodic_dirs, 2 in periodic_dirs)
    positions = np.zeros((len(orbitals), 3))
    positions[:, :dimensions] = orbitals @ lattice
    cells: dict[tuple[int, int, int], ComplexArray] = {}
    N = spins * len(orbitals)

    def add(R: list[int], i: int, j: int, amplitude: NDArray) -> None:
        matrix = cells.setdefault((R[0], R[1], R[2]), np.zeros((N, N), dtype=np.complex128))
        matrix[spins * i : spins * (i + 1), spins * j : spins * (j + 1)] += amplitude

    for i, energy in enumerate(onsite):
        add([0, 0, 0], i, i, energy)
    for amplitude, i, j, R in hops:
        block = np.reshape(np.asarray(amplitude, dtype=np.complex128), (spins, spins))
        there = [*R, 0, 0, 0][:3]
        add(there, i, j, block)
        add([-n for n in there], j, i, block.conj().T)
    order = sorted(cells)
    H = np.array([cells[R] for R in order])
    notes = ["from PythTB: lengths taken as angstrom, energies as eV"]
    if not all(periodic) and thickness is None:
        thickness = THICKNESS
        notes.append(f"thickness {THICKNESS:g} Å was assumed (set it with 'thickness')")
    result = WannierModel(
        crystal=Crystal(
            lattice=cell,
            periodic=periodic,
            positions=positions,
            symbols=("X",) * len(orbitals),
            moments=np.zeros(len(orbitals)),
            thickness=None if all(periodic) else thickness,
        ),
        R=np.array(order, dtype=np.int64),
        H_Rnn=H,
        centres=np.repeat(positions, spins, axis=0),
        fermi_energy=fermi_energy,
        electrons=electrons,
        name=name,
        notes=tuple(notes),
    )
    if spins == 2:
        up, down = layout_pairs(N, "interleaved")
        result = with_magnetization(replace(result, up=up, down=down, odd_Rnn=odd_part(H, up, down)), n_hat)
    return result if thickness is None else as_film(result, thickness)


def _parts(model: Any) -> tuple[NDArray, NDArray, list[int], int, NDArray, list[Hop]]:
    """Lattice, orbitals (reduced), periodic directions, spin components, on-site terms and hops, of both interfaces."""
    if hasattr(model, "lat_vecs") and hasattr(model, "hoppings"):  # 2.x
        if unset := [str(p["names"]) for p in getattr(model, "parameters", ())]:
            raise ModelError(f"the PythTB model has parameters without values: {', '.join(unset)}; use with_parameters")
        hops: list[Hop] = [
            (h["amplitude"], h["from_orbital"], h["to_orbital"], [int(n) for n in h.get("lattice_vector", ())])
            for h in model.hoppings
        ]
        lattice, orbitals, onsite = np.array(model.lat_vecs), np.array(model.orb_vecs), np.array(model.onsite)
        directions, spins = list(model.periodic_dirs), int(model.nspin)
    elif all(hasattr(model, name) for name in ("_lat", "_orb", "_per", "_nspin", "_site_energies", "_hoppings")):
        hops = [(h[0], int(h[1]), int(h[2]), [int(n) for n in h[3]] if len(h) > 3 else []) for h in model._hoppings]
        lattice, orbitals, onsite = np.array(model._lat), np.array(model._orb), np.array(model._site_energies)
        directions, spins = list(model._per), int(model._nspin)
    else:
        raise ModelError(f"expected a pythtb.tb_model or pythtb.TBModel, not {type(model).__name__}")
    return lattice.astype(float), orbitals.astype(float), [int(d) for d in directions], spins, onsite, hops
