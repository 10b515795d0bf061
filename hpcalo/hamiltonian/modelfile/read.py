"""A model file → the model, everything checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.modelfile.layout import FORMAT, VERSION, unfold
from hpcalo.hamiltonian.overlap import require_positive_overlap
from hpcalo.hamiltonian.replicas import Folding, fold
from hpcalo.hamiltonian.types import Crystal, LcaoModel, Model, WannierModel
from hpcalo.io.checked import CheckedFile


def read_model(path: Path, replicas: bool | None = None) -> Model:
    """The model of the file; replicas: fold them in (None: if the file has them).

    Raises ModelError: missing, truncated, no model file, another version, arrays missing, of wrong shape, not finite,
    not Hermitian, absurdly large; InputError if `replicas` is true and the file has none.
    """
    with CheckedFile(path, FORMAT, VERSION) as file:
        kind = file.text_attribute("/", "kind")
        if kind not in {"wannier", "lcao"}:
            raise ModelError(f"{path}: kind '{kind[:20]}': expected wannier or lcao")
        if kind == "lcao" and replicas:
            raise InputError(f"{path}: an LCAO model has no minimal-distance replicas")
        try:
            return _read_lcao(file) if kind == "lcao" else _read_wannier(file, replicas)
        except ModelError as problem:
            text = str(problem)
            raise ModelError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def _read_crystal(file: CheckedFile) -> Crystal:
    symbols = file.texts("/crystal/symbols")
    periodic = file.array("/crystal", attribute="periodic", kinds="iub", shape=(3,))
    sublattices: tuple[int, ...] = ()
    if file.has("/crystal/sublattices"):
        sublattices = tuple(file.array("/crystal/sublattices", kinds="iu", shape=(len(symbols),)).tolist())
    thickness = file.optional_float("/crystal", "thickness")  # files of the first versions have it for crystals, too
    return Crystal(
        lattice=file.array("/crystal/lattice", shape=(3, 3)),
        periodic=(bool(periodic[0]), bool(periodic[1]), bool(periodic[2])),
        positions=file.array("/crystal/positions", shape=(len(symbols), 3)),
        symbols=symbols,
        moments=file.array("/crystal/moments", shape=(len(symbols),)),
        thickness=None if all(periodic) else thickness,
        sublattices=sublattices,
    )


class _Cells:
    """Reads matrices over cells and completes the half that is not stored."""

    def __init__(self, file: CheckedFile) -> None:
        self.file = file
        self.R = file.array("/R", kinds="iu", shape=(-1, 3)).astype(np.int64)
        self.half = file.indices("/stored", limit=len(self.R))

    def matrix(self, name: str, N: int, *, kinds: str, lead: tuple[int, ...] = (), cell_axis: int = 0) -> NDArray:
        sign = int(self.file.float_attribute(name, "adjoint"))
        count = len(self.R) if sign == 0 else len(self.half)
        shape = (*lead, count, N, N) if cell_axis else (count, *lead, N, N)
        stored = self.file.array(name, kinds=kinds, shape=shape)
        if sign == 0:
            return stored
        if sign not in {1, -1}:
            raise ModelError(f"{name}: adjoint = {sign}: expected 1, −1 or 0")
        full = unfold(stored, self.R, self.half, float(sign), cell_axis)
        if full is None:
            raise ModelError(f"{name}: the stored cells and their partners −R do not cover all cells")
        return full


def _read_wannier(file: CheckedFile, replicas: bool | None) -> WannierModel:
    cells = _Cells(file)
    N = file.shape("/H")[-1]
    H = cells.matrix("/H", N, kinds="c")
    up, down = (file.indices(f"/{name}", limit=N) for name in ("up", "down"))
    if len(up) and not np.array_equal(np.sort(np.concatenate([up, down])), np.arange(N)):
        raise ModelError(f"spin pairs: up and down must name each of the {N} orbitals once")
    exchange = file.text_attribute("/", "exchange")
    odd = None
    if exchange == "dataset odd":
        odd = cells.matrix("/odd", N, kinds="c")
    elif exchange != "none":
        odd = odd_part(H, up, down)
    model = WannierModel(
        crystal=_read_crystal(file),
        R=cells.R,
        H_Rnn=H,
        centres=file.array("/centres", shape=(N, 3)),
        A_Rvnn=cells.matrix("/A", N, kinds="c", lead=(3,)) if file.has("/A") else None,
        up=up,
        down=down,
        odd_Rnn=odd,
        spin_Rvnn=cells.matrix("/spin", N, kinds="c", lead=(3,)) if file.has("/spin") else None,
        external_Rvnn=_read_external(file, cells, N),
        external_source=file.text_attribute("/", "external_source") if file.has("/external") else "",
        n_hat=file.array("/", attribute="n_hat", shape=(3,)),
        fermi_energy=file.optional_float("/", "fermi_energy"),
        electrons=file.optional_float("/", "electrons"),
        name=file.text_attribute("/", "name"),
        notes=file.texts("/notes"),
    )
    if not file.has("/replicas"):
        if replicas:
            raise InputError(f"{file.path}: replicas = true, but the file has no minimal-distance replicas")
        return model
    return model if replicas is False else fold(model, _read_folding(file, len(cells.R), N))


def _read_external(file: CheckedFile, cells: _Cells, N: int) -> NDArray | None:
    if not file.has("/external"):
        return None
    return cells.matrix("/external", N, kinds="c", lead=(file.shape("/external")[1],))


def _read_folding(file: CheckedFile, nR: int, N: int) -> Folding:
    R = file.array("/replicas/R", kinds="iu", shape=(-1, 3)).astype(np.int64)
    limits = {"source": nR, "cell": len(R), "m": N, "n": N}
    parts = {name: file.indices(f"/replicas/{name}", limit=limit) for name, limit in limits.items()}
    if len({len(p) for p in parts.values()}) != 1:
        raise ModelError("replicas: source, cell, m and n have different lengths")
    return Folding.in_equal_parts(R, parts["source"], parts["cell"], parts["m"], parts["n"], nR, N)


def _read_lcao(file: CheckedFile) -> LcaoModel:
    cells = _Cells(file)
    N = file.shape("/H_up")[-1]
    up, down, S = (cells.matrix(name, N, kinds="f") for name in ("/H_up", "/H_down", "/S"))
    r = file.array("/r", shape=(3, len(cells.R), N, N)).astype(np.float32) if file.has("/r") else None
    canted = cells.matrix("/canted", N, kinds="f", lead=(3,), cell_axis=1) if file.has("/canted") else None
    n_hat = np.array([0.0, 0.0, 1.0])
    if canted is not None or file.has_attribute("/", "n_hat"):  # files of the first versions are magnetized along z
        n_hat = file.array("/", attribute="n_hat", shape=(3,))
    model = LcaoModel(
        crystal=_read_crystal(file),
        R=cells.R,
        up_Rnn=up,
        down_Rnn=down,
        S_Rnn=S,
        soc_vRnn=cells.matrix("/soc", N, kinds="f", lead=(3,), cell_axis=1),
        tau=file.array("/tau", shape=(N, 3)),
        r_vRnn=r,
        canted_vRnn=canted,
        n_hat=n_hat,
        orbital_names=file.texts("/orbitals"),
        fermi_energy=file.optional_float("/", "fermi_energy"),
        electrons=file.optional_float("/", "electrons"),
        name=file.text_attribute("/", "name"),
        notes=file.texts("/notes"),
    )
    return require_positive_overlap(model)
