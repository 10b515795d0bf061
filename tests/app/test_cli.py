"""The command line as a user meets it: help, mistakes in one line with the right exit code, on one rank and several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import h5py
import in_turn
import pytest
from inputs import SMALL
from limits import HANG
from program import one_complaint

from hpcalo import __version__
from hpcalo.app import load_input
from hpcalo.io.hdf5 import read_dataset

INPUT = SMALL.format(side=8)


@pytest.fixture
def hpcalo(launch):
    def run(*arguments, ranks=0, **options):
        return launch(ranks, "-m", "hpcalo", *arguments, **options)

    return run


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(INPUT)
    return path


def refused(result, code, *words):
    assert one_complaint(result, code, *words).startswith("hpcalo: error: ")


def test_help_names_the_commands(hpcalo):
    result = hpcalo("--help")
    assert result.returncode == 0
    for word in ("run", "check", "info", "convert", "plot", "mpirun -n 4 hpcalo run"):
        assert word in result.stdout
    for command in ("run", "check", "info", "convert", "plot"):
        text = hpcalo(command, "--help").stdout
        assert f"hpcalo {command} " in text.split("Usage:")[1]


def test_what_answers_without_numbers_loads_little(launch):
    """Help and version load no numerics, the keys of an input neither MPI nor SciPy nor HDF5."""
    code = (
        "import sys, hpcalo.__main__ as m\n"
        "def loaded(*lines):\n"
        "    for line in lines:\n"
        "        try: m.main(line.split())\n"
        "        except SystemExit as end: assert not end.code\n"
        "    return {'mpi4py.MPI', 'numpy', 'h5py', 'scipy', 'matplotlib', 'pydantic', 'petsc4py'} & set(sys.modules)\n"
        "print(sorted(loaded('--help', '--version', 'check --help')), sorted(loaded('keys', 'keys kubo', 'keys wall')))"
    )
    assert launch(0, "-c", code).stdout.splitlines()[-1] == "[] ['numpy', 'pydantic']"


def test_version_and_the_installed_command(hpcalo, launch):
    assert __version__ in hpcalo("--version").stdout
    script = Path(os.sys.executable).with_name("hpcalo")
    if not script.exists():
        pytest.skip("hpcalo is not installed as a command")
    assert __version__ in launch(0, script, "--version").stdout


def test_answers_come_once_under_a_launcher(hpcalo):
    assert hpcalo("--version", ranks=3).stdout.count(__version__) == 1
    result = hpcalo("rum", ranks=3)
    assert result.returncode == 2
    refused(result, 2, "No such command 'rum'; did you mean 'run'? (see 'hpcalo --help')")


USAGE = [
    (["run"], "Missing argument 'INPUT.toml'"),
    (["run", "--forse", "a.toml"], "option '--forse'; did you mean '--force'? (see 'hpcalo run --help')"),
    (["run", "-Q", "a.toml"], "did you mean '-q'?"),
    (["run", "a.toml", "--output"], "Option '--output' requires an argument"),
    (["convert", "a.npz", "--format", "bt"], "'bt' is not one of 'tb', 'hr'"),
    (["exprot"], "did you mean 'export'?"),
    (["check", "a.toml", "--ranks", "0"], "0 is not in the range"),
    (["info"], "Give either a FILE or --environment"),
    (["info", "a.h5", "--environment"], "Give either a FILE or --environment"),
    (["plot"], "Missing argument 'RESULT...'"),
]
MISTAKES = [
    ("[kubo]\ngama = 1", [], "small.toml: kubo.gama: unknown key; did you mean 'gamma'?"),
    ("[kubo", [], "small.toml: not valid TOML"),
    ("", [], "small.toml: has none of the tables [kubo], [wall], [bands], [maps], which say what to compute"),
    (
        "[kobu]\n",
        [],
        "has none of the tables [kubo], [wall], [bands], [maps], which say what to compute; did you mean 'kubo'?",
    ),
    ("[kubo]\n[wall]\n", [], "has a [kubo] and a [wall] table"),
    (INPUT, ["--set", "kubo.gamma"], "--set kubo.gamma: expected key=value"),
    (INPUT, ["--set", "kubo.gamma=['25 nm']"], "kubo.gamma"),
    (INPUT, ["--set", "kubo.gamma=[-1.0]"], "kubo.gamma"),
    (INPUT, ["--set", "kubo.gamma=[nan]"], "kubo.gamma"),
    (INPUT, ["--set", "model.builtin=rashbar"], "did you mean 'rashba'?"),
    (INPUT, ["--set", "title.x=1"], "--set title.x=1: 'title' is a value, not a table"),
    ("\0\1\2", [], "small.toml"),
]


@pytest.fixture(scope="module")
def answers(launch_environment, tmp_path_factory):
    """What one process says to each of the mistakes: (USAGE, MISTAKES)."""
    folder = tmp_path_factory.mktemp("mistakes")
    lines = [arguments for arguments, _ in USAGE]
    for number, (text, extra, _) in enumerate(MISTAKES):
        (folder / str(number)).mkdir()
        (folder / str(number) / "small.toml").write_text(text)
        lines.append(["check", f"{number}/small.toml", *extra])
    command = [sys.executable, str(in_turn.SCRIPT), json.dumps(lines)]
    done = subprocess.run(
        command, cwd=folder, env=launch_environment, capture_output=True, text=True, timeout=HANG, check=True
    )
    assert done.stderr == ""
    found = in_turn.read(lines, done.stdout)
    return found[: len(USAGE)], found[len(USAGE) :]


@pytest.mark.parametrize("number", range(len(USAGE)))
def test_usage_mistakes(answers, number):
    result = answers[0][number]
    refused(result, 2, USAGE[number][1])
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_wrong_input(answers, number):
    refused(answers[1][number], 2, MISTAKES[number][2])


def test_wrong_input_on_several_ranks_is_told_once_and_nothing_is_written(hpcalo, source, tmp_path):
    refused(hpcalo("run", source, "--set", "kubo.gama=1", ranks=3), 2, "kubo.gama", "did you mean 'gamma'?")
    refused(hpcalo("run", "nowhere.toml", ranks=2), 2, "nowhere.toml: cannot be read: No such file or directory")
    assert [p.name for p in tmp_path.iterdir()] == ["small.toml"]


def test_unreadable_inputs(in_turn, tmp_path):
    (tmp_path / "latin.toml").write_bytes("title = 'µ'".encode("latin-1"))
    folder, latin = in_turn(["check", tmp_path], ["check", "latin.toml"])
    refused(folder, 2, "is a folder, not an input file")
    refused(latin, 2, "latin.toml: is not UTF-8 text")


def test_impossible_outputs(hpcalo, in_turn, source, tmp_path):
    """Told before anything is computed. Root may write anywhere but into /proc and through a file."""
    (tmp_path / "there.h5").write_text("precious")
    cases = [
        (tmp_path, "is a folder"),
        (tmp_path / "there.h5", "exists already; --force overwrites it"),
        (tmp_path / "no" / "a.h5", "there is no such folder"),
        (source / "a.h5", "is not a folder"),
        (Path("/proc/a.h5"), "cannot be written"),
        (Path("/dev/null"), "not a regular file"),
    ]
    outside = ("/tmp/a.h5", "../a.h5")
    results = in_turn(
        *(["run", source, "--output", path] for path, _ in cases),
        *(["run", source, "--set", f"output.file={path}"] for path in outside),
    )
    for result, (_, words) in zip(results[: len(cases)], cases, strict=True):
        refused(result, 5, words)
    for result in results[len(cases) :]:
        refused(result, 2, "output.file", "outside the current folder")
    refused(hpcalo("run", source, "--output", "there.h5", ranks=2), 5, "exists already")
    assert (tmp_path / "there.h5").read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.toml", "there.h5"]


def test_wrong_threads(hpcalo, source):
    refused(hpcalo("check", source, env={"HPCALO_THREADS": "many"}), 2, "HPCALO_THREADS=many")


def test_run_info_and_continue_from_the_resolved_input(hpcalo, source, tmp_path):
    result = hpcalo("run", source, "--set", "title=µ two", ranks=2)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["result: small.h5"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.h5", "small.toml"]
    first = read_dataset(tmp_path / "small.h5")
    assert first.attrs["ranks"] == 2
    assert first.attrs["engine"] == "kubo"
    assert first.texts["original_input"] == INPUT
    resolved = tomllib.loads(first.texts["resolved_input"])
    assert resolved["title"] == "µ two"
    assert resolved["model"]["rashba"]  # defaults are written out

    # The resolved input is an input: it gives the same settings and the same bits.
    again = tmp_path / "again.toml"
    again.write_text(first.texts["resolved_input"], encoding="utf-8")
    assert load_input(again) == load_input(source, ["title=µ two"])
    quiet = hpcalo("run", again, "--quiet", "--output", "b.h5")
    assert (quiet.returncode, quiet.stdout) == (0, "")
    assert all(line.startswith("hpcalo: warning: ") for line in quiet.stderr.splitlines())  # --quiet keeps warnings
    second = read_dataset(tmp_path / "b.h5")
    for name in first.variables:
        assert first[name].tobytes() == second[name].tobytes(), name

    refused(hpcalo("run", source), 5, "small.h5: exists already")
    assert hpcalo("run", source, "--force", "-q").returncode == 0
    text = hpcalo("info", "small.h5").stdout
    for word in ("torkance", "hpcalo result", "resolved" if "resolved" in text else "with all defaults", "mpi_library"):
        assert word in text


def test_dry_run_and_check_write_nothing(hpcalo, source, tmp_path):
    for result in (
        hpcalo("run", source, "--dry-run", ranks=2),
        hpcalo("check", source, "--ranks", "64"),
        hpcalo("check", source, ranks=2),
    ):
        assert result.returncode == 0, result.stderr
        assert sum(line.startswith("k-points ") for line in result.stdout.splitlines()) == 1
        assert "memory" in result.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["small.toml"]
    (tmp_path / "small.h5").write_text("")
    refused(hpcalo("run", source, "--dry-run"), 5, "exists already")


def test_one_rank_of_many_does_not_wait_for_the_others(hpcalo, tmp_path):
    """Also where a library starts MPI as soon as it is loaded."""
    (tmp_path / "wall.toml").write_text("[wall]\n")
    for result in (hpcalo("check", "wall.toml", ranks=3), hpcalo("run", "wall.toml", "--dry-run", ranks=3)):
        assert result.returncode == 0, result.stderr
        assert result.stdout.count("memory") + result.stdout.count("MiB per rank") == 1


def test_check_starts_no_mpi(launch, source):
    code = (
        "import sys, hpcalo.__main__ as m\n"
        f"try: m.main(['check', {str(source)!r}])\n"
        "except SystemExit as end: print('code', end.code)\n"
        "import mpi4py; from mpi4py import MPI; print('started', MPI.Is_initialized())"
    )
    assert launch(0, "-c", code).stdout.splitlines()[-2:] == ["code 0", "started False"]


def test_info_refuses_what_it_does_not_know(hpcalo, in_turn, tmp_path):
    (tmp_path / "a.h5").write_bytes(os.urandom(3000))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = 1
    cases = {
        "info nothing.h5": "nothing.h5: cannot be read: No such file or directory",
        "info a.h5": "a.h5: is not an HDF5 file",
        "plot b.h5": "b.h5: is not an hpcalo result",
        "plot b.h5 -o a.doc": "the name of a picture must end with .png",
    }
    for result, words in zip(in_turn(*map(str.split, cases)), cases.values(), strict=True):
        refused(result, 2, words)
    refused(hpcalo("info", "b.h5", ranks=2), 2, "not one of hpcalo's models or results")


def test_environment(hpcalo):
    for ranks in (0, 2):
        result = hpcalo("info", "--environment", ranks=ranks)
        assert result.returncode == 0, result.stderr
        for word in ("MPI", "HDF5", "PETSc", "real numbers", "numpy", "1 thread", f"{max(ranks, 1)} rank"):
            assert word in result.stdout
        assert result.stdout.count("HDF5  ") == 1
        assert "PROBLEM" not in result.stdout


def test_a_launcher_of_another_mpi_is_told(hpcalo, source):
    """Two processes that do not see each other would both compute everything and both write."""
    environment = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_ID": "0"}
    refused(hpcalo("run", source, env=environment), 7, "the launcher started 2 processes", "srun --mpi=pmix")
    told = hpcalo("info", "--environment", env=environment)
    assert told.returncode == 7
    assert "PROBLEM      the launcher started 2 processes" in told.stdout


def test_an_output_in_use_is_left_alone(hpcalo, source, tmp_path):
    (tmp_path / "small.h5.lock").write_text('{"host": "elsewhere", "pid": 5}')
    refused(hpcalo("run", source, "--force", ranks=2), 5, "another run is writing it", "remove small.h5.lock")


def test_a_closed_pipe_is_no_error(hpcalo, source, launch):
    script = f"{os.sys.executable} -m hpcalo check {source} | true"
    code = f"import subprocess; r = subprocess.run({script!r}, shell=True, stderr=subprocess.PIPE); print(r.stderr)"
    assert launch(0, "-c", code).stdout.strip() == "b''"
