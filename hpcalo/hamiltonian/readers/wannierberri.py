"""Reader of systems that WannierBerri saved: a folder of npz files (`System_R.to_npz`, `save_npz` in old versions)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.base import Magnetization, PositionMatrix, Reader, SpinPairs
from hpcalo.hamiltonian.readers.lcao_npz import load_npz
from hpcalo.hamiltonian.readers.matrices import Matrices, Wishes, wannier_model
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

HAMILTONIAN, POSITIONS, SPIN = "_XX_R_Ham", "_XX_R_AA", "_XX_R_SS"
REQUIRED = ("real_lattice", "iRvec", "wannier_centers_cart", HAMILTONIAN)
OPTIONAL = ("periodic", "positions", "atom_labels")


class WannierBerri(Reader):
    """A folder of WannierBerri with Ham, AA (position matrix) and SS (spin matrices), replicas already in them."""

    source: ClassVar = "wannierberri"
    help: ClassVar = "WannierBerri's folder of npz files"

    wannierberri: InputPath = Field(description="folder that WannierBerri's System_R.to_npz wrote")
    spin: SpinPairs = "auto"
    position_matrix: PositionMatrix = True
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The Hamiltonian, lattice, cells and centres; the other arrays as far as they are there and used."""
        names = list(OPTIONAL)
        if self.position_matrix:
            names.append(POSITIONS)
        if self.spin in {"auto", "files"}:
            names.append(SPIN)
        beside = [path for name in names if (path := self._file(name)).is_file()]
        return [self._file(HAMILTONIAN), *(self._file(name) for name in REQUIRED[:3]), *beside]

    def read(self) -> WannierModel:
        """The model. Raises ModelError, InputError."""
        folder = self.wannierberri.path
        arrays = {path.stem: _array(path) for path in self.files()}
        lattice, centres = (_real(arrays[name], self._file(name)) for name in ("real_lattice", "wannier_centers_cart"))
        R = _cells(arrays["iRvec"], self._file("iRvec"))
        if lattice.shape != (3, 3) or centres.shape[1:] != (3,):
            raise ModelError(f"{folder}: lattice {lattice.shape}, centres {centres.shape}: expected (3, 3), (N, 3)")
        matrices = {
            name: _cells_first(arrays[name], R, len(centres), self._file(name))
            for name in (HAMILTONIAN, POSITIONS, SPIN)
            if name in arrays
        }
        A, spin = matrices.get(POSITIONS), matrices.get(SPIN)
        known = "positions" in arrays and "atom_labels" in arrays
        found = Matrices(
            lattice=lattice,
            R=R,
            H_Rnn=matrices[HAMILTONIAN],
            centres=centres,
            A_Rvnn=None if A is None else _with_centres(A.transpose(0, 3, 1, 2), R, centres, self._file(POSITIONS)),
            spin_Rvnn=None if spin is None else spin.transpose(0, 3, 1, 2),
            positions=_real(arrays["positions"], folder).reshape(-1, 3) @ lattice if known else None,
            symbols=tuple(str(label) for label in np.ravel(arrays["atom_labels"])) if known else (),
            periodic=_periodic(arrays.get("periodic")),
        )
        wishes = Wishes.of(self)
        return wannier_model(found, wishes, folder, folder.name)

    def _file(self, name: str) -> Path:
        return self.wannierberri.path / f"{name}.npz"

    @classmethod
    def table(cls, name: str, options: Mapping[str, object]) -> dict[str, object] | None:
        """A folder with WannierBerri's Hamiltonian in it."""
        return {**options, cls.source: name} if (Path(name) / f"{HAMILTONIAN}.npz").is_file() else None


def _array(path: Path) -> NDArray:
    data = load_npz(path)
    if len(data) != 1:
        raise ModelError(f"{path}: holds {len(data)} arrays, expected one, as WannierBerri writes it")
    return next(iter(data.values()))


def _real(value: NDArray, path: Path) -> RealArray:
    if value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        raise ModelError(f"{path}: expected finite real numbers, found {value.dtype}")
    return value.astype(np.float64)


def _cells(value: NDArray, path: Path) -> IntArray:
    if value.dtype.kind not in "iu" or value.ndim != 2 or value.shape[1] != 3:
        raise ModelError(f"{path}: {value.dtype} of shape {value.shape}, expected whole numbers (cells, 3)")
    return value.astype(np.int64)


def _periodic(value: NDArray | None) -> tuple[bool, bool, bool] | None:
    if value is None or value.shape != (3,):
        return None
    return bool(value[0]), bool(value[1]), bool(value[2])


def _cells_first(X: NDArray, R: IntArray, N: int, path: Path) -> ComplexArray:
    """(nR, N, N, …) of a matrix that is so, or (N, N, nR, …) as versions before 1.0 wrote it. Raises ModelError."""
    first, last = X.shape[:3] == (len(R), N, N), X.shape[:3] == (N, N, len(R))
    if first and last:  # as many cells as functions: the order in which it is Hermitian
        first = _asymmetry(X, R) <= _asymmetry(np.moveaxis(X, 2, 0), R)
    if not (first or last) or X.dtype.kind not in "cf":
        raise ModelError(f"{path}: shape {X.shape} of {X.dtype}, expected ({len(R)} cells, {N}, {N}, …)")
    return (X if first else np.moveaxis(X, 2, 0)).astype(np.complex128)


def _asymmetry(X: NDArray, R: IntArray) -> float:
    home = int(np.flatnonzero((R == 0).all(axis=1))[0]) if (R == 0).all(axis=1).any() else 0
    return float(np.abs(X[home] - np.moveaxis(X[home], 1, 0).conj()).max())


def _with_centres(A: ComplexArray, R: IntArray, centres: RealArray, path: Path) -> ComplexArray:
    """The position matrix with the centres on its diagonal, which WannierBerri keeps apart."""
    home = np.flatnonzero((R == 0).all(axis=1))
    if len(home) != 1:
        raise ModelError(f"{path}: the cell R = 0 is listed {len(home)} times, expected once")
    A = A.copy()
    diagonal = np.einsum("vnn->nv", A[home[0]])
    if np.linalg.norm(diagonal - centres) >= np.linalg.norm(diagonal):
        A[home[0], :, range(len(centres)), range(len(centres))] += centres
    return A
