"""Files of version 0.1.0 are of use: results are read, inputs give the same numbers, unfinished runs go on.

Only the command line, `hpcalo.open` and HDF5 are used, whatever the program looks like inside.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from types import MappingProxyType

import h5py
import numpy as np
import pytest

VERSION = "0.1.0"
OLD = Path(__file__).resolve().parents[1] / "data" / f"written_by_{VERSION}"
RESULTS = ("kubo", "wannier", "lcao", "long_kubo", "wall", "coupled", "sweep", "moving_sweep", "paper", "driven")
SHOWN = ("kubo", "wall", "sweep", "paper", "driven")
REPORTED = ("lcao", "sweep", "driven")
UNFINISHED = {"wall": 2, "coupled": 0, "sweep": 0, "moving_sweep": 3, "paper": 0}  # with the ranks
SAME, CONTINUED = 1e-12, 1e-10  # of the largest value of an array: what other processors may round differently
# What remains where larger numbers cancel, in the unit of each.
REMAINS = {
    **dict.fromkeys(("mean_mx", "mean_my", "mean_mz"), 1e-14),
    **dict.fromkeys(("onsager_violation", "t_1_0_residual", "t_2_0_residual"), 1e-12),
    "density_deviation": 1e13,
    "dmi_balance": 1e-10,
    "wall_angle": 1e-11,
}
# What is computed better since: relative to the largest value. The resonance was sampled at 73 times.
# The velocity of the wall is that of arcs between the nodes, not of chords; these meshes are coarse.
MENDED = dict.fromkeys(("heat_current_fmr", "heat_current_fmr_per_width", "temperature_gradient_fmr"), 1e-3)
MENDED["wall_velocity"] = 0.03
# Between two nodes the drive of the wall acts along mean/|mean|² since. On the mesh of these inputs, 2.5 cells per wall
# parameter, that changes each array by so much of its largest value: the error that the earlier rule had there. The
# accumulation along M was wrong by as much as it is.
LONGITUDINAL = {"density_deviation", "spin_accumulation"}
FIELD_LIKE = {f"torque{part}_field_like": 0.15 for part in ("", "_electrical", "_thermal")}
WALL = {
    **dict.fromkeys(("beta", "beta_Q", "beta_electrical"), 0.045),
    **FIELD_LIKE,
    **{f"torque{part}{kind}": 9e-3 for part in ("", "_electrical", "_thermal") for kind in ("", "_damping_like")},
    **dict.fromkeys(("u", "u_electrical", "u_thermal"), 0.018),  # now measured by the differences of the drive
    **dict.fromkeys(("wall_angle", "mean_my", "mean_mz"), 0.01),
    "wall_velocity": 0.015,
    **dict.fromkeys(("u0", "u0_electrical", "u0_thermal", "polarization", "thermal_polarization"), 4e-3),
    **{"B": 7e-3, "spin_current": 0.015, "power_spin_torque": 0.02, "power_damping": 5e-4},
    **{"energy_zeeman": 5e-3, "energy_hard_axis": 1e-3, "energy_total": 1e-6, "magnetization": 1e-4},
    **dict.fromkeys(("density", "charge_current", "applied_field", "electric_field", "wall_position"), 1e-5),
    **dict.fromkeys(("energy_exchange", "energy_uniaxial", "wall_width", "mean_mx"), 1e-7),
}
# A run in time that goes on by the other rule: the distribution settles again.
SETTLING = {**WALL, "charge_current": 2e-3, "spin_current": 0.02}
STEADY = {"wall", "coupled", "sweep", "moving_sweep"}  # those that solve the steady equation
# What has the sign of the paper since; the attribute `sign_convention` of new files says so, and old ones have none.
TURNED = {"t_1_0", "t_2_0"}
# What has the meaning of Eq. (18) since: moments of the local equilibrium, not of the whole distribution.
REDEFINED = {"A_initial", "A_final", "B_initial", "B_final"}
# What is refused since, because the model cannot give it, with the reason; and what the result of the rest lacks.
REFUSED = {"lcao": ("anomalous_hall", "no position matrix")}
WITHOUT = {"lcao": {"anomalous_hall", "hall", "hall_conductivity"}}
OPENED = """
import json, sys, hpcalo
out = {}
for path in sys.argv[1:]:
    with hpcalo.open(path) as data:
        assert data.attrs["resolved_input"], path
        out[path] = {n: [list(v.dims), v.attrs.get("units", ""), str(v.dtype)] for n, v in data.variables.items()}
        data.load()
print(json.dumps(out))
"""


@pytest.fixture
def old(tmp_path):
    """A copy of the files, so that nothing can change them and nothing depends on where they are."""
    return Path(shutil.copytree(OLD, tmp_path / "old"))


@pytest.fixture
def programs(in_turn, old):
    """Several commands in one process; returns what each prints. refused: those that end with these codes."""

    def call(*commands, refused=MappingProxyType({})):
        done = in_turn(*commands, cwd=old)
        for number, one in enumerate(done):
            assert one.returncode == refused.get(number, 0), f"{one.args}\n{one.stdout}\n{one.stderr}"
            assert "Traceback" not in one.stderr
        return [one.stderr if number in refused else one.stdout for number, one in enumerate(done)]

    return call


def arrays(file):
    """Variables and coordinates of a result."""
    return {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}


def words(item, name):
    value = item.attrs.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def axes(item):
    return [item.file[found[0]].name if len(found) else "" for found in item.attrs.get("DIMENSION_LIST", [])]


def same(before, after, tolerance, without=frozenset(), mended=MENDED):
    """All arrays of one result are in the other: names, axes, units, values. A later program may write more.

    mended: how far the arrays may be apart whose values are better now, relative to the largest value.
    """
    with h5py.File(before) as a, h5py.File(after) as b:
        assert arrays(a)
        for name, item in arrays(a).items():
            if name in without:
                assert name not in b, name
                continue
            assert name in b, name
            other = b[name]
            assert (item.shape, axes(item), words(item, "units")) == (other.shape, axes(other), words(other, "units"))
            if item.dtype.kind not in "fiu":
                assert item.asstr()[()].tolist() == other.asstr()[()].tolist(), name
                continue
            x, y = np.asarray(item[()], dtype=float), np.asarray(other[()], dtype=float)
            if name in TURNED and words(item, "sign_convention") != words(other, "sign_convention"):
                assert (words(item, "sign_convention"), words(other, "sign_convention")[:1]) == ("", "τ")
                y = -y
            assert np.array_equal(np.isnan(x), np.isnan(y)), name
            if name in REDEFINED or (mended is not MENDED and name in LONGITUDINAL):
                continue
            largest = np.abs(x[np.isfinite(x)]).max(initial=0.0)
            limit = max(tolerance * largest, REMAINS.get(name, 0.0), mended.get(name, 0.0) * largest)
            np.testing.assert_allclose(y, x, rtol=0.0, atol=limit, err_msg=name)


def test_what_info_says(programs):
    models = ("wannier", "lcao")
    names = [*(f"{name}.h5" for name in SHOWN), *(f"{name}.model.h5" for name in models), "unfinished/wall.h5.frames"]
    said = dict(zip(names, programs(*(("info", name) for name in names)), strict=True))
    for name in names:
        assert said[name].startswith(f"{name}: hpcalo {'model' if '.model.' in name else 'result'}")
    for name in SHOWN:
        assert VERSION in said[f"{name}.h5"]


def test_opened_in_python(launch, old):
    names = [f"{name}.h5" for name in RESULTS]
    done = launch(0, "-c", OPENED, *names, cwd=old)
    assert done.returncode == 0, done.stderr
    opened = json.loads(done.stdout)
    for name in names:
        with h5py.File(old / name) as file:
            for key, item in arrays(file).items():
                if not words(item, "NAME").startswith("This is a netCDF dimension but not a netCDF variable"):
                    assert opened[name][key][1] == words(item, "units"), (name, key)


def test_drawn_and_reported(programs, old):
    """A report draws all figures."""
    programs(
        ("plot", "kubo.h5", "long_kubo.h5", "--quantity", "torkance_even", "--output", "kubo.png"),
        ("plot", "kubo.h5", "--quantity", "beta_odd", "--output", "thermal.pdf"),
        *(("plot", f"{name}.h5", "--quantity", "wall_velocity") for name in ("wall", "sweep")),
        ("plot", "paper.h5"),
        *(("report", f"{name}.h5") for name in REPORTED),
    )
    for name in ("kubo", "wall", "sweep", "paper"):
        assert (old / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for name in REPORTED:
        assert "</html>" in (old / f"{name}.html").read_text()


def test_exported(programs, old):
    kinds = ("vtkhdf", "xdmf", "ovf")
    programs(
        ("export", "kubo.h5", "--quantity", "torkance_odd", "--output", "torkance.csv"),
        ("export", "sweep.h5", "--quantity", "u", "--output", "u.csv"),
        *(("export", "wall.h5", "--to", kind) for kind in kinds),
    )
    for table, name, key in (("torkance.csv", "kubo.h5", "energy"), ("u.csv", "sweep.h5", "u")):
        rows = [line for line in (old / table).read_text().splitlines() if line and not line.startswith("#")]
        with h5py.File(old / name) as file:
            assert len(rows) == 1 + len(file[key])
    for kind in kinds:
        assert list(old.glob(f"wall*.{kind}"))


def test_inputs_give_the_same_numbers(programs, old):
    runs = {name: ("run", f"{name}.toml", "--output", f"new_{name}.h5", "-q") for name in RESULTS}
    whole = [runs[name] for name in REFUSED]
    for name, (quantity, _) in REFUSED.items():
        given = tomllib.loads((old / f"{name}.toml").read_text())["kubo"]["quantities"]
        runs[name] += ("--set", f"kubo.quantities={json.dumps([q for q in given if q != quantity])}")
    said = programs(*whole, *runs.values(), refused=dict.fromkeys(range(len(whole)), 2))
    for (_, reason), text in zip(REFUSED.values(), said, strict=False):
        assert reason in text
    for name in RESULTS:
        mended = WALL if name in STEADY else MENDED
        same(old / f"{name}.h5", old / f"new_{name}.h5", SAME, WITHOUT.get(name, frozenset()), mended)


def goes_on(old, name):
    result = old / "unfinished" / f"{name}.h5"
    same(old / f"{name}.h5", result, CONTINUED, mended=SETTLING if name in STEADY else MENDED)
    with h5py.File(result) as file:
        said = "by an earlier version" in str(file["provenance"]["warnings"].asstr()[()])
        assert said == (name in ("wall", "coupled"))  # the points of a scan are as they are
    assert not list(result.parent.glob(f"{name}.h5.*"))


@pytest.mark.parametrize("name", [name for name, ranks in UNFINISHED.items() if ranks])
def test_an_unfinished_run_goes_on_on_ranks(launch, old, name):
    """In another folder than it was begun in, without its input, on other numbers of ranks."""
    done = launch(UNFINISHED[name], "-m", "hpcalo", "restart", f"unfinished/{name}.h5", "-q", cwd=old)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    goes_on(old, name)


def test_unfinished_runs_go_on(programs, old):
    """The same alone; but for sums that have no parts from which errors are made."""
    names = [name for name, ranks in UNFINISHED.items() if not ranks]
    commands = [("restart", f"unfinished/{name}.h5", "-q") for name in ("long_kubo", *names)]
    said = programs(*commands, refused={0: 6})[0]
    assert "the program has changed" in said or f"was written by hpcalo {VERSION}" in said
    for name in names:
        goes_on(old, name)


def test_inputs_are_understood(programs, old):
    names = [f"inputs/{source.name}" for source in sorted((old / "inputs").glob("*.toml"))]
    for name, said in zip(names, programs(*(("check", name) for name in names)), strict=True):
        assert said.startswith(f"{name}: {'wall' if 'wall' in name else 'valid'}")
