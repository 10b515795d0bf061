"""One magnet, written in the layouts of many programs: what readers of orthonormal orbitals are tested with."""

from __future__ import annotations

import contextlib
import io
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from wannier_files import position_matrix, write_hr, write_spin, write_tb, write_win

from hpcalo.hamiltonian.exchange import odd_part, pauli_on_pairs
from hpcalo.hamiltonian.types import Crystal, WannierModel


def magnet() -> WannierModel:
    """Two unlike atoms, a plane each: exchange along z, Rashba coupling in the planes, hopping between them. Spin pairs
    interleaved, numbers with few digits, so that no file rounds them.
    """
    s0, sx, sy, sz = np.eye(2), *np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    cells = [(x, y, 0) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    H = np.zeros((9, 4, 4), dtype=complex)
    for i, (x, y, _) in enumerate(cells):
        if (x, y) == (0, 0):
            H[i, :2, :2], H[i, 2:, 2:] = 0.25 * s0 + 0.5 * sz, -0.125 * s0 + 0.375 * sz
            H[i, :2, 2:] = H[i, 2:, :2] = -0.5 * s0
        elif abs(x) + abs(y) == 1:
            rashba = 0.25j * (x * sy - y * sx)
            H[i, :2, :2], H[i, 2:, 2:] = -0.75 * s0 + rashba, -0.5 * s0 - 0.5 * rashba
    crystal = Crystal(
        lattice=np.diag([3.0, 3.0, 20.0]),
        periodic=(True, True, False),
        positions=np.array([[0.0, 0.0, 8.0], [1.5, 1.5, 10.0]]),
        symbols=("Fe", "Pt"),
        moments=np.zeros(2),
        thickness=4.0,
    )
    up, down = np.array([0, 2]), np.array([1, 3])
    return WannierModel(
        crystal=crystal,
        R=np.array(cells),
        H_Rnn=H,
        centres=np.repeat(crystal.positions, 2, axis=0),
        up=up,
        down=down,
        odd_Rnn=odd_part(H, up, down),
    )


MAGNET = magnet()


def tb(folder: Path) -> Path:
    write_tb(folder / "x_tb.dat", MAGNET)
    write_win(folder / "x.win", MAGNET)
    return folder / "x_tb.dat"


def tb_spin_files(folder: Path) -> Path:
    write_spin(folder, "x", MAGNET)
    return tb(folder)


def tb_alone(folder: Path) -> Path:
    """Without .win: lattice and centres are in the file."""
    write_tb(folder / "x_tb.dat", MAGNET)
    return folder / "x_tb.dat"


def fleur_without_spin(folder: Path) -> Path:
    return hr_and_r(folder, "WF1")


def hr_and_r(folder: Path, seed: str = "x") -> Path:
    """seed_hr.dat and seed_r.dat, without spin matrices."""
    write_hr(folder / f"{seed}_hr.dat", MAGNET)
    write_win(folder / f"{seed}.win", MAGNET)
    N, A = MAGNET.size, position_matrix(MAGNET)
    lines = [" written by a test", f"{N:12d}", f"{len(MAGNET.R):12d}"]
    for r, X in zip(MAGNET.R, A, strict=True):
        for n in range(N):
            for m in range(N):
                cells = "".join(f"{i:5d}" for i in (*r, m + 1, n + 1))
                lines.append(cells + "".join(f"{x.real:12.6f}{x.imag:12.6f}" for x in X[:, m, n]))
    (folder / f"{seed}_r.dat").write_text("\n".join(lines) + "\n")
    return folder / f"{seed}_hr.dat"


def fleur(folder: Path) -> Path:
    """With rspauli.1: H, r and σ in one folder."""
    main = hr_and_r(folder, "WF1")
    lines = []
    sigma = np.zeros((len(MAGNET.R), 3, 4, 4), dtype=complex)
    sigma[MAGNET.home] = pauli_on_pairs(MAGNET.up, MAGNET.down)
    for r, X in zip(MAGNET.R, sigma, strict=True):
        for n, m, v in np.ndindex(4, 4, 3):
            numbers = " ".join(f"{i:3d}" for i in (*r, m + 1, n + 1, v + 1))
            lines.append(f"{numbers} {X[v, m, n].real:20.8f} {X[v, m, n].imag:20.8f}")
    (folder / "rspauli.1").write_text("\n".join(lines) + "\n")
    return main


def wannierberri(folder: Path, cells_last: bool = False, centres_apart: bool = True) -> Path:
    A = position_matrix(MAGNET).transpose(0, 2, 3, 1).copy()
    if centres_apart:
        A[MAGNET.home, range(4), range(4)] -= MAGNET.centres
    sigma = np.zeros((len(MAGNET.R), 4, 4, 3), dtype=complex)
    sigma[MAGNET.home] = pauli_on_pairs(MAGNET.up, MAGNET.down).transpose(1, 2, 0)
    arrays = {
        "num_wann": np.array(4),
        "real_lattice": MAGNET.crystal.lattice,
        "iRvec": MAGNET.R,
        "periodic": np.array(MAGNET.crystal.periodic),
        "wannier_centers_cart": MAGNET.centres,
        "positions": MAGNET.crystal.positions @ np.linalg.inv(MAGNET.crystal.lattice),
        "atom_labels": np.array(MAGNET.crystal.symbols),
    }
    for name, X in (("Ham", MAGNET.H_Rnn), ("AA", A), ("SS", sigma)):
        arrays[f"_XX_R_{name}"] = np.moveaxis(X, 0, 2) if cells_last else X
    (folder / "system").mkdir()
    for name, value in arrays.items():
        np.savez(folder / "system" / f"{name}.npz", value)
    return folder / "system"


def wannierberri_old(folder: Path) -> Path:
    return wannierberri(folder, cells_last=True, centres_apart=False)


def pythtb(folder: Path) -> Path:
    library = pytest.importorskip("pythtb")
    reduced = MAGNET.crystal.positions @ np.linalg.inv(MAGNET.crystal.lattice)
    with contextlib.redirect_stdout(io.StringIO()):
        model = library.tb_model(2, 3, MAGNET.crystal.lattice, reduced, nspin=2)
        model.set_onsite([MAGNET.H_Rnn[MAGNET.home, 2 * i : 2 * i + 2, 2 * i : 2 * i + 2] for i in range(2)])
        for r, H in zip(MAGNET.R.tolist(), MAGNET.H_Rnn, strict=True):
            for i, j in np.ndindex(2, 2):
                if r > [0, 0, 0] or (r == [0, 0, 0] and i < j):
                    model.set_hop(H[2 * i : 2 * i + 2, 2 * j : 2 * j + 2], i, j, r, allow_conjugate_pair=True)
    (folder / "x.pickle").write_bytes(pickle.dumps(model))
    return folder / "x.pickle"


def tbmodels(folder: Path, sparse: bool = False) -> Path:
    """The layout of Model.to_hdf5: cells whose first nonzero number is positive, half of cell 0."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    with h5py.File(folder / "x.hdf5", "w") as file:
        file["type_tag"] = "tbmodels.model"
        file["uc"], file["occ"], file["size"], file["dim"] = MAGNET.crystal.lattice, 2, 4, 3
        file["pos"] = MAGNET.centres @ np.linalg.inv(MAGNET.crystal.lattice)
        file["sparse"] = sparse
        for i, (r, H) in enumerate(zip(MAGNET.R.tolist(), MAGNET.H_Rnn, strict=True)):
            if r < [0, 0, 0]:
                continue
            group = file.create_group(f"hop/{i}")
            group["R"] = r
            matrix = H if any(r) else 0.5 * H
            if sparse:
                packed = csr_matrix(matrix)
                for name in ("data", "indices", "indptr", "shape"):
                    group[name] = getattr(packed, name)
            else:
                group["mat"] = matrix
    return folder / "x.hdf5"


def tbmodels_sparse(folder: Path) -> Path:
    return tbmodels(folder, sparse=True)


def sisl(folder: Path) -> Path:
    """SIESTA's .TSHS without overlap is written by sisl itself."""
    library = pytest.importorskip("sisl")
    geometry = library.Geometry(
        MAGNET.crystal.positions,
        [library.Atom("Fe", R=4.0), library.Atom("Pt", R=4.0)],
        library.Lattice(MAGNET.crystal.lattice, nsc=[3, 3, 1]),
    )
    H = library.Hamiltonian(geometry, spin="spin-orbit")
    for r, X in zip(MAGNET.R.tolist(), MAGNET.H_Rnn, strict=True):
        for i, j in np.ndindex(2, 2):
            if np.abs(block := X[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]).max() > 0:
                uu, ud, du, dd = block.ravel()
                H[i, j, tuple(r)] = [uu.real, dd.real, ud.real, ud.imag, uu.imag, dd.imag, du.real, du.imag]
    H.write(str(folder / "x.TSHS"))
    return folder / "x.TSHS"


def fplo(folder: Path) -> Path:
    """FPLO's +hamdata: vectors between functions in bohr; spin elements only where H is not 0, as FPLO writes them."""
    bohr, rows = 0.529177210544, []
    sigma = np.zeros((len(MAGNET.R), 3, 4, 4), dtype=complex)
    sigma[MAGNET.home] = pauli_on_pairs(MAGNET.up, MAGNET.down)
    for m, n in np.ndindex(4, 4):
        rows += ["Tij, Hij, Sij:", f" {m + 1} {n + 1}"]
        for r, H, s in zip(MAGNET.R, MAGNET.H_Rnn, sigma, strict=True):
            T = (r @ MAGNET.crystal.lattice + MAGNET.centres[n] - MAGNET.centres[m]) / bohr
            if H[m, n] != 0:
                numbers = [*T, *(part for x in (H[m, n], *s[:, m, n]) for part in (x.real, x.imag))]
                rows.append(" ".join(f"{x:24.15E}" for x in numbers))
        rows.append("end Tij, Hij:")
    table = {
        "lattice_vectors": "\n".join(" ".join(f"{x:24.15E}" for x in v / bohr) for v in MAGNET.crystal.lattice),
        "have_spin_info": "T",
        "nwan": "    4",
        "nspin": "    1",
        "wannames": "\n".join(f"{a} 3d+0{s}" for a in ("Fe1", "Pt2") for s in ("up", "dn")),
        "wancenters": "\n".join(" ".join(f"{x:24.15E}" for x in c / bohr) for c in MAGNET.centres),
        "symmetry": "",
    }
    head = "\n".join(f"{key}:\n{value}" for key, value in table.items())
    (folder / "+hamdata").write_text("\n".join([head, "spin:", " 1", *rows, "end spin:", ""]))
    return folder / "+hamdata"


LAYOUTS = (
    tb,
    tb_spin_files,
    tb_alone,
    hr_and_r,
    fleur_without_spin,
    fleur,
    wannierberri,
    wannierberri_old,
    pythtb,
    tbmodels,
    tbmodels_sparse,
    sisl,
    fplo,
)
"""Functions of a folder that write the magnet there and give the path to read."""
