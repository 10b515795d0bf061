"""ABACUS' sparse text files, of old and of new versions: the same torkance as the same matrices in an npz file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lcao_magnet import Magnet, lcao_magnet
from opened import opened_below
from scipy.sparse import csr_matrix

import hpcalo.api
from hpcalo.errors import ModelError
from hpcalo.hamiltonian.loading import files, section_for

BOHR, RYDBERG = 0.529177210544, 13.6056931229905
MAGNET = lcao_magnet()
SETTINGS = {
    "quantities": ["torkance", "anomalous_hall"],
    "gamma": [0.1],
    "k": {"grid": [4, 4, 1]},
    "energies": {"minimum": -1.0, "maximum": 1.0, "points": 3, "reference": 0.0},
}


def block(matrix: np.ndarray, new: bool, form: str = "{:.16e}") -> str:
    packed = csr_matrix(matrix)
    values = packed.data
    texts = [
        f"({form.format(v.real)},{form.format(v.imag)})" if np.iscomplexobj(matrix) else form.format(v) for v in values
    ]
    rows = [" ".join(texts), " ".join(map(str, packed.indices)), " ".join(map(str, packed.indptr))]
    names = [" # CSR values", " # CSR column indices", " # CSR row pointers"]
    return "\n".join(line for pair in zip(names, rows, strict=True) for line in (pair if new else pair[1:]))


def sparse(letter: str, X_R: np.ndarray, R: np.ndarray, new: bool) -> str:
    kept = [(r, X) for r, X in zip(R.tolist(), X_R, strict=True) if np.abs(X).max() > 0]
    N = X_R.shape[-1]
    if new:
        head = f""" --- Ionic Step 1 ---
 # print {letter} matrix in real space {letter}(R)
 4 # number of spin directions
 1 # spin index
 {N} # number of localized basis
 {len(kept)} # number of Bravais lattice vector R

 user_defined_lattice
 1
 2.9 0 0
 Fe W
 1 1
 Direct
 0 0 0

 #------------------------------------------#
 #                CSR Format                #
 #------------------------------------------#

"""
    else:
        head = f"STEP: 0\nMatrix Dimension of {letter}(R): {N}\nMatrix number of {letter}(R): {len(kept)}\n"
    body = [f"{r[0]} {r[1]} {r[2]} {csr_matrix(X).nnz}\n{block(X, new)}" for r, X in kept]
    return head + "\n".join(body) + "\n"


def positions(m: Magnet) -> str:
    text = [f"STEP: 0\nMatrix Dimension of r(R): {2 * len(m.atoms)}\nMatrix number of r(R): {len(m.R)}"]
    for i, r in enumerate(m.R.tolist()):
        text.append(" ".join(map(str, r)))
        for v in range(3):
            X = np.kron(m.r_vR[v, i] / BOHR, np.eye(2))
            text += [str(csr_matrix(X).nnz), block(X, new=False)]
    return "\n".join(text) + "\n"


def write(folder: Path, new: bool, m: Magnet = MAGNET) -> Path:
    out = folder / "OUT.film"
    out.mkdir()
    spinor_S = np.array([np.kron(S, np.eye(2)) for S in m.S_R]).astype(complex)
    names = ("hrs1_nao.csr", "srs1_nao.csr") if new else ("data-HR-sparse_SPIN0.csr", "data-SR-sparse_SPIN0.csr")
    for name, letter, X in zip(names, "HS", (m.H_R / RYDBERG, spinor_S), strict=True):
        (out / name).write_text(sparse(letter, X, m.R, new))
    (out / "data-rR-sparse.csr").write_text(positions(m))
    orbitals = [f"    {a}      {m.symbols[a]}    0    0    {i + 1}              s" for i, a in enumerate(m.atoms)]
    (out / "Orbital").write_text("  #io    spec    l    m    z  sym\n" + "\n".join(orbitals) + "\n\n")
    (out / "running_scf.log").write_text(" Autoset number of electrons: = 3\n EFERMI = 0.25 eV\n")
    rows = "\n".join(" ".join(f"{x:.10f}" for x in v / BOHR / 1.5) for v in m.lattice)
    atoms = "\n".join(
        f"{s}  // label\n0.0\n1\n" + " ".join(f"{x:.12f}" for x in p / BOHR / 1.5) + " 1 1 0 mag 0 0 1"
        for s, p in zip(m.symbols, m.positions, strict=True)
    )
    (folder / "STRU").write_text(
        "ATOMIC_SPECIES\nFe 55.8 Fe.upf\nW 183.8 W.upf\n\nNUMERICAL_ORBITAL\nFe.orb\nW.orb\n\n"
        f"LATTICE_CONSTANT\n1.5\n\nLATTICE_VECTORS\n{rows}\n\nATOMIC_POSITIONS\nCartesian\n\n{atoms}\n"
    )
    return out


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    model = hpcalo.api.load_model(MAGNET.write_npz(tmp_path_factory.mktemp("npz"), "film"))
    data = hpcalo.api.run({"kubo": SETTINGS}, model=model)
    return {name: np.asarray(data[name]) for name in ("torkance_even", "torkance_odd", "anomalous_hall")}


@pytest.mark.parametrize("new", [False, True], ids=["to 3.10", "from 3.11"])
def test_the_same_as_npz(tmp_path: Path, new: bool, expected: dict[str, np.ndarray]) -> None:
    out = write(tmp_path, new)
    named = {path.name for path in files(section_for(str(out), {}, "test"))}
    with opened_below(tmp_path) as opened:
        model = hpcalo.api.load_model(out)
    assert opened == named
    assert (model.fermi_energy, model.electrons) == (0.25, 3.0)
    np.testing.assert_array_equal(model.n_hat, [0, 0, 1])
    np.testing.assert_allclose(model.tau, MAGNET.tau, atol=1e-9)
    data = hpcalo.api.run({"kubo": SETTINGS}, model=model)
    for name, value in expected.items():
        assert np.abs(value).max() > 1e-3
        np.testing.assert_allclose(np.asarray(data[name]), value, atol=1e-6 * np.abs(value).max())


def test_last_step_counts(tmp_path: Path) -> None:
    out = write(tmp_path, True)
    path = out / "hrs1_nao.csr"
    text = path.read_text()
    path.write_text(text.replace("e-01", "e-02") + text.replace("Step 1", "Step 2"))
    np.testing.assert_allclose(hpcalo.api.load_model(out).up_Rnn, MAGNET.h_R - MAGNET.exchange_R, atol=1e-9)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("hrs1_nao.csr", "number of localized", "number of", r"hrs1_nao\.csr: no line with the dimension"),
        ("srs1_nao.csr", " 6 # number", " 5 # number", r"srs1_nao\.csr: .*(another layout|not fit|whole number)"),
        ("Orbital", "    0      Fe    0    0    2              s\n", "", r"Orbital: lists 2 orbitals of the 3"),
        ("../STRU", "LATTICE_VECTORS", "LATTICE_PARAMETERS", r"STRU: no section LATTICE_VECTORS"),
        ("../STRU", "Cartesian", "Cartesian_angstrom_center_z", r"STRU: positions are 'cartesian_angstrom_cen"),
        ("data-rR-sparse.csr", "\n-1 0 0\n", "\n7 0 0\n", r"rR-sparse\.csr: not the position matrix of this model"),
    ],
)
def test_wrong_files(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    out = write(tmp_path, True)
    path = out / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ModelError, match=message):
        hpcalo.api.load_model(out)


def test_what_is_missing(tmp_path: Path) -> None:
    out = write(tmp_path, False)
    (out / "data-rR-sparse.csr").unlink()
    assert any("no position matrix (needs out_mat_r 1" in note for note in hpcalo.api.load_model(out).notes)
    H = out / "data-HR-sparse_SPIN0.csr"
    text = H.read_text()
    H.write_text(text[: len(text) // 2])
    with pytest.raises(ModelError, match=r"SPIN0\.csr: (ends inside a block: truncated|line)"):
        hpcalo.api.load_model(out)
    H.write_text(sparse("H", MAGNET.h_R, MAGNET.R, new=False))
    with pytest.raises(ModelError, match=r"SPIN0\.csr: is real, .* need nspin 4 and lspinorb 1"):
        hpcalo.api.load_model(out)
    (out / "data-SR-sparse_SPIN0.csr").unlink()
    H.write_text(text)
    with pytest.raises(ModelError, match=r"data-SR-sparse_SPIN0\.csr: cannot read the overlap of ABACUS"):
        hpcalo.api.load_model(out)
