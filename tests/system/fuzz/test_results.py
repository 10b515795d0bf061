"""Results and checkpoints that were changed or damaged: info, plot, report, export and restart do their work or say in
one line why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import computed
from limits import processor_time
from mutations import LONG, damaged_bytes

from hpcalo import app
from hpcalo.app.verbs.export import export
from hpcalo.errors import HpcaloError, Interrupted, one_line
from hpcalo.io import checkpoint
from hpcalo.io.description import describe
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.io.seal import LENGTH, unseal
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.world import alone

KUBO = """
[model]
builtin = "rashba"
fermi_energy = 0.0
[kubo]
n_hat = [[0, 0, 1], [1, 0, 1]]
gamma = [0.03, 0.1]
quantities = ["torkance", "conductivity", "spiralization", "thermal_torkance"]
temperatures = [100.0, 300.0]
[kubo.energies]
minimum = -4.6
maximum = 4.6
points = 41
[kubo.k]
grid = [6, 6, 1]
"""
WALL = """
[wall]
mode = "quasi-static"
[wire]
length = "80 nm"
cells = 81
[momentum]
points = 23
[drive]
gradient = "1 K/nm"
[time]
end = "0.0004 ns"
output_every = "0.0002 ns"
"""
SCAN = WALL.replace('"quasi-static"', '"steady"') + '[scan]\nkey = "drive.gradient"\nvalues = ["1 K/nm", "2 K/nm"]\n'
SECONDS = 30.0  # of the processor that a command may take
ENGINES = {"kubo": (KUBO, ()), "wall": (WALL, ()), "scan": (SCAN, ())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Results as hpcalo writes them, and the frames of a run that is not complete."""
    results = computed(alone(), tmp_path_factory.mktemp("whole"), ENGINES)
    return {name: path.read_bytes() for name, path in results.items()}


HUGE = {"shape": (10**6, 10**6), "chunks": (100, 100), "dtype": "f8"}
VALUES = [
    np.array(np.nan),
    np.array([np.inf, 1.0]),
    np.array(3),
    np.zeros((0, 3)),
    np.full((3, 2, 2), np.nan),
    np.ones((2, 41)),
    np.array([2**62, -(2**62)]),
    np.array([1 + 2j]),
    np.array([True, False]),
    np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]),
    np.zeros(4, dtype="V7"),
    h5py.Empty("f8"),
    "text",
    "[wall]\nx = 1",
    "../../etc/passwd",
    "\x1b[2J" * 50,
    b"\xff\xfe",
    np.arange(41.0)[::-1],
    np.zeros(41, dtype="f4"),
]


def items(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return sorted(names)


def change(data: st.DataObject, file: h5py.File) -> None:
    """One change of the content."""
    names = items(file)
    if not names:
        return
    name = data.draw(st.sampled_from(names))
    value = data.draw(st.sampled_from(VALUES))
    kind = data.draw(
        st.sampled_from(["drop", "rename", "replace", "replace", "attribute", "drop attribute", "odd", "huge"])
    )
    place = data.draw(
        st.sampled_from([file, file[name] if isinstance(file.get(name), h5py.Dataset | h5py.Group) else file])
    )
    attributes = sorted(place.attrs) or ["units"]
    if kind == "attribute":
        key = data.draw(
            st.sampled_from([*attributes, "units", "engine", "kind", "title", "hpcalo_role", "coordinates"])
        )
        place.attrs[key] = value
    elif kind == "drop attribute":
        key = data.draw(st.sampled_from(attributes))
        if key in place.attrs:
            del place.attrs[key]
    elif kind == "rename":
        other = data.draw(st.sampled_from([f"{name}x", "x", "time", "energy", "error", "a/b/c", "magnetization"]))
        if other not in file and not other.startswith(f"{name}/"):
            file.move(name, other)
    else:
        before = file.get(name)
        keep = dict(before.attrs) if isinstance(before, h5py.Dataset) and data.draw(st.booleans()) else {}
        del file[name]
        if kind == "replace":
            made = file.create_dataset(name, data=value)
            for key, old in keep.items():
                if key in ("units", "long_name", "hpcalo_role", "equation"):
                    made.attrs[key] = old
        elif kind == "huge":
            made = (
                file.create_dataset(name, **HUGE)
                if data.draw(st.booleans())
                else file.create_dataset(name, (2**44,), "i1", chunks=(4096,))
            )
        elif kind == "odd":
            odd(data.draw(st.integers(0, 4)), file, name)


def odd(kind: int, file: h5py.File, name: str) -> None:
    if kind == 0:
        file[name] = h5py.SoftLink("/nowhere")
    elif kind == 1:
        file[name] = h5py.SoftLink(f"/{name}")
    elif kind == 2:
        file[name] = h5py.ExternalLink("/etc/passwd", "/x")
    elif kind == 3:
        file.create_dataset(name, shape=(41,), dtype="f8", external=[("/etc/passwd", 0, 328)])
    else:
        layout = h5py.VirtualLayout(shape=(41,), dtype="f8")
        layout[:] = h5py.VirtualSource("/nowhere.h5", "y", shape=(41,))
        file.create_virtual_dataset(name, layout)


def uses(engine: str, path: Path) -> list:
    """Everything that a user may do with a result."""
    quantity = {"kubo": "torkance_even", "wall": "wall_position", "scan": "u"}[engine]
    out = path.parent
    many = [
        lambda: describe(path),
        lambda: export(path, "csv", [quantity], output=out / "o.csv", force=True),
    ]
    if engine != "kubo":
        many += [lambda k=k: export(path, k, output=out / f"o.{k}", force=True) for k in ("vtkhdf", "xdmf", "ovf")]
    return many


def slow_uses(engine: str, path: Path) -> list:
    out = path.parent
    return [
        lambda: app.plot([path], output=out / "o.png", force=True),
        lambda: app.report(path, output=out / "o.html", force=True),
    ]


def changed(data: st.DataObject, whole: dict[str, bytes], folder: Path) -> tuple[str, Path]:
    engine = data.draw(st.sampled_from(sorted(ENGINES)))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "r.h5"
    path.write_bytes(whole[engine])
    unseal(path)
    with h5py.File(path, "r+") as file:
        for _ in range(data.draw(st.integers(1, 3))):
            change(data, file)
    return engine, path


@pytest.fixture(scope="module", autouse=True)
def warm(whole, tmp_path_factory, survives):
    """Unharmed results are taken by all; and what libraries prepare at their first use is behind us."""
    for engine, content in whole.items():
        path = tmp_path_factory.mktemp("warm") / "r.h5"
        path.write_bytes(content)
        for use in uses(engine, path) + (slow_uses(engine, path) if LONG or engine == "scan" else []):
            use()


@given(st.data())
@settings(max_examples=LONG or 20)
def test_changed_contents(tmp_path_factory, survives, whole, data):
    engine, path = changed(data, whole, tmp_path_factory.getbasetemp() / "changed")
    for use in uses(engine, path):
        survives(use, path.parent, SECONDS)


@given(st.data())
@settings(max_examples=LONG // 4 or 2)
def test_changed_contents_drawn(tmp_path_factory, survives, whole, data):
    engine, path = changed(data, whole, tmp_path_factory.getbasetemp() / "drawn")
    slow = slow_uses(engine, path)
    for use in slow if LONG else [data.draw(st.sampled_from(slow))]:
        survives(use, path.parent, SECONDS)


@given(st.data())
def test_sealed_results(tmp_path_factory, survives, whole, data):
    """A byte of a sealed result is wrong: it is refused, whatever the command."""
    engine = data.draw(st.sampled_from(sorted(ENGINES)))
    content = data.draw(damaged_bytes(whole[engine]))
    folder = tmp_path_factory.getbasetemp() / "bytes"
    folder.mkdir(exist_ok=True)
    path = folder / "r.h5"
    path.write_bytes(content)
    intact = content[: len(whole[engine])] == whole[engine]
    if intact or content[-LENGTH:] == whole[engine][-LENGTH:]:
        for use in uses(engine, path):
            assert survives(use, folder, SECONDS) <= intact


def test_results_without_their_seal(tmp_path_factory, survives, whole, in_child):
    """The HDF5 library itself may break down (1.10.8: in H5Fclose where a byte of one of the file's trees is wrong):
    never in this process, which stands for the program's.
    """
    folder = tmp_path_factory.mktemp("bare")
    path = folder / "r.h5"

    @given(st.data())
    @settings(max_examples=LONG or 20)
    def each(data):
        in_child.goes_on()
        engine = data.draw(st.sampled_from(sorted(ENGINES)))
        path.write_bytes(data.draw(damaged_bytes(whole[engine][:-LENGTH])))
        for use in uses(engine, path):
            survives(use, folder, SECONDS)

    assert in_child(each) == 0


TEXTS = ["", "x", "[wall]\n", "[kubo]\nquantities = 3", "kubo", "{}", "[1", '{"t_fs": "x"}', "\0", "-1\n9999999"]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Folders with the checkpoint of a run that is not complete."""
    folders = {}
    for name, text in {"kubo": KUBO, "wall": WALL}.items():
        folders[name] = folder = tmp_path_factory.mktemp(f"stopped-{name}")
        (folder / "a.toml").write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Rounds, "meeting", lambda self: (True, True))
            patch.setattr(Keeper, "check", stop_at_second_frame([]))
            with pytest.raises(Interrupted):
                app.run(alone(), folder / "a.toml", output=folder / "a.h5", quiet=True)
        assert checkpoint.exists(folder / "a.h5")
    return folders


def stop_at_second_frame(steps):
    def ask(self):
        steps.append(1)
        if len(steps) > 3:
            raise StopRequested("stopped by a test")

    return ask


def copied(stopped, engine: str, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(stopped[engine], folder)
    return folder / "a.h5"


def goes_on(result: Path) -> None:
    """Without the watch over what is done: the ranks' own messages are pickled."""
    refusal = ""
    try:
        with processor_time(SECONDS):
            app.restart(alone(), result, quiet=True)
    except HpcaloError as problem:
        refusal = str(problem)
    assert refusal == one_line(refusal)
    assert result.exists() == (not refusal)


@given(st.data())
@settings(max_examples=LONG or 15)
def test_restart_from_damaged_checkpoints(tmp_path_factory, stopped, data):
    """Bytes of any file that a stopped run has left; or one that is gone."""
    engine = data.draw(st.sampled_from(["kubo", "wall"]))
    result = copied(stopped, engine, tmp_path_factory.getbasetemp() / "restart")
    victim = data.draw(st.sampled_from(sorted(p for p in result.parent.iterdir() if p.suffix != ".toml")))
    if data.draw(st.integers(0, 9)) == 0:
        victim.unlink()
    else:
        victim.write_bytes(data.draw(damaged_bytes(victim.read_bytes())))
    goes_on(result)


@given(st.data())
@settings(max_examples=LONG or 15)
def test_restart_from_other_contents(tmp_path_factory, stopped, data):
    """Whole checkpoints, sealed and with the right checksum, whose content is not what this program writes."""
    engine = data.draw(st.sampled_from(["kubo", "wall"]))
    result = copied(stopped, engine, tmp_path_factory.getbasetemp() / "contents")
    found = checkpoint.read(result)
    arrays, texts = dict(found.arrays), dict(found.texts)
    for _ in range(data.draw(st.integers(1, 2))):
        kind = data.draw(st.sampled_from(["text", "array", "no text", "no array"]))
        some = texts if "text" in kind else arrays
        name = data.draw(st.sampled_from(sorted(some) or ["x"]))
        if "no" in kind:
            some.pop(name, None)
        elif kind == "text":
            texts[name] = data.draw(st.sampled_from(TEXTS))
        else:
            arrays[name] = data.draw(st.sampled_from([v for v in VALUES if isinstance(v, np.ndarray)]))
    checkpoint.remove(result)
    checkpoint.write(result, checkpoint.Checkpoint(arrays, texts, found.sequence + 1))
    goes_on(result)
