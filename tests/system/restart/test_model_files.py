"""A run goes on only with the model files it began with: all that were read, found beside others or named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from program import differences, stopped
from wannier_files import write_hr, write_spin, write_tb, write_win

from hpcalo import app
from hpcalo.config.reader import validate
from hpcalo.errors import CheckpointError, InputError
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.loading import checksums, files, same_files
from hpcalo.hamiltonian.section import ModelSection
from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo import run as kubo

INPUT = """
[model]
{model}
fermi_energy = 0.0
[kubo]
quantities = ["density_of_states"]
gamma = [0.1]
[kubo.energies]
minimum = -1.0
maximum = 1.0
points = 3
[kubo.k]
grid = {grid}
symmetry = "off"
"""


def wannier(folder: Path) -> None:
    model = ferromagnet(orbitals=2)
    write_tb(folder / "x_tb.dat", model)
    write_hr(folder / "x_hr.dat", model)
    write_win(folder / "x.win", model)
    write_spin(folder, "x", model)


def lcao(folder: Path) -> None:
    """Two orbitals of one atom in a chain, and their position matrix beside them."""
    hop = np.array([0.1 * np.ones((2, 2)), np.eye(2), 0.1 * np.ones((2, 2))])
    zero, R = 0.0 * hop, np.array([[-1, 0, 0], [0, 0, 0], [1, 0, 0]])
    matrices = {"H_up": hop, "H_dn": hop, "S": np.array([0, 1, 0])[:, None, None] * np.eye(2)}
    matrices |= {f"Hsoc_{v}": zero for v in "xyz"}
    atoms = {"orb_atom": np.zeros(2, dtype=int), "positions": np.zeros((1, 3)), "symbols": np.array(["Fe"])}
    np.savez(folder / "x.npz", R=R, lattice=np.diag([2.0, 9.0, 9.0]), **matrices, **atoms)
    np.savez(folder / "x_r.npz", R=R, **{f"r_{v}": zero for v in "xyz"})


def put_remark(path: Path) -> None:
    """The same model, other bytes."""
    if path.suffix == ".npz":
        np.savez(path, remark=np.zeros(1), **np.load(path))
    elif path.suffix == ".chk":
        path.write_bytes(path.read_bytes().replace(b"written by a test", b"written by others"))
    else:
        path.write_text(path.read_text() + "\n! a remark\n")


@pytest.fixture(params=["wannier", "lcao"])
def source(request, tmp_path):
    """An input of four blocks of k points, with every file that its model can have."""
    if request.param == "wannier":
        wannier(tmp_path)
        text = INPUT.format(model='wannier90 = "x"', grid=[8, 8, 8])
    else:
        lcao(tmp_path)
        text = INPUT.format(model='lcao = "x.npz"', grid=[512, 1, 1])
    path = tmp_path / f"{request.param}.toml"
    path.write_text(text)
    return path


CHANGED = {"wannier": ("x.win", "x.chk", "x.spn"), "lcao": ("x.npz", "x_r.npz")}
NAMES = {"wannier": ["x_tb.dat", "x.win", "x.chk", "x.spn"], "lcao": ["x.npz", "x_r.npz"]}


def refused(comm, result: Path) -> None:
    with pytest.raises(CheckpointError, match="with other model files than those there are now") as problem:
        app.restart(comm, result, quiet=True)
    assert "\n" not in str(problem.value)
    assert checkpoint.exists(result)


def test_each_file_is_recorded_and_must_stay(comm, tmp_path, source):
    result = tmp_path / "a.h5"
    app.run(comm, source, output=tmp_path / "whole.h5", quiet=True)
    recorded = read_dataset(tmp_path / "whole.h5").texts["model_sha256"].splitlines()
    assert [Path(line.split("  ")[1]).name for line in recorded] == NAMES[source.stem]
    stopped(comm, 1, source, result, 1)
    for name in CHANGED[source.stem]:
        path = tmp_path / name
        before = path.read_bytes()
        if name == "x.spn":
            write_spin(tmp_path, "x", ferromagnet(orbitals=2), scale=0.99)
        else:
            put_remark(path)
        refused(comm, result)
        path.write_bytes(before)
    (tmp_path / "x_hr.dat").write_text("of no use to this model")
    app.restart(comm, result, quiet=True)
    assert differences(tmp_path / "whole.h5", result) == []


def test_goes_on_in_another_folder(comm, tmp_path, monkeypatch):
    """Started with a relative name of an input that names its files relative to itself; continued from elsewhere."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "inputs" / "data", elsewhere):
        folder.mkdir(parents=True)
    wannier(home / "inputs" / "data")
    (home / "inputs" / "w.toml").write_text(INPUT.format(model='wannier90 = "data/x"', grid=[8, 8, 8]))
    source = Path("inputs", "w.toml")
    monkeypatch.chdir(home)
    app.run(comm, source, output=Path("whole.h5"), quiet=True)
    stopped(comm, 1, source, Path("a.h5"), 1)
    monkeypatch.chdir(elsewhere)
    app.restart(comm, Path("../home/a.h5"), quiet=True)
    assert differences(home / "whole.h5", home / "a.h5") == []
    assert not list(elsewhere.iterdir())
    lines = read_dataset(home / "a.h5").texts["model_sha256"].splitlines()
    assert [line.partition("  ")[2] for line in lines] == [
        str(home / "inputs" / "data" / name) for name in NAMES["wannier"]
    ]


def test_a_file_that_came_or_went_is_another_model(comm, tmp_path):
    wannier(tmp_path)
    source, result = tmp_path / "w.toml", tmp_path / "a.h5"
    source.write_text(INPUT.format(model='wannier90 = "x"', grid=[8, 8, 8]))
    (tmp_path / "x.spn").rename(tmp_path / "later")
    stopped(comm, 1, source, result, 1)
    (tmp_path / "later").rename(tmp_path / "x.spn")
    refused(comm, result)


def test_the_record_is_of_what_was_read(comm, tmp_path, monkeypatch):
    """Files that change or vanish while a run computes neither end it nor enter its record."""
    wannier(tmp_path)
    source, result = tmp_path / "w.toml", tmp_path / "a.h5"
    source.write_text(INPUT.format(model='wannier90 = "x"', grid=[2, 2, 2]))
    before = checksums(validate(ModelSection, {"wannier90": "x"}, "x", tmp_path))

    def solvers(*arguments, real=kubo.solvers, **options):
        (tmp_path / "x.spn").unlink()
        put_remark(tmp_path / "x.win")
        return real(*arguments, **options)

    monkeypatch.setattr(kubo, "solvers", solvers)
    app.run(comm, source, output=result, quiet=True)
    assert read_dataset(result).texts["model_sha256"] == before


@pytest.mark.parametrize("name", ["x_tb.dat", "x.win", "x.chk", "x.spn"])
def test_no_file_of_the_model_is_replaced_by_the_result(comm, tmp_path, name):
    wannier(tmp_path)
    source = tmp_path / "w.toml"
    source.write_text(INPUT.format(model='wannier90 = "x"', grid=[2, 2, 2]))
    with pytest.raises(InputError, match="is read by this run; choose another output"):
        app.run(comm, source, output=tmp_path / name, quiet=True, force=True)


@pytest.mark.parametrize(
    ("option", "used"), [("format", ["x_hr.dat", "x.win", "x.wout"]), ("spin", ["x_tb.dat", "x.win", "x.wout"])]
)
def test_only_files_that_are_used_count(tmp_path, option, used):
    wannier(tmp_path)
    (tmp_path / "x.wout").touch()
    table = {"wannier90": "x", "spin": "none"} | ({"format": "hr"} if option == "format" else {})
    assert [path.name for path in files(validate(ModelSection, table, "x", tmp_path))] == used


def test_checkpoints_of_0_1_0_hold_sums_alone(tmp_path):
    """Of Wannier90 every seed_*.dat, otherwise the files that the input names."""

    def sums(*names: str) -> str:
        return "\n".join(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names)

    def now(**table: object) -> str:
        return checksums(validate(ModelSection, table, "x", tmp_path))

    wannier(tmp_path)
    lcao(tmp_path)
    assert same_files(sums("x_hr.dat", "x_tb.dat"), now(wannier90="x"))
    assert not same_files(sums("x_hr.dat"), now(wannier90="x"))
    assert same_files(sums("x.npz"), now(lcao="x.npz"))
    assert same_files(sums("x.npz", "x_r.npz"), now(lcao="x.npz", position_file="x_r.npz"))
    assert not same_files(sums("x_r.npz"), now(lcao="x.npz", position_matrix=False))
    assert same_files(sums("x.npz"), now(file="x.npz"))
    assert not same_files(sums("x_r.npz"), now(file="x.npz"))
    assert same_files("", now(builtin="rashba"))
