"""Signals while the program starts and wherever it loads a module: answered in one line, with the documented code.

The moments are chosen by the modules that are being loaded, not by the clock (signal_at_import.py).
`tests/bench/soak_signals.py` sends them at random times.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from inputs import PULLED, RASHBA, SMALL
from limits import HANG
from program import one_complaint, stopped

from hpcalo import app
from hpcalo.errors import Interrupted
from hpcalo.parallel import early
from hpcalo.parallel.world import alone

AT_IMPORT = Path(__file__).with_name("signal_at_import.py")
KUBO = RASHBA.format(quantities='"torkance"', energies="", side="20")
WALL = PULLED.format(mode="quasi-static", end=1e-4, integrator="rk")


@pytest.fixture
def signalled(launch, tmp_path):
    """Runs a command that sends itself signals, `signalled("SIGTERM@numpy", "check", "a.toml")`, and leaves nothing."""

    def start(plan: str, *arguments: str, ranks: int = 0) -> subprocess.CompletedProcess[str]:
        before = set(tmp_path.iterdir())
        done = launch(ranks, AT_IMPORT, *plan.split(), "--", *arguments)
        assert set(tmp_path.iterdir()) == before
        return done

    return start


# Before the program knows its command, in the middle of half a library, in a library that an extension module loads,
# in the program's own modules.
MODULES = {
    "check a.toml": ("click", "numpy._core.multiarray", "pydantic.main", "h5py._conv", "hpcalo.kubo.foresight"),
    "check b.toml": ("mpi4py", "petsc4py.lib", "scipy.special"),
    "keys wall": ("hpcalo.config.keys", "numpy.linalg"),
    "info a.h5": ("hpcalo.io.description", "h5py.h5"),
    "plot a.h5": ("matplotlib.colors", "PIL.Image", "hpcalo.kubo.plot"),
    "report a.h5": ("jinja2.compiler", "matplotlib.figure"),
    "export a.h5 --quantity torkance_even": ("hpcalo.app.verbs.export", "numpy.lib"),
    "submit a.toml --dry-run": ("hpcalo.app.verbs.submit", "spglib"),
    "convert a": ("hpcalo.app.verbs.convert", "h5py.h5s"),
}
SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with an input of each engine and a result."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "a.toml").write_text(SMALL.format(side=4))
    (folder / "b.toml").write_text(WALL)
    app.run(alone(), folder / "a.toml", output=folder / "a.h5", quiet=True)
    return folder


@pytest.mark.parametrize("command", MODULES)
def test_commands_that_keep_nothing(made, launch, command):
    """They end in the handler: no exception surfaces inside an import. Each signal at one of the modules."""
    before = set(made.iterdir())
    for number, module in enumerate(MODULES[command]):
        name = SIGNALS[number % len(SIGNALS)]
        done = launch(0, AT_IMPORT, f"{name}@{module}", "--", *command.split(), cwd=made)
        expected = (130, "") if name == "SIGINT" else (75, f"hpcalo: error: stopped by {name}\n")
        assert (done.returncode, done.stderr, done.stdout) == (*expected, ""), module
        assert set(made.iterdir()) == before


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ("SIGTERM@click", KUBO),
        ("SIGINT@numpy._core.multiarray", KUBO),
        ("SIGUSR1@threadpoolctl", KUBO),
        ("SIGTERM@hpcalo.kubo.sums.passes", KUBO),
        ("SIGUSR1@petsc4py.lib", WALL),
    ],
    ids=lambda value: value if "@" in value else "",
)
def test_run_remembers_the_signal_until_its_libraries_are_loaded(signalled, tmp_path, plan, text):
    (tmp_path / "a.toml").write_text(text)
    name = plan.partition("@")[0]
    one_complaint(signalled(plan, "run", "a.toml", "-q"), 75, f"error: stopped by {name} before anything was computed")


def test_a_signal_that_comes_when_the_work_is_done_changes_nothing(launch, tmp_path):
    """The run writes its result then: a module that h5py loads for it."""
    (tmp_path / "a.toml").write_text(KUBO)
    done = launch(0, AT_IMPORT, "SIGTERM@h5py._hl.dims", "--", "run", "a.toml", "-q")
    warned = [line.startswith("hpcalo: warning: ") for line in done.stderr.splitlines()]  # of a coarse mesh
    assert (done.returncode, all(warned)) == (0, True), done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.toml", "a.h5"}


@pytest.mark.parametrize("plan", ["SIGTERM@click", "SIGUSR1@numpy._core.multiarray@1", "SIGTERM@hpcalo.kubo.run@1"])
def test_run_of_two_ranks(signalled, tmp_path, plan):
    """Also if only one of them has the signal, before MPI is started or after: the others learn it from it."""
    (tmp_path / "a.toml").write_text(KUBO)
    one_complaint(signalled(plan, "run", "a.toml", "-q", ranks=2), 75, "stopped by SIG", "before anything was computed")


def test_restart_keeps_its_checkpoint(signalled, tmp_path):
    (tmp_path / "a.toml").write_text(KUBO)
    stopped(alone(), 1, tmp_path / "a.toml", tmp_path / "a.h5", after=2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before) == 2
    one_complaint(
        signalled("SIGTERM@threadpoolctl", "restart", "a.h5"), 75, "SIGTERM", "'hpcalo restart a.h5' continues"
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize("second", ["numpy._core.multiarray", "hpcalo.kubo.run"])
def test_second_signal_ends_at_once(signalled, tmp_path, ranks, second):
    """Where nobody looks for the first one: while libraries are loaded, before MPI is started and after."""
    (tmp_path / "a.toml").write_text(KUBO)
    done = signalled(f"SIGTERM@click SIGTERM@{second}", "run", "a.toml", "-q", ranks=ranks)
    assert one_complaint(done, 75) == "hpcalo: error: stopped at once by SIGTERM"


WITHIN_A_RUN = """
import os, signal, sys, time
from pathlib import Path
from hpcalo.parallel.early import TransientFile, listen
from hpcalo.parallel.signals import StopRequest
from hpcalo.parallel.world import defer_start, world
listen()
defer_start()
comm = world()
sys.path.insert(0, "modules")
part = Path(f"part-{comm.rank}")
with StopRequest(), TransientFile(part):
    part.touch()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1.2)
    import loads
"""


@pytest.mark.parametrize("ranks", [0, 2])
def test_second_signal_inside_an_import_within_a_run(launch, tmp_path, ranks):
    """It would surface in a module that turns every exception into another one."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "loads.py").write_text(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGTERM)\n    for _ in range(1000): pass\n"
        "except BaseException:\n    raise ImportError('half a library')\n"
    )
    line = one_complaint(launch(ranks, "-c", WITHIN_A_RUN), 75)
    assert line == "hpcalo: error: stopped at once by a second SIGTERM; the last checkpoint stands"
    assert [path.name for path in tmp_path.iterdir()] == ["modules"]


def test_half_a_file_is_removed(launch, tmp_path):
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom hpcalo.io.files import atomic_write\n"
        "from hpcalo.parallel.early import end_at_once, listen\nlisten()\nend_at_once()\n"
        "with atomic_write(Path('a.txt')) as part:\n"
        "    part.write_text('half')\n    os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    one_complaint(launch(0, "-c", code), 75, "stopped by SIGTERM")
    assert list(tmp_path.iterdir()) == []


def test_a_caller_keeps_its_handlers(tmp_path):
    """`main` called from another program: the handlers are its own again afterwards."""
    code = (
        "import signal\nfrom hpcalo.__main__ import main\nbefore = signal.getsignal(signal.SIGTERM)\n"
        "try:\n    main(['keys', 'execution'])\nexcept SystemExit:\n    pass\n"
        "assert signal.getsignal(signal.SIGTERM) is before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_end_is_not_disturbed(tmp_path):
    """Python and MPI take their time to shut down; a signal that comes then would kill a process that is done."""
    code = (
        "import atexit, os, signal\nfrom hpcalo.parallel.early import SIGNALS\n"
        "atexit.register(lambda: [os.kill(os.getpid(), number) for number in SIGNALS])\n"
        "from hpcalo.start import main\nimport sys\nsys.argv[1:] = ['keys', 'execution']\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_next_to_nothing_is_loaded_before():
    heavy = "{'click', 'numpy', 'mpi4py', 'pathlib', 'inspect', 'typing', 'hpcalo.__main__', 'hpcalo.errors'}"
    code = f"import sys; import hpcalo.start; print(*sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, timeout=HANG
    )
    assert loaded.stdout.strip() == ""
    assert Interrupted.exit_code == early.INTERRUPTED
