"""Hamiltonian files: damaged ones are refused in one line, or give a model whose numbers are finite."""

from __future__ import annotations

import io
import os
import pickle
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import damaged_bytes, damaged_text
from wannier_dialects import with_marks, write_formatted_chk, write_formatted_spn, write_r
from wannier_files import position_matrix, write_hr, write_tb, write_win

from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.readers.lcao_npz import read_lcao
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.chk import read_chk
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.readers.wannier90.spn import read_spn
from hpcalo.hamiltonian.types import LcaoModel, WannierModel
from hpcalo.io.seal import HEAD, LENGTH

MODEL = ferromagnet(orbitals=2)


def finite(model: WannierModel | LcaoModel) -> None:
    for name, value in vars(model).items():
        if isinstance(value, np.ndarray):
            assert np.isfinite(value).all(), name


FORMS = [("tb", False), ("hr", False), ("hr", True)]  # with x_r.dat or without


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> dict[tuple[str, bool], dict[str, str]]:
    """The files of each form, which the reader takes."""
    folder = tmp_path_factory.mktemp("texts")
    write_tb(folder / "x_tb.dat", MODEL)
    write_hr(folder / "x_hr.dat", MODEL)
    write_win(folder / "x.win", MODEL)
    centres = "".join(f"X {x} {y} {z}\n" for x, y, z in MODEL.centres)
    (folder / "x_centres.xyz").write_text(f"4\nremark\n{centres}")
    entries = [
        f"{r[0]} {r[1]} {r[2]} {m + 1} {n + 1}\n1\n0 0 0" for r in MODEL.R.tolist() for m in range(4) for n in range(4)
    ]
    (folder / "x_wsvec.dat").write_text("\n".join(["## with use_ws_distance=.true.", *entries]) + "\n")
    found = {}
    for form, r in FORMS:
        if r:
            write_r(folder / "x_r.dat", MODEL, position_matrix(MODEL))
        finite(read_wannier90(folder / "x", WannierOptions(format=form, spin="blocks")))
        found[form, r] = {path.name: path.read_text() for path in folder.iterdir()}
    return found


@given(st.data())
def test_wannier90_texts(tmp_path_factory, survives, texts, data):
    folder = tmp_path_factory.getbasetemp()
    form, r = data.draw(st.sampled_from(FORMS))
    (folder / "x_r.dat").unlink(missing_ok=True)
    for name, text in texts[form, r].items():
        (folder / name).write_text(text)
    names = [f"x_{form}.dat", "x.win", "x_r.dat" if r else "x_centres.xyz", "x_wsvec.dat"]
    victim = data.draw(st.sampled_from(names))
    (folder / victim).write_bytes(data.draw(damaged_text(texts[form, r][victim])))
    survives(lambda: finite(read_wannier90(folder / "x", WannierOptions(format=form, spin="blocks"))))


def records(*items: bytes) -> bytes:
    return b"".join(struct.pack("<i", len(x)) + x + struct.pack("<i", len(x)) for x in items)


def integers(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}i", *numbers)


CHK = records(
    b"a checkpoint of a test".ljust(33),
    *(integers(2), integers(0), b""),
    np.eye(3).tobytes() + b"",
    np.eye(3).tobytes(),
    *(integers(1), integers(1, 1, 1), np.zeros(3).tobytes(), integers(6), integers(2)),
    b"postwann".ljust(20),
    integers(0),
    np.eye(2, dtype=complex).tobytes(),
    np.zeros((6, 2, 2), dtype=complex).tobytes(),
    np.zeros((2, 3)).tobytes(),
)
SPN = records(
    b"spin matrices of a test".ljust(60),
    integers(2, 1),
    np.array([[0, 0, 1], [1, 1j, 0], [0, 0, -1]], dtype=complex).tobytes(),
)


def dialects(folder):
    """Every form of checkpoint and spin file: records of both byte orders and widths of marks, and text."""
    for order, width in (("<", 4), (">", 4), ("<", 8), (">", 8)):
        (folder / "x.chk").write_bytes(CHK)
        (folder / "x.spn").write_bytes(SPN)
        for ending in (".chk", ".spn"):
            with_marks(folder / f"x{ending}", order, width)
        yield (folder / "x.chk").read_bytes(), (folder / "x.spn").read_bytes()
    (folder / "x.chk").write_bytes(CHK)
    (folder / "x.spn").write_bytes(SPN)
    yield write_formatted_chk(folder / "x.chk").read_bytes(), write_formatted_spn(folder / "x.spn").read_bytes()


@given(st.data())
def test_checkpoint_and_spin(tmp_path_factory, survives, data):
    folder = tmp_path_factory.getbasetemp()
    chk, spn = data.draw(st.sampled_from(list(dialects(folder))))
    if b"\0" in chk:
        damaged = data.draw(damaged_bytes(chk)), data.draw(damaged_bytes(spn))
    else:
        damaged = data.draw(damaged_text(chk.decode())), data.draw(damaged_text(spn.decode()))
    (folder / "x.chk").write_bytes(damaged[0])
    (folder / "x.spn").write_bytes(damaged[1])
    survives(lambda: read_chk(folder / "x.chk"))
    survives(lambda: read_spn(folder / "x.spn", 2, 1))


def test_unharmed_checkpoint_and_spin(tmp_path):
    for chk, spn in dialects(tmp_path):
        (tmp_path / "y.chk").write_bytes(chk)
        (tmp_path / "y.spn").write_bytes(spn)
        assert read_chk(tmp_path / "y.chk").bands == 2
        assert read_spn(tmp_path / "y.spn", 2, 1).shape == (1, 3, 2, 2)


R = np.array([[-1, 0, 0], [0, 0, 0], [1, 0, 0]])
HOP = np.array([0.1 * np.ones((2, 2)), np.eye(2), 0.1 * np.ones((2, 2))])
LCAO = {
    "lattice": np.diag([2.0, 9.0, 9.0]),
    "R": R,
    **dict.fromkeys(("H_up", "H_dn"), HOP),
    "S": np.array([0 * np.eye(2), np.eye(2), 0 * np.eye(2)]),
    **{f"Hsoc_{v}": 0 * HOP for v in "xyz"},
    "orb_atom": np.array([0, 0]),
    "positions": np.zeros((1, 3)),
    "symbols": np.array(["Fe"]),
    "magmoms": np.array([2.2]),
    "n_electrons": np.array(3.0),
    "E_F": np.array(0.1),
}


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def boxed(value: object) -> np.ndarray:
    box = np.empty(1, dtype=object)
    box[0] = value
    return box


ARRAYS = [
    np.array(np.nan),
    np.array([np.inf]),
    np.array(["text"]),
    np.array(3),
    np.zeros((0, 3)),
    np.zeros((3, 2, 2), dtype=complex),
    np.full((3, 2, 2), np.nan),
    np.ones((2, 3)),
    np.array([[2**62, 0, 0]] * 3),
    np.array([[-(2**31), 0, 0], [0, 0, 0], [2**31, 0, 0]]),
    np.zeros((3, 2, 2)),
    -np.eye(2)[None] * np.ones((3, 1, 1)),
    np.array([[True]]),
    np.array([b"x"]),
    np.array(["2020-01-01"], dtype="datetime64[D]"),
    boxed(Evil()),
]


@given(st.dictionaries(st.sampled_from(list(LCAO)), st.sampled_from([None, *ARRAYS]), min_size=1, max_size=2))
def test_lcao_arrays(tmp_path_factory, survives, changes):
    arrays = {k: v for k, v in {**LCAO, **changes}.items() if v is not None}
    path = tmp_path_factory.getbasetemp() / "x.npz"
    path.write_bytes(packed(arrays))
    survives(lambda: finite(read_lcao(path)))


@given(damaged_bytes(packed(LCAO)))
def test_lcao_bytes(tmp_path_factory, survives, content):
    path = tmp_path_factory.getbasetemp() / "y.npz"
    path.write_bytes(content)
    survives(lambda: finite(read_lcao(path)))


def test_unharmed_lcao_and_the_pickle_that_is_not_opened(tmp_path, survives):
    (tmp_path / "x.npz").write_bytes(packed(LCAO))
    finite(read_lcao(tmp_path / "x.npz"))
    (tmp_path / "x.npz").write_bytes(pickle.dumps(Evil()))
    assert not survives(lambda: read_lcao(tmp_path / "x.npz"))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("sealed") / "m.h5"
    write_model(path, replace(MODEL, notes=("one", "two"), fermi_energy=0.3))
    return path.read_bytes()


@given(st.data())
def test_sealed_model_files(tmp_path_factory, survives, sealed, data):
    content = data.draw(damaged_bytes(sealed))
    path = tmp_path_factory.getbasetemp() / "sealed.h5"
    path.write_bytes(content)
    assert survives(lambda: finite(read_model(path))) <= (content[: len(sealed)] == sealed or not whole_seal(content))


def whole_seal(content: bytes) -> bool:
    return content[-LENGTH:].startswith(HEAD)


def test_model_files_without_their_seal(tmp_path_factory, survives, sealed, in_child):
    """In a child: where the HDF5 library itself breaks down, the test says so and goes on."""
    path = tmp_path_factory.getbasetemp() / "bare.h5"

    @given(damaged_bytes(sealed[:-LENGTH]))
    def each(content):
        in_child.goes_on()
        path.write_bytes(content)
        survives(lambda: finite(read_model(path)))

    assert in_child(each) == 0
