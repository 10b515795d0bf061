"""Reader of the HDF5 files of TBmodels (https://tbmodels.greschd.ch): each pair of R and −R once, half of H(0)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import InputError, ModelError, one_line
from hpcalo.hamiltonian.builtin import VACUUM
from hpcalo.hamiltonian.readers.base import Magnetization, Reader, SpinPairs
from hpcalo.hamiltonian.readers.matrices import Matrices, Wishes, wannier_model
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, RealArray

MAX_SIZE = 5000


class TBmodels(Reader):
    """A model of TBmodels; its lengths are taken as Å and its energies as eV."""

    source: ClassVar = "tbmodels"
    help: ClassVar = "TBmodels' .hdf5"
    endings: ClassVar = (".hdf5",)

    tbmodels: InputPath = Field(description="HDF5 file of TBmodels (Model.to_hdf5_file, or its command line)")
    spin: SpinPairs = "auto"
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The one file."""
        return [self.tbmodels.path]

    def read(self) -> WannierModel:
        """The model; `occ` of the file are the electrons unless given. Raises ModelError, InputError."""
        from hpcalo.io.hdf5 import open_hdf5  # noqa: PLC0415  (slow to load)

        path = self.tbmodels.path
        try:
            with open_hdf5(path) as file:
                group = file.get("tb_model", file)
                names = [name for name in ("uc", "occ", "size", "dim", "pos", "sparse") if name in group]
                values = {name: np.asarray(group[name][()]) for name in names}
                hops = [_hop(hop, bool(values.get("sparse", False))) for hop in group["hop"].values()]
        except (InputError, OSError, KeyError, TypeError, ValueError) as problem:
            raise ModelError(
                f"{path}: is not a model of TBmodels: {one_line(problem).removeprefix(f'{path}: ')[:160]}"
            ) from None
        electrons = self.electrons if self.electrons is not None else _occupied(values)
        matrices = _matrices(values, hops, path)
        wishes = Wishes.of(self, electrons=electrons)
        return wannier_model(matrices, wishes, path, path.stem)


def _hop(hop: Mapping[str, Any], sparse: bool) -> tuple[tuple[int, ...], NDArray]:  # a group of h5py
    R = tuple(int(i) for i in np.ravel(hop["R"][()]))
    if not sparse:
        return R, np.asarray(hop["mat"][()])
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    parts = tuple(np.asarray(hop[name][()]) for name in ("data", "indices", "indptr"))
    return R, csr_matrix(parts, shape=tuple(hop["shape"][()])).toarray()


def _occupied(values: Mapping[str, NDArray]) -> float | None:
    occupied = values.get("occ")
    return float(occupied) if occupied is not None and occupied.size == 1 and occupied > 0 else None


def _matrices(values: Mapping[str, NDArray], hops: list[tuple[tuple[int, ...], NDArray]], path: Path) -> Matrices:
    """All cells: H(R) and H(−R) = H(R)†, and H(0) as the sum of its half and the adjoint."""
    if "uc" not in values:
        raise ModelError(f"{path}: has no lattice (uc): give it to the Model in TBmodels")
    lattice, positions = values["uc"].astype(np.float64), values["pos"].astype(np.float64)
    dimensions, N = len(lattice), len(positions)
    if not 1 <= dimensions <= 3 or lattice.shape != (dimensions, dimensions) or positions.shape[1:] != (dimensions,):
        raise ModelError(f"{path}: lattice {lattice.shape} and positions {positions.shape} do not fit together")
    if not 1 <= N <= MAX_SIZE:
        raise ModelError(f"{path}: {N} orbitals, expected 1 to {MAX_SIZE}")
    cells: dict[tuple[int, int, int], ComplexArray] = {(0, 0, 0): np.zeros((N, N), dtype=np.complex128)}
    for R, hop in hops:
        if len(R) != dimensions or hop.shape != (N, N):
            raise ModelError(f"{path}: a hop of shape {hop.shape} to the cell {R}, expected ({N}, {N}), {dimensions}D")
        a, b, c = [*R, 0, 0, 0][:3]
        for cell, matrix in (((a, b, c), hop), ((-a, -b, -c), hop.conj().T)):
            cells.setdefault(cell, np.zeros((N, N), dtype=np.complex128))
            cells[cell] = cells[cell] + matrix
    full: RealArray = np.diag([VACUUM] * 3)
    full[:dimensions, :dimensions] = lattice
    centres = np.zeros((N, 3))
    centres[:, :dimensions] = positions @ lattice
    order = sorted(cells)
    return Matrices(
        lattice=full,
        R=np.array(order, dtype=np.int64),
        H_Rnn=np.array([cells[R] for R in order]),
        centres=centres,
        notes=("from TBmodels: lengths taken as angstrom, energies as eV",),
    )
