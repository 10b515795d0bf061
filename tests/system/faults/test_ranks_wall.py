"""One rank of a wall fails anywhere, or a number is not finite: all ranks end within seconds, with one line that says
where; the checkpoint stands and the run goes on from it to the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from inputs import SHORT_WALLS
from killing import THOROUGH, wait_until_dead
from program import differences, one_complaint

from hpcalo import app
from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset
from hpcalo.parallel.world import alone

# On rank RANK call number CALL of a place raises, or gives a number that is not finite.
PROGRAM = """
import sys
import numpy as np
from mpi4py import MPI
where, rank, call = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
mine = MPI.COMM_WORLD.rank == rank
import hpcalo.wall.run as wall
from hpcalo.io import checkpoint, reserved, timeseries
from hpcalo.io.keeper import Keeper
from hpcalo.wall.boltzmann import kinetic
from hpcalo.wall.magnetism import magnetics
from hpcalo.wall.monitors import torques, wall as wall_monitor
from hpcalo.wall.dynamics import simulation, unit_length
from hpcalo.wall.electrons import transport
from hpcalo.wall.solvers import steady

def at(module, name, change):
    real, left = getattr(module, name), [call]
    def counted(*arguments, **options):
        left[0] -= 1
        if mine and (left[0] <= 0 if where.endswith('always') else left[0] == 0):
            return change(lambda: real(*arguments, **options))
        return real(*arguments, **options)
    setattr(module, name, counted)

def broken(error):
    def change(real):
        raise error
    return change

def spoiled(value, *place):
    def change(real):
        answer = real()
        answer[place] = value
        return answer
    return change

BROKEN = broken(RuntimeError("broken on purpose"))
if where == "texture": at(simulation.Simulation, "start", BROKEN)
if where == "solve": at(steady.SteadySolver, "respond", BROKEN)
if where == "kernel": at(kinetic.Kinetic, "moments", BROKEN)
if where == "rate": at(magnetics.Magnetics, "rate", BROKEN)
if where == "memory": at(magnetics.Magnetics, "rate", broken(MemoryError()))
if where == "step": at(unit_length, "normalized", BROKEN)
if where == "monitor": at(torques, "zhang_li", BROKEN)
if where == "room": at(timeseries, "reserve_axis", BROKEN)
if where == "frame": at(reserved.Location, "write", BROKEN)
if where == "odd frame": at(reserved.Location, "write", broken(ValueError("broken on purpose")))
if where == "full frame": at(reserved.Location, "write", broken(OSError(28, "No space left on device")))
if where == "save": at(checkpoint, "write", BROKEN)
if where == "finish": at(timeseries.TimeSeries, "finish", BROKEN)
if where == "publish": at(wall, "commit", BROKEN)
if where.startswith("nan rate"): at(magnetics.Magnetics, "rate", spoiled(np.nan, 5, 1))
if where == "inf rate": at(magnetics.Magnetics, "rate", spoiled(np.inf, 5, 1))
if where.startswith("nan spin"): at(kinetic.Kinetic, "moments", spoiled(np.nan, 7, 2))
if where == "inf spin": at(kinetic.Kinetic, "moments", spoiled(-np.inf, 7, 2))
if where.startswith("nan m"): at(unit_length, "normalized", spoiled(np.nan, 3, 0))
if where == "nan source": at(kinetic.Kinetic, "source", spoiled(np.nan, 4, 1, 2))
if where == "nan torque": at(transport.Transport, "torque", spoiled(np.nan, 6, 2))
if where == "inf speed": wall_monitor.velocity = lambda *a: np.inf
real = Keeper.is_due
Keeper.is_due = lambda self, *, frame: real(self, frame=frame) or frame
from hpcalo.__main__ import main
main(["run", "w.toml", "-q", "-o", "a.h5"])
"""
PURPOSE = "broken on purpose"
QUASI, FULL = "quasi-static", "time-dependent"
# mode, ranks, place, rank, call, exit code, words of the message, whether a checkpoint is there already
CASES = [
    (QUASI, 3, "solve", 1, 2, 70, PURPOSE, True),  # the others wait in a collective call of the solver
    (QUASI, 3, "frame", 1, 45, 70, PURPOSE, True),
    (
        QUASI,
        2,
        "nan torque",
        1,
        5,
        4,
        "error: torque is not finite at t = 0.0001 ns, node 47 (x = 47 nm), z component",
        True,
    ),
    (FULL, 3, "kernel", 2, 90, 70, PURPOSE, True),
    (FULL, 2, "nan spin always", 1, 90, 4, "spin accumulation is not finite at t = ", True),
]
MORE = [
    (QUASI, 2, "monitor", 1, 6, 70, PURPOSE, True),
    (QUASI, 2, "nan rate", 1, 60, 4, "rate of the magnetization is not finite at t = ", True),
    (QUASI, 2, "texture", 1, 1, 70, PURPOSE, False),
    (QUASI, 3, "kernel", 2, 9, 70, PURPOSE, True),
    (QUASI, 3, "rate", 1, 20, 70, PURPOSE, True),
    (QUASI, 2, "memory", 0, 20, 8, "out of memory", True),
    (QUASI, 3, "step", 2, 3, 70, PURPOSE, True),
    (QUASI, 3, "room", 0, 1, 70, PURPOSE, False),
    (QUASI, 3, "odd frame", 2, 45, 70, PURPOSE, True),
    (QUASI, 2, "full frame", 1, 45, 5, "No space left on device", True),
    (QUASI, 3, "save", 0, 2, 70, PURPOSE, True),
    (QUASI, 2, "publish", 0, 1, 70, PURPOSE, True),
    (QUASI, 2, "inf rate", 0, 60, 4, "rate of the magnetization is not finite at t = ", True),
    (QUASI, 2, "nan spin", 1, 6, 4, "spin accumulation is not finite at t = ", True),
    (QUASI, 3, "nan m", 0, 3, 4, "magnetization is not finite at t = ", True),
    (QUASI, 2, "nan source", 0, 3, 4, "right-hand side is not finite", True),
    (QUASI, 2, "inf speed", 0, 1, 4, "wall_velocity is not finite at t = 0 ns: it is inf", False),
    (FULL, 2, "solve", 0, 1, 70, PURPOSE, False),
    (FULL, 3, "monitor", 0, 6, 70, PURPOSE, True),
    (FULL, 2, "nan rate always", 1, 90, 4, "rate of the magnetization is not finite at t = ", True),
    (FULL, 3, "nan m", 1, 3, 4, "magnetization is not finite at t = ", True),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The uninterrupted results of both modes."""
    folder, out = tmp_path_factory.mktemp("whole"), {}
    for mode, text in SHORT_WALLS.items():
        source, out[mode] = folder / f"{mode}.toml", folder / f"{mode}.h5"
        source.write_text(text)
        app.run(alone(), source, output=out[mode], quiet=True)
    return out


@pytest.mark.parametrize(
    ("mode", "ranks", "where", "rank", "call", "code", "words", "saved"),
    CASES + (MORE if THOROUGH else []),
    ids=lambda v: v.replace(" ", "-") if isinstance(v, str) and len(v) < 20 else "",
)
def test_all_end_with_one_line(launch, whole, tmp_path, mode, ranks, where, rank, call, code, words, saved):
    """(HPCALO_KILLS=50 tries more places.)"""
    (tmp_path / "w.toml").write_text(SHORT_WALLS[mode])
    result = launch(ranks, "-c", PROGRAM, where, str(rank), str(call))
    one_complaint(result, code, words, warned=True)
    assert "RuntimeWarning" not in result.stderr
    output = tmp_path / "a.h5"
    assert not output.exists()
    assert not list(tmp_path.glob("*.part-*"))
    assert checkpoint.exists(output) == saved
    if not saved:
        return
    kept = checkpoint.read(output)
    assert kept.remarks == ()
    assert all(np.isfinite(value).all() for value in kept.arrays.values())
    frames = read_dataset(output.with_name("a.h5.frames"))["magnetization"]
    whole_ones = np.isfinite(frames).all(axis=(1, 2))
    assert whole_ones.any()
    if code == 4:  # all that is there was finite; the rest has not been written
        assert np.isnan(frames[~whole_ones]).all()
    wait_until_dead(output.with_name("a.h5.lock"))
    app.restart(alone(), output, quiet=True)
    assert differences(whole[mode], output) == []
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "w.toml"}


DRAWING = """
import sys
from matplotlib.figure import Figure
def broken(self, part, **options):
    part.write_bytes(b"half a picture")
    raise {error}
Figure.savefig = broken
from hpcalo.__main__ import main
main(["plot", "w.h5", "-o", "w.png"])
"""


@pytest.mark.parametrize(
    ("ranks", "error", "code", "words"),
    [(2, f'RuntimeError("{PURPOSE}")', 70, PURPOSE), (0, 'OSError(28, "No space left on device")', 5, "No space left")],
    ids=["broken", "full"],
)
def test_drawing(launch, whole, tmp_path, ranks, error, code, words):
    """Rank 0 draws: where that fails the others end as well, and no picture is left that is not whole."""
    (tmp_path / "w.h5").write_bytes(whole[QUASI].read_bytes())
    result = launch(ranks, "-c", DRAWING.format(error=error))
    one_complaint(result, code, words)
    assert [path.name for path in tmp_path.iterdir()] == ["w.h5"]
