"""What a user gets wrong, through the program itself: one line that names file and key, nothing written, a bad exit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from inputs import SMALL
from program import one_complaint
from wannier_files import write_tb, write_win

from hpcalo.__main__ import main
from hpcalo.hamiltonian.builtin import ferromagnet, haldane
from hpcalo.hamiltonian.modelfile import write_model

INPUT = SMALL.format(side=4)


class Program:
    """The program in this process, in a folder of its own."""

    def __init__(self, folder: Path, capsys) -> None:
        self.folder = folder
        self.capsys = capsys
        self.out, self.err = "", ""

    def __call__(self, *arguments: object) -> int:
        environment = dict(os.environ)
        try:
            main([str(a) for a in arguments])
        except SystemExit as end:
            self.out, self.err = self.capsys.readouterr()
            return int(end.code or 0)
        finally:
            os.environ.clear()
            os.environ.update(environment)
        raise AssertionError("did not end with an exit code")

    def refuses(self, code: int, *arguments: object, words: tuple[str, ...]) -> None:
        before = sorted(self.folder.rglob("*"))
        assert self(*arguments) == code, self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("hpcalo: error: ")
        assert len(lines[0]) < 600
        for word in words:
            assert word in lines[0]
        assert sorted(self.folder.rglob("*")) == before, "something was written"


@pytest.fixture
def program(tmp_path, monkeypatch, capsys) -> Program:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(INPUT)
    return Program(tmp_path, capsys)


VALUES = [
    ('kubo.quantities=["torkanse"]', "kubo.quantities: 'torkanse': unknown value; did you mean 'torkance'?"),
    ('kubo.quantities=["torkance","nernts"]', "(item 2): 'nernts': unknown value; did you mean 'nernst'?"),
    ("kubo.quantities=[]", "kubo.quantities: no values given"),
    ("kubo.quantities=[3]", "more, which 'hpcalo keys quantities' lists)"),
    ('kubo.quantities=["torkance","torkance"]', "'torkance' is named twice"),
    ('kubo.gamma="25 nm"', "'25 nm': nm cannot be converted to eV"),
    ('kubo.gamma="300 kg"', "kubo.gamma: '300 kg': kg cannot be converted to eV"),
    ('kubo.temperatures=["25 MeV"]', "kubo.temperatures: '25 MeV': MeV cannot be converted to K"),
    ('kubo.gamma=["1 T"]', "kubo.gamma: '1 T': T cannot be converted to eV"),
    ('kubo.gamma=["25 meVV"]', "unknown unit meVV"),
    ('kubo.gamma="300"', "'300': the string has no unit; give a number in eV"),
    ('kubo.gamma="9**9**9**9 eV"', "not a number with a unit"),
    ('kubo.gamma="1 eV**9**9**9"', "not a number with a unit"),
    ('kubo.gamma="__import__(1) eV"', "not a number with a unit"),
    ('kubo.gamma="1e999 eV"', "expected a finite number"),
    ("kubo.gamma=true", "true: expected a number, not true or false"),
    ("kubo.gamma=nan", "kubo.gamma: nan: expected a finite number"),
    ("kubo.gamma=[0.1,inf]", "kubo.gamma (item 2): inf: expected a finite number"),
    ("kubo.gamma=0", "kubo.gamma: 0: must be larger than 0"),
    ("kubo.gamma=-0.1", "kubo.gamma: -0.1: must be larger than 0"),
    ("kubo.gamma=1e300", "1e+300: must be at most 10"),
    ("kubo.gamma=[0.2,0.1]", "kubo.gamma: [0.2, 0.1]: values must be strictly ascending"),
    ("kubo.gamma=2020-01-01", "kubo.gamma: 2020-01-01: expected a list [ … ]"),
    ("kubo.gamma=[12:00:00]", "kubo.gamma: 12:00:00: expected a number"),
    ("kubo.gamma={a=1}", "kubo.gamma: a table: expected a list [ … ]"),
    ("kubo.temperatures=[0]", "kubo.temperatures: 0: must be at least 0.001"),
    ("kubo.temperatures=-5", "must be at least 0.001"),
    ('kubo.temperatures="20 meV"', "meV cannot be converted to K"),
    ("kubo.n_hat=[0,0,0]", "kubo.n_hat: [0, 0, 0]: a direction must not be zero"),
    ("kubo.n_hat=[[0,0]]", "kubo.n_hat: [0, 0]: expected 3 values"),
    ('kubo.n_hat="z"', "kubo.n_hat: 'z': expected a list [ … ]"),
    ("kubo.n_hat=[1e300,0,0]", "must be at most 1000000"),
    ("kubo.k.grid=[8,8]", "kubo.k.grid: [8, 8]: expected 3 values"),
    ("kubo.k.grid=[8,8,0]", "kubo.k.grid: [8, 8, 0]: each division must be at least 1"),
    ("kubo.k.grid=[10000,10000,10000]", "their product at most 67108864"),
    ("kubo.k.grid=[4,4,2]", "the model is not periodic along vector 3; use 1 there"),
    ("kubo.k.grid=[4.5,4,1]", "kubo.k.grid (item 1): 4.5: expected a whole number"),
    ("kubo.k.shift=[1.0,0,0]", "each shift must be at least 0 and less than 1"),
    ("kubo.k.symmetry=on", "'on': unknown value (allowed: 'auto', 'off' or 'require')"),
    ("kubo.energies.points=1", "kubo.energies.points: 1: must be at least 2"),
    ("kubo.energies.points=1e10", "expected a whole number"),
    ("kubo.energies.minimum=2", "kubo.energies: maximum ("),
    ("kubo.energies=3", "kubo.energies: 3: expected a table"),
    ("kubo=3", "kubo: 3: expected a table"),
    ('kubo.quantities="nernst"', "300 K needs Fermi energies from"),
    ("model.rashba.lattice_constant=1e300", "must be at most 1000000"),
    ("model.rashba.hoping=1", "model.rashba.hoping: unknown key; did you mean 'hopping'?"),
    ("kubo.energies.minimun=1", "kubo.energies.minimun: unknown key; did you mean 'minimum'?"),
    ("kubo.gama=1", "kubo.gama: unknown key; did you mean 'gamma'?"),
    ("kobu.x=1", "kobu: unknown key; did you mean 'kubo'?"),
    ("output.file=../x.h5", "lies outside the current folder"),
    ("output.file=3", "output.file: 3: expected a string in quotes"),
    ("title=[1", "'[1' is not a TOML value"),
    ("title=1\nb=2", "is not a TOML value"),
    ("kubo.gamma", "expected key=value, for example --set kubo.k.grid=[64,64,1]"),
    (f"kubo.gamma={'[' * 30}1{']' * 30}", "nested more than 20 deep"),
]


@pytest.mark.parametrize(("change", "words"), VALUES, ids=[text[:40] for text, _ in VALUES])
def test_wrong_values(program, change, words):
    if "not periodic along" in words:
        program.refuses(2, "check", "small.toml", "--set", change, words=(words,))
    elif words == "300 K needs Fermi energies from":
        program.refuses(
            2, "check", "small.toml", "--set", change, "--set", "kubo.energies.maximum=0.1", words=("small.toml", words)
        )
    else:
        place = "--set" if "TOML" in words or "key=value" in words or "nested" in words else "small.toml"
        program.refuses(2, "run", "small.toml", "--set", change, words=(place, words))


@pytest.mark.parametrize(
    "change",
    [
        "kubo.gamma=0.1",
        'kubo.gamma="25 meV"',
        "kubo.gamma=25 meV",
        "kubo.temperatures=77",
        'kubo.temperatures="20 degC"',
        "kubo.chemical_potentials=0.1",
        "kubo.n_hat=[1,0,1]",
        "kubo.quantities=torkance",
    ],
)
def test_a_single_value_is_a_list_of_one(program, change):
    assert program("check", "small.toml", "--set", change) == 0, program.err


def test_the_same_key_set_twice(program):
    twice = ("--set", "kubo.gamma=0.1", "--set", "kubo.gamma=0.2")
    program.refuses(2, "run", "small.toml", *twice, words=("kubo.gamma is set twice",))


FILES = [
    (b"", "has none of the tables [kubo], [wall], [bands], [maps], which say what to compute"),
    (b"\0\1\2\3" * 100, "not valid TOML"),
    (bytes(range(256)), "is not UTF-8 text"),
    (INPUT.encode("utf-16"), "is not UTF-8 text"),
    (b"a" * 2**21, "is larger than 1 MiB"),
    (b"".join(b"k%d = 1\n" % i for i in range(30_000)), "has none of the tables"),
    (b"x = " + b"[" * 3000 + b"]" * 3000, "not valid TOML"),
    (b".".join([b"a"] * 3000) + b" = 1", "nested more than 20 deep"),
    (b"x = 1" + b"0" * 5000, "not valid TOML"),
    (INPUT.replace("points = 3", "points = 0x1" + "0" * 5000).encode(), "a number of more than 60 digits"),
    (INPUT.replace("points = 3", "points = 3\npoints = 4").encode(), "not valid TOML"),
    (INPUT.replace("[0.1]", "25 meV  # Γ").encode(), 'a number with a unit needs quotes: gamma = "25 meV"'),
    (INPUT.replace("-1.0", "-1,0").encode(), "'minimum = -1,0': write a decimal point, not a comma"),
    (INPUT.replace('"rashba"', "rashba").encode(), 'a string needs quotes: builtin = "rashba"'),
    (INPUT.replace('"small"', "True").encode(), "write true and false in lower case"),
    (INPUT.replace("points = 3", "points = 3,").encode(), "'points = 3,'"),
    (b"x = true\nx = true\n", "(at line 2, column 9): 'x = true'"),
    (b"\x89HDF\r\n\x1a\n\0\xff", "is a result or model (HDF5), not an input file"),
    (INPUT.replace("gamma", '"a\\nb\\u001b[2J"').encode(), "unknown key"),
    (INPUT.replace('"rashba"', '"rash\\u0000ba"').encode(), "a string must not contain a zero byte"),
]


@pytest.mark.parametrize(("content", "words"), FILES, ids=range(len(FILES)))
def test_files_that_are_no_inputs(program, content, words):
    (program.folder / "other.toml").write_bytes(content)
    program.refuses(2, "check", "other.toml", words=("other.toml", words))


def test_names_that_are_nearly_right(program):
    program.refuses(2, "run", "smal.toml", words=("smal.toml", "No such file", "did you mean 'small.toml'?"))
    program.refuses(2, "info", "small.tml", words=("small.tml", "did you mean 'small.toml'?"))
    for command in ("info", "plot", "report"):
        program.refuses(2, command, "small.toml", words=("is an input file, not a result: 'hpcalo run' makes one",))
    program.refuses(
        2, "run", "-n", "4", "small.toml", words=("the launcher sets the number of ranks: mpirun -n 4 hpcalo run",)
    )
    program.refuses(2, "run", "--quite", "small.toml", words=("did you mean '--quiet'?",))
    program.refuses(2, "run", "--xyz", "small.toml", words=("No such option '--xyz' (",))
    list_of_words = "kubo.quantities=[torkance]"
    program.refuses(2, "run", "small.toml", "--set", list_of_words, words=("strings in a list need quotes",))


def test_a_result_that_is_not_finished(program):
    (program.folder / "small.h5.checkpoint-b").touch()
    for command in ("info", "plot", "report"):
        program.refuses(2, command, "small.h5", words=("is not finished", "'hpcalo restart small.h5' continues it"))
    (program.folder / "small.h5.frames").touch()
    program.refuses(2, "info", "small.h5", words=("what it has written is in small.h5.frames",))


def test_files_that_are_no_hamiltonian(program):
    model = ferromagnet(orbitals=2)
    write_tb(program.folder / "x_tb.dat", model)
    write_win(program.folder / "x.win", model)
    program.refuses(2, "convert", "x.win", words=("x.win: is not a Hamiltonian", "did you mean 'x_tb.dat'?"))
    program.refuses(2, "convert", "x_tb.data", words=("x_tb.data: not found", "did you mean 'x_tb.dat'?"))
    program.refuses(3, "convert", "y", words=("y_tb.dat", "did you mean 'x_tb.dat'?"))


def test_a_conversion_says_what_it_found(program):
    """The order of up and down functions is the mistake that no file shows: here they are blocks."""
    write_tb(program.folder / "x_tb.dat", model := ferromagnet(orbitals=2))
    write_win(program.folder / "x.win", model)
    found = {}
    for order in ("interleaved", "blocks"):
        assert program("convert", "x", "--force", "--fermi-energy", "0.0", "--spin", order) == 0, program.err
        found[order] = program.out
        assert "note: spin moment " in program.out
        assert program.out.endswith("model: x.h5\n")
    assert [order for order, text in found.items() if "warning: much of the exchange part" in text] == ["interleaved"]


def test_a_pipe_is_not_waited_for(program):
    os.mkfifo(program.folder / "pipe.toml")
    program.refuses(2, "check", "pipe.toml", words=("pipe.toml: is not a regular file",))


def test_windows_files_are_read(program):
    (program.folder / "windows.toml").write_bytes(b"\xef\xbb\xbf" + INPUT.replace("\n", "\r\n").encode())
    assert program("check", "windows.toml") == 0, program.err


def model_input(program: Program, table: str, quantities: str = "density_of_states") -> None:
    text = INPUT.replace('builtin = "rashba"', table).replace("torkance", quantities)
    (program.folder / "small.toml").write_text(text)


def test_model_files_that_are_none(program):
    folder = program.folder
    (folder / "garbage.h5").write_bytes(np.random.default_rng(1).bytes(5000))
    with h5py.File(folder / "other.h5", "w") as file:
        file["x"] = np.zeros(3)
    write_model(folder / "good.h5", haldane())
    whole = (folder / "good.h5").read_bytes()
    (folder / "flipped.h5").write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])
    os.mkfifo(folder / "pipe.h5")
    for name, words in (
        ("absent.h5", "absent.h5: not found"),
        (".", "is a folder; expected a model file"),
        ("garbage.h5", "is not an intact model file"),
        ("other.h5", "not a 'hpcalo model' file"),
        ("flipped.h5", "is damaged: its checksum does not match"),
        ("pipe.h5", "is not a regular file"),
    ):
        model_input(program, f'file = "{name}"')
        program.refuses(3, "run", "small.toml", words=(words,))
    model_input(program, 'file = "a\\u0000b"')
    program.refuses(2, "run", "small.toml", words=("a string must not contain a zero byte",))


def test_a_model_file_cut_off_anywhere(program):
    write_model(program.folder / "good.h5", haldane())
    whole = (program.folder / "good.h5").read_bytes()
    model_input(program, 'file = "cut.h5"')
    for place in np.random.default_rng(2).integers(0, len(whole) - 200, 100):
        (program.folder / "cut.h5").write_bytes(whole[:place])
        program.refuses(3, "check", "small.toml", words=("cut.h5",))


FIRST = 11  # line of the first element in the tb file below


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[: len(lines) // 2], "x_tb.dat: "),
        (lambda lines: ["garbage"] * 50, "'garbage' is not a number"),
        (lambda lines: [], "x_tb.dat: is empty"),
        (
            lambda lines: [*lines[: FIRST - 1], "    1    1   NaN 0.0", *lines[FIRST:]],
            f"line {FIRST}: 'NaN' is not a finite number",
        ),
        (lambda lines: [*lines[: FIRST - 1], "    1    1   9.0 0.0", *lines[FIRST:]], "H: not Hermitian: differs by"),
    ],
    ids=["truncated", "garbage", "empty", "not finite", "not Hermitian"],
)
def test_wannier90_files_that_are_wrong(program, change, words):
    model = ferromagnet(orbitals=2)
    path = program.folder / "x_tb.dat"
    write_tb(path, model)
    write_win(program.folder / "x.win", model)
    path.write_text("\n".join(change(path.read_text().split("\n"))))
    model_input(program, 'wannier90 = "x"')
    program.refuses(3, "run", "small.toml", words=("x_tb.dat", words))
    program.refuses(3, "convert", "x", "-o", "model.h5", words=("x_tb.dat", words))


def test_spins_that_do_not_fit(program):
    model = ferromagnet(orbitals=2)
    write_tb(program.folder / "x_tb.dat", model)
    write_win(program.folder / "x.win", model)
    model_input(program, 'wannier90 = "x"\nspin = "files"')
    program.refuses(3, "run", "small.toml", words=("x.chk", "No such file"))
    program.refuses(3, "convert", "x", "--spin", "files", words=("x.chk", "No such file"))


def lcao(**changes: np.ndarray) -> dict[str, np.ndarray]:
    blocks = np.array([0.1 * np.ones((2, 2)), np.eye(2), 0.1 * np.ones((2, 2))])
    arrays = dict.fromkeys(("H_up", "H_dn"), blocks) | {f"Hsoc_{v}": 0 * blocks for v in "xyz"}
    arrays |= {"S": np.array([0, 1, 0])[:, None, None] * np.eye(2), "lattice": np.diag([2.0, 9.0, 9.0])}
    arrays |= {"R": np.array([[-1, 0, 0], [0, 0, 0], [1, 0, 0]]), "orb_atom": np.zeros(2, dtype=int)}
    return arrays | {"positions": np.zeros((1, 3)), "symbols": np.array(["Fe"])} | changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"S": np.zeros((3, 2, 2))}, "overlap matrix S(k): smallest eigenvalue 0 at k = (0, 0, 0), must be positive"),
        ({"S": np.ones((3, 2, 2))}, "overlap matrix S(k): smallest eigenvalue"),
        ({"H_up": np.arange(12.0).reshape(3, 2, 2)}, "up_Rnn: not Hermitian"),
        ({"H_up": np.full((3, 2, 2), np.inf)}, "is not finite"),
        ({"H_dn": np.ones((2, 2))}, "H_dn: shape (2, 2), expected (3, 2, 2)"),
        ({"R": np.zeros((3, 3))}, "R: expected whole numbers, found float64"),
        ({"n_electrons": np.zeros((0, 3))}, "n_electrons: expected one finite number"),
        ({"symbols": np.array([object()])}, "is not an intact npz file"),
    ],
)
def test_lcao_files_that_are_wrong(program, changes, words):
    np.savez(program.folder / "x.npz", **lcao(**changes))
    model_input(program, 'lcao = "x.npz"')
    program.refuses(3, "run", "small.toml", "--set", "kubo.k.grid=[4,1,1]", words=("x.npz", words))
    program.refuses(3, "convert", "x.npz", words=("x.npz", words))


def test_a_model_without_spin_has_no_torque_and_no_direction(program):
    model_input(program, 'builtin = "haldane"', "torkance")
    program.refuses(2, "run", "small.toml", words=("kubo.quantities: the model haldane has no exchange part",))
    model_input(program, 'builtin = "haldane"', "density_of_states")
    program.refuses(2, "run", "small.toml", "--set", "kubo.n_hat=[1,0,0]", words=("kubo.n_hat", "leave n_hat out"))


def test_no_fermi_energy_and_no_electrons(program):
    (program.folder / "small.toml").write_text(INPUT.replace("fermi_energy = 0.0", ""))
    program.refuses(2, "check", "small.toml", words=("kubo.energies.reference: the model has no Fermi energy",))
    set_option = ("--set", "kubo.energies.from_electrons=true")
    program.refuses(2, "run", "small.toml", *set_option, words=("the model has no electron count",))
    set_option += ("--set", "kubo.energies.reference=1")
    program.refuses(2, "run", "small.toml", *set_option, words=("either reference or from_electrons",))


def test_the_output_is_never_an_input(program):
    """Also with --force: the model would be gone after the run, and the run after that would fail."""
    write_model(program.folder / "model.h5", haldane())
    model_input(program, 'file = "model.h5"')
    for name in ("model.h5", "small.toml"):
        program.refuses(2, "run", "small.toml", "-o", name, words=(name, "is read by this run"))
        program.refuses(2, "run", "small.toml", "--force", "-o", name, words=(name, "is read by this run"))


def test_an_energy_axis_beside_the_bands_is_told(program):
    assert program("run", "small.toml", "--set", "kubo.energies.reference=500") == 0
    assert "warning: no band lies between the first and the last Fermi energy" in program.err


def test_conversions(program):
    program.refuses(3, "convert", "absent", words=("absent_tb.dat",))
    program.refuses(3, "convert", "absent.npz", words=("absent.npz: cannot be read: No such file",))
    program.refuses(2, "convert", "x_tb.dat", "--format", "hr", words=("is a tb file",))
    program.refuses(2, "convert", "x", "--thickness", "3 eV", words=("thickness: '3 eV': eV cannot be converted",))
    program.refuses(2, "convert", "x", "--fermi-energy", "nan", words=("fermi_energy: nan: expected a finite number",))


def test_restarts_of_nothing(program):
    program.refuses(6, "restart", "absent.h5", words=("there is no checkpoint to continue from: no absent.h5.check",))
    program.refuses(6, "restart", "small.toml", words=("is an input file; give the name of the result",))
    (program.folder / "done.h5").touch()
    program.refuses(6, "restart", "done.h5", words=("no checkpoint to continue from: the result is complete",))
    (program.folder / "absent.h5.checkpoint-a").write_bytes(b"torn")
    program.refuses(6, "restart", "absent.h5", words=("checkpoint-a is damaged",))


def test_on_two_ranks_a_mistake_is_told_once(program, launch):
    shutil.copy(program.folder / "small.toml", program.folder / "two.toml")
    for option, code, words in (
        ("kubo.gamma=0", 2, "must be larger than 0"),
        ("model.builtin=haldane", 2, "has no exchange part"),
        ("kubo.k.grid=[4,4,2]", 2, "is not periodic along vector 3"),
    ):
        result = launch(2, "-m", "hpcalo", "run", "two.toml", "--set", option, cwd=program.folder)
        one_complaint(result, code, words)
    assert sorted(p.name for p in program.folder.iterdir()) == ["small.toml", "two.toml"]


def test_more_ranks_than_points_work(program, launch):
    result = launch(3, "-m", "hpcalo", "run", "small.toml", "--set", "kubo.k.grid=[1,1,1]", cwd=program.folder)
    assert result.returncode == 0, result.stderr
    assert (program.folder / "small.h5").exists()
