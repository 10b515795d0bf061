"""Model files: what is written comes back; what is damaged is refused in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from hpcalo.app.verbs.convert import convert
from hpcalo.errors import HpcaloError, InputError, ModelError, OutputError
from hpcalo.hamiltonian.builtin import BUILTIN, ferromagnet, haldane, rashba
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.readers.lcao_npz import read_lcao
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.replicas import Folding
from hpcalo.hamiltonian.types import LcaoModel, WannierModel
from hpcalo.io.checked import CheckedFile


def assert_same(a: object, b: object, tolerance: float = 0.0) -> None:
    """Every field of two models, arrays to a tolerance."""
    assert type(a) is type(b)
    for f in fields(a):  # type: ignore[arg-type]
        x, y = getattr(a, f.name), getattr(b, f.name)
        if isinstance(x, np.ndarray):
            assert x.dtype == y.dtype, f.name
            np.testing.assert_allclose(x, y, rtol=0, atol=tolerance, err_msg=f.name)
        elif f.name == "crystal":
            assert_same(x, y)
        else:
            assert x == y, f.name


@pytest.mark.parametrize("name", BUILTIN)
def test_built_in_models_come_back(tmp_path: Path, name: str) -> None:
    model = replace(BUILTIN[name](), fermi_energy=-1.25, electrons=0.5, notes=("Å and ħ", "second"))
    write_model(tmp_path / "m.h5", model)
    assert_same(model, read_model(tmp_path / "m.h5"), 1e-15)
    assert [p.name for p in tmp_path.iterdir()] == ["m.h5"]


def test_an_exchange_part_of_its_own_is_kept(tmp_path: Path) -> None:
    model = ferromagnet()
    assert model.odd_Rnn is not None
    model = replace(model, odd_Rnn=0.5 * model.odd_Rnn)
    write_model(tmp_path / "m.h5", model)
    assert_same(model, read_model(tmp_path / "m.h5"), 1e-15)


def test_cells_without_partner_are_kept(tmp_path: Path) -> None:
    """A list of cells that is not symmetric (its lonely cell nearly empty) is stored whole."""
    model = haldane()
    R = np.concatenate([model.R, [[3, 0, 0]]])
    H = np.concatenate([model.H_Rnn, np.full((1, 2, 2), 1e-6)])
    model = replace(model, R=R, H_Rnn=H)
    write_model(tmp_path / "m.h5", model)
    assert_same(model, read_model(tmp_path / "m.h5"), 1e-15)


@pytest.mark.parametrize(("folder", "seed", "fermi"), [("fe", "Fe", 12.6312), ("fete", "FeTe", 6.4264)])
def test_shipped_wannier_models_are_the_data(shared: Path, shipped: Path, folder: str, seed: str, fermi: float) -> None:
    """With and without replicas, from one file."""
    for replicas in (False, True):
        model = read_wannier90(shared / "data" / folder / seed, WannierOptions(replicas=replicas, fermi_energy=fermi))
        found = read_model(shipped / f"{folder}.h5", replicas)
        assert len(model.notes) == len(found.notes)  # in the words of the version that wrote the file
        assert_same(replace(model, electrons=found.electrons, notes=found.notes), found, 1e-15)


def test_shipped_lcao_models_are_the_data(shared: Path, shipped: Path) -> None:
    """Bit for bit, though half of the cells is stored."""
    for name, thickness in (("mnw3_dzp", None), ("mnw9", 15.773)):
        path = shared / "data/mnw001" / f"{name}.npz"
        model = read_lcao(path, path.with_name(f"{name}_r.npz"), thickness=thickness)
        found = read_model(shipped / f"{name}.h5")
        assert isinstance(found, LcaoModel)
        assert len(model.notes) == len(found.notes)
        assert_same(replace(model, notes=found.notes), found)
    assert found.crystal.volume == pytest.approx(158.0, abs=0.01)


def test_shipped_models_are_small_enough(shipped: Path) -> None:
    assert sum(p.stat().st_size for p in shipped.parent.rglob("*") if p.is_file()) < 30e6


def test_shipped_models_load_without_the_data(shipped: Path) -> None:
    iron = read_model(shipped / "fe.h5")
    assert isinstance(iron, WannierModel)
    assert iron.size == 18
    assert (iron.fermi_energy, iron.electrons) == (12.6312, 8.0)
    assert iron.spin_Rvnn is not None
    assert iron.A_Rvnn is not None
    assert len(read_model(shipped / "fete.h5").R) == 123
    assert len(read_model(shipped / "fete.h5", False).R) == 93
    film = read_model(shipped / "mnw3_dzp.h5")
    assert isinstance(film, LcaoModel)
    assert film.r_vRnn is not None
    with pytest.raises(InputError, match="LCAO model has no minimal-distance replicas"):
        read_model(shipped / "mnw3_dzp.h5", True)


def test_existing_files_are_kept(tmp_path: Path) -> None:
    write_model(tmp_path / "m.h5", rashba())
    before = (tmp_path / "m.h5").read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_model(tmp_path / "m.h5", haldane())
    assert (tmp_path / "m.h5").read_bytes() == before
    write_model(tmp_path / "m.h5", haldane(), force=True)
    assert read_model(tmp_path / "m.h5").name == "haldane"
    with pytest.raises(OutputError, match="no such folder"):
        write_model(tmp_path / "absent" / "m.h5", haldane())


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("h5py.Group.create_dataset", full)
    with pytest.raises(OutputError, match="No space left"):
        write_model(tmp_path / "m.h5", rashba())
    assert not list(tmp_path.iterdir())


def test_replicas_asked_for_but_absent(tmp_path: Path) -> None:
    write_model(tmp_path / "m.h5", rashba())
    with pytest.raises(InputError, match="no minimal-distance replicas"):
        read_model(tmp_path / "m.h5", True)


def test_convert_keeps_replicas_apart(shared: Path, tmp_path: Path) -> None:
    options = {"position_matrix": False, "spin": "none"}
    _, model = convert(shared / "data/fete/FeTe", tmp_path / "m.h5", force=False, options=options)
    assert isinstance(model, WannierModel)
    assert (model.A_Rvnn, model.spin_Rvnn, model.odd_Rnn) == (None, None, None)
    assert len(read_model(tmp_path / "m.h5").R) == 123


def change(action: Callable[[h5py.File], None]) -> Callable[[h5py.File], None]:
    return action


def put(name: str, value: object) -> Callable[[h5py.File], None]:
    def action(file: h5py.File) -> None:
        attrs = dict(file[name].attrs) if name in file else {}
        if name in file:
            del file[name]
        file[name] = value
        file[name].attrs.update(attrs)

    return action


def alter(name: str, where: object, value: complex) -> Callable[[h5py.File], None]:
    def action(file: h5py.File) -> None:
        data = file[name][()]
        data[where] = value
        put(name, data)(file)

    return action


def huge(file: h5py.File) -> None:
    attrs = dict(file["H"].attrs)
    del file["H"]
    file.create_dataset("H", shape=(14, 10**5, 10**5), dtype="c16", chunks=(1, 1000, 1000)).attrs.update(attrs)


def virtual(file: h5py.File) -> None:
    del file["centres"]
    layout = h5py.VirtualLayout(shape=(6, 3), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(6, 3))
    file.create_virtual_dataset("centres", layout)


BAD: list[tuple[Callable[[h5py.File], object], str]] = [
    (lambda f: f.attrs.__delitem__("format"), "not a 'hpcalo model' file"),
    (lambda f: f.attrs.__setitem__("format", "hpcalo result"), "its format is 'hpcalo result'"),
    (lambda f: f.attrs.__setitem__("version", 2), "version 2, but this program reads version 1"),
    (lambda f: f.attrs.__setitem__("version", "one"), "version is not a number"),
    (lambda f: f.attrs.__setitem__("kind", "phonons"), "kind 'phonons'"),
    (lambda f: f.attrs.__setitem__("kind", 3.0), "kind is not a text"),
    (lambda f: f.attrs.__setitem__("fermi_energy", np.nan), "fermi_energy is not finite"),
    (lambda f: f.attrs.__setitem__("n_hat", [1.0, 1.0, 0.0]), "not a unit vector"),
    (lambda f: f.attrs.__setitem__("n_hat", [1.0, 0.0]), "n_hat: shape"),
    (lambda f: f.__delitem__("H"), "H: is missing"),
    (lambda f: f.__delitem__("crystal"), "crystal"),
    (lambda f: f.__delitem__("stored"), "stored: is missing"),
    (lambda f: f["H"].attrs.__setitem__("adjoint", 5), "adjoint = 5"),
    (lambda f: f["crystal"].attrs.__delitem__("periodic"), "periodic is missing"),
    (alter("H", (0, 1, 2), np.nan), r"H: element \(0, 1, 2\) is not finite"),
    (alter("H", (0, 1, 2), 9.0), "H: not Hermitian"),
    (alter("centres", (0, 1), np.inf), r"centres: element \(0, 1\) is not finite"),
    (alter("up", 0, 5), "up and down must name each"),
    (alter("down", 0, 77), "down: numbers from"),
    (alter("stored", 0, -1), "stored: numbers from -1"),
    (alter("stored", 0, 5), "do not cover all cells|twice"),
    (alter("R", (0, 0), 1), "do not cover all cells|twice|Hermitian|no partner"),
    (put("H", np.zeros((14, 6, 5), complex)), "H: shape"),
    (put("H", np.zeros((14, 6, 6))), "H: holds float64, expected complex numbers"),
    (put("A", np.zeros((14, 6, 6), complex)), "A: shape"),
    (put("R", np.zeros((27, 2), int)), "R: shape"),
    (put("R", np.zeros((27, 3))), "R: holds float64, expected whole numbers"),
    (put("crystal/lattice", np.zeros((3, 3))), "do not span a volume"),
    (put("crystal/positions", np.zeros((1, 3))), "positions: shape"),
    (put("notes", np.zeros(3)), "notes: holds float64, expected texts"),
    (put("centres", 3.0), "centres: shape"),
    (huge, "declares|shape"),
    (virtual, "keeps its data in another file"),
]


@pytest.mark.parametrize(("action", "match"), BAD, ids=range(len(BAD)))
def test_wrong_contents(tmp_path: Path, action: Callable[[h5py.File], object], match: str) -> None:
    path = tmp_path / "m.h5"
    write_model(path, ferromagnet())
    with h5py.File(path, "r+") as file:
        action(file)
    with pytest.raises(ModelError, match=match) as error:
        read_model(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_announced_size_is_refused_before_reading(tmp_path: Path) -> None:
    """A terabyte that is nowhere on the disk."""
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["format"], file.attrs["version"] = "f", 1
        file.create_dataset("x", shape=(10**6, 10**6), dtype="f8", chunks=(1000, 1000))
    with pytest.raises(ModelError, match=r"declares 7.45e\+03 GiB"), CheckedFile(tmp_path / "m.h5", "f", 1):
        pass


def test_replicas_that_lose_elements_are_refused() -> None:
    zeros = np.zeros(3, dtype=np.int64)
    with pytest.raises(ModelError, match="have no cell in the model"):
        Folding.in_equal_parts(np.zeros((1, 3), dtype=np.int64), zeros, zeros, zeros, zeros, 1, 2)


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.h5").write_bytes(content)
    with pytest.raises(ModelError, match="not an intact model file"):
        read_model(tmp_path / "m.h5")
    with pytest.raises(ModelError, match="not found"):
        read_model(tmp_path / "absent.h5")
    with pytest.raises(ModelError, match="is a folder"):
        read_model(tmp_path)


def test_truncated_anywhere(tmp_path: Path, shipped: Path) -> None:
    data = (shipped / "fe.h5").read_bytes()
    for part in (0.0001, 0.01, 0.3, 0.7, 0.999):
        (tmp_path / "m.h5").write_bytes(data[: int(part * len(data))])
        with pytest.raises(ModelError):
            read_model(tmp_path / "m.h5")


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    """Either the damage is found, or it hit nothing that is used: the model is the same."""
    write_model(tmp_path / "good.h5", ferromagnet(orbitals=6))
    good = read_model(tmp_path / "good.h5")
    data = np.frombuffer((tmp_path / "good.h5").read_bytes(), dtype=np.uint8)
    rng = np.random.default_rng(3)
    messages = []
    for _ in range(100):
        broken = data.copy()
        place = rng.integers(0, len(data), 3)
        broken[place] ^= rng.integers(1, 255, 3).astype(np.uint8)
        (tmp_path / "bad.h5").write_bytes(broken.tobytes())
        try:
            np.testing.assert_array_equal(read_model(tmp_path / "bad.h5").H_Rnn, good.H_Rnn)  # type: ignore[union-attr]
        except HpcaloError as problem:
            messages.append(str(problem))
    assert len(messages) > 30
    assert not [m for m in messages if "\n" in m]


def test_no_file_is_left_open(tmp_path: Path) -> None:
    """A refused file can be replaced and removed at once."""
    write_model(tmp_path / "m.h5", rashba())
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        del file["H"]
    with pytest.raises(ModelError):
        read_model(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file.attrs["name"] = "again"
    shutil.rmtree(tmp_path)
