"""Wall results for ParaView, OOMMF and Ubermag: what their own readers, and parsers by hand, find in the files."""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
import tomli_w

import hpcalo
from hpcalo import app
from hpcalo.app.verbs.export import export
from hpcalo.errors import InputError, OutputError
from hpcalo.io.dataset import Variable
from hpcalo.io.hdf5 import write_dataset
from hpcalo.io.provenance import Provenance

N, FRAMES, SPACING = 7, 4, 2.5
MS = 6.4e5
X = np.arange(N) * SPACING
FACES = np.append(X, X[-1] + SPACING) - 0.5 * SPACING
TIMES = np.array([0.0, 0.05, 0.1, 0.4])
RANDOM = np.random.default_rng(7)
M = RANDOM.normal(size=(FRAMES, N, 3))
M /= np.linalg.norm(M, axis=2)[:, :, None]
CURRENT = RANDOM.normal(size=(FRAMES, N + 1, 3))
HEAT = RANDOM.normal(size=(FRAMES, N))
ORIGIN = np.array([0.0, 0.0, 5.0, 7.5])
POSITION = np.array([7.0, 7.5, 12.0, 15.0])
INPUT = f"[magnet]\nsaturation_magnetization = {MS}\n[wire]\nfollow = true\n"


def write(path, comm, *, leading=(), text=INPUT, more=(), drop=()):
    """A result like a wall's; `leading`: axes before time, of length 1 or 2 (then the second place holds minus it)."""
    names = [d for d, _ in leading]

    def lead(data):
        for _, values in reversed(leading):
            data = np.stack([data, -data][: len(values)])
        return data

    time = (*names, "time")
    variables = [
        Variable("magnetization", (*time, "x", "component"), lead(M), "", "unit vector M"),
        Variable("temperature", (*time, "x"), lead(HEAT), "K", "temperature"),
        Variable("spin_current", (*time, "x_face", "component"), lead(CURRENT), "1/(m^2 s)", "spin current"),
        Variable("wall_position", time, lead(POSITION), "nm", "where M_z changes sign"),
        Variable("window_origin", time, np.abs(lead(ORIGIN)), "nm", "displacement of the window"),
        Variable("energy", ("time_2",), np.arange(2.0), "J/m^2", "at every second time"),
        *more,
    ]
    coordinates = [
        *(Variable(d, (d,), np.array(v), "K/nm") for d, v in leading),
        Variable("time", ("time",), TIMES, "ns", "simulated time"),
        Variable("time_2", ("time_2",), TIMES[::2], "ns", "simulated time"),
        Variable("x", ("x",), X, "nm"),
        Variable("x_face", ("x_face",), FACES, "nm"),
        Variable("component", ("component",), np.array(["x", "y", "z"])),
    ]
    kept = [v for v in variables if v.name not in drop]
    record = Provenance({"engine": "wall"}, {"resolved_input": text})
    write_dataset(path, comm, kept, coordinates, provenance=record)
    return path


@pytest.fixture
def result(tmp_path, comm):
    return write(tmp_path / "a.h5", comm)


# -- OVF -------------------------------------------------------------------------------------------------------------


def parse_ovf(path):
    """Header and values by the letter of the OVF 2.0 specification, without the program's help."""
    content = path.read_bytes()
    mark = b"# Begin: Data Binary 8\n"
    begin = content.index(mark) + len(mark)
    lines = [line[2:] for line in content[:begin].decode("ascii").splitlines()]
    assert lines[0] == "OOMMF OVF 2.0"
    header = {}
    for line in lines[1:]:
        key, _, value = line.partition(": ")
        header.setdefault(key, value)
    count = int(header["valuedim"]) * int(header["xnodes"]) * int(header["ynodes"]) * int(header["znodes"])
    (check,) = struct.unpack_from("<d", content, begin)
    assert check == 123456789012345.0
    values = struct.unpack_from(f"<{count}d", content, begin + 8)
    assert content[begin + 8 * (count + 1) :] == b"\n# End: Data Binary 8\n# End: Segment\n"
    return header, np.array(values).reshape(-1, int(header["valuedim"]))


def test_ovf_by_hand(result, tmp_path):
    text = export(result, "ovf", output=tmp_path / "m.ovf")
    assert text.startswith(f"fields: {tmp_path}/m-000000.ovf … m-000003.ovf (4 frames)")
    for frame in range(FRAMES):
        header, values = parse_ovf(tmp_path / f"m-{frame:06d}.ovf")
        np.testing.assert_array_equal(values, MS * M[frame])
        number = {key: float(value) for key, value in header.items() if key[0] in "xyz"}
        assert (header["meshtype"], header["meshunit"]) == ("rectangular", "m")
        assert header["valueunits"] == "A/m A/m A/m"
        assert len(header["valuelabels"].split()) == 3
        assert header["Desc"] == f"Total simulation time: {TIMES[frame] * 1e-9:.12g} s"
        assert (number["xnodes"], number["ynodes"], number["znodes"]) == (N, 1, 1)
        step = SPACING * 1e-9
        assert number["xstepsize"] == pytest.approx(step, rel=1e-14)
        first = ORIGIN[frame] * 1e-9
        assert number["xbase"] == pytest.approx(first, rel=1e-14)
        assert number["xmin"] == pytest.approx(first - step / 2, rel=1e-14)
        assert number["xmax"] == pytest.approx(first + (N - 0.5) * step, rel=1e-14)
        for c in "yz":
            assert number[f"{c}max"] - number[f"{c}min"] == pytest.approx(number[f"{c}stepsize"], rel=1e-14)
            assert number[f"{c}base"] == pytest.approx(0.5 * number[f"{c}stepsize"], rel=1e-14)


def test_ovf_of_one_time_and_of_other_fields(result, tmp_path):
    export(result, "ovf", output=tmp_path / "end.omf", select={"time": "last"})
    np.testing.assert_array_equal(parse_ovf(tmp_path / "end.omf")[1], MS * M[-1])
    export(result, "ovf", ["spin_current"], output=tmp_path / "j.ovf", select={"time": "0.1"})
    header, values = parse_ovf(tmp_path / "j.ovf")
    np.testing.assert_array_equal(values, CURRENT[2])
    assert (header["xnodes"], header["valueunits"].split()[0]) == ("8", "1/(m^2*s)")
    assert float(header["xmin"]) == pytest.approx((FACES[0] - SPACING / 2 + ORIGIN[2]) * 1e-9)
    export(result, "ovf", ["temperature"], output=tmp_path / "T.ovf", select={"time": "first"})
    header, values = parse_ovf(tmp_path / "T.ovf")
    assert (header["valuedim"], header["valueunits"]) == ("1", "K")
    np.testing.assert_array_equal(values[:, 0], HEAT[0])


def test_m_has_the_local_saturation_where_the_result_tells_it(tmp_path, comm):
    local = Variable("saturation_magnetization", ("time", "x"), 5e5 + HEAT, "A/m", "M_s")
    write(tmp_path / "a.h5", comm, more=[local])
    export(tmp_path / "a.h5", "ovf", output=tmp_path / "m.ovf", select={"time": "last"})
    np.testing.assert_array_equal(parse_ovf(tmp_path / "m.ovf")[1], (5e5 + HEAT[-1])[:, None] * M[-1])
    thermal = INPUT + "[magnet.thermal]\ncurie_temperature = 850.0\n"
    write(tmp_path / "b.h5", comm, text=thermal)
    with pytest.raises(InputError, match="holds no saturation_magnetization"):
        export(tmp_path / "b.h5", "ovf", output=tmp_path / "b.ovf")


def test_ubermag_reads_it(result, tmp_path):
    field = pytest.importorskip("discretisedfield", exc_type=ImportError).Field
    export(result, "ovf", output=tmp_path / "m.ovf")
    read = field.from_file(tmp_path / "m-000002.ovf")
    np.testing.assert_array_equal(read.array[:, 0, 0], MS * M[2])
    assert (read.unit, tuple(read.mesh.n), read.nvdim) == ("A/m", (N, 1, 1), 3)
    np.testing.assert_allclose(read.mesh.cell, [SPACING * 1e-9] * 3, rtol=1e-12)
    np.testing.assert_allclose(read.mesh.cells.x, (X + ORIGIN[2]) * 1e-9, rtol=1e-12)
    np.testing.assert_array_equal(read((X[3] * 1e-9 + ORIGIN[2] * 1e-9, 1e-9, 1e-9)), MS * M[2, 3])


# -- ParaView --------------------------------------------------------------------------------------------------------


def test_vtkhdf_by_hand(result, tmp_path):
    """Each frame put together from the offsets, as the file format says."""
    export(result, "vtkhdf", output=tmp_path / "a.vtkhdf")
    with h5py.File(tmp_path / "a.vtkhdf") as file:
        root = file["VTKHDF"]
        assert root.attrs["Type"] == b"UnstructuredGrid"
        steps = root["Steps"]
        assert int(steps.attrs["NSteps"]) == FRAMES
        np.testing.assert_array_equal(steps["Values"], TIMES)
        for frame in range(FRAMES):
            part = int(steps["PartOffsets"][frame])
            n, cells = int(root["NumberOfPoints"][part]), int(root["NumberOfCells"][part])
            assert (n, cells) == (N, N + 1)
            first = int(steps["PointOffsets"][frame])
            np.testing.assert_array_equal(root["Points"][first : first + n, 0], X + ORIGIN[frame])
            for group, name, size, expected in (
                ("PointData", "magnetization", n, M),
                ("PointData", "temperature", n, HEAT),
                ("CellData", "spin_current", cells, CURRENT),
                ("FieldData", "wall_position", 1, POSITION[:, None]),
            ):
                begin = int(steps[f"{group}Offsets/{name}"][frame])
                np.testing.assert_array_equal(root[f"{group}/{name}"][begin : begin + size], expected[frame])
        ends = root["Offsets"][:]
        cells = [root["Connectivity"][a:b].tolist() for a, b in pairwise(ends)]
        assert cells == [[0], *([i, i + 1] for i in range(N - 1)), [N - 1]]
        assert root["Types"][:].tolist() == [1, *[3] * (N - 1), 1]
        assert root["PointData/temperature"].attrs["units"] == "K"
        assert "energy" not in root["FieldData"]


def test_errors_go_with_their_fields(tmp_path, comm):
    """Both formats of ParaView hold the error of a field beside it; OVF holds the one field that was named."""
    error = 0.1 * np.abs(HEAT)
    hot = Variable("hot", ("time", "x"), HEAT, "K", "temperature", error=error)
    fixed = Variable("odd", ("time_2",), np.arange(2.0), "K", error=np.ones(2))
    path = write(tmp_path / "e.h5", comm, more=[hot, fixed])
    told = export(path, "vtkhdf", ["hot"], output=tmp_path / "e.vtkhdf")
    with h5py.File(tmp_path / "e.vtkhdf") as file:
        np.testing.assert_array_equal(file["VTKHDF/PointData/hot_error"], error.ravel())
        assert file["VTKHDF/PointData/hot_error"].attrs["units"] == "K"
    assert "hot_error" not in told
    whole = export(path, "xdmf", output=tmp_path / "e.xdmf")
    with h5py.File(tmp_path / "e.xdmf.h5") as file:
        np.testing.assert_array_equal(file["hot_error/000001"], error[1])
    assert "odd" in whole
    assert "odd_error" not in whole
    assert export(path, "ovf", ["hot"], output=tmp_path / "e.ovf").startswith("fields: ")


def test_xdmf_by_hand(result, tmp_path):
    text = export(result, "xdmf", output=tmp_path / "a.xdmf")
    assert "left out, because they have other axes: energy" in text
    domain = ElementTree.parse(tmp_path / "a.xdmf").getroot().find("Domain")
    frames = domain.findall("Grid/Grid")
    assert [float(f.find("Time").get("Value")) for f in frames] == TIMES.tolist()

    def data(item):
        if item.get("Format") == "XML":
            return np.array(item.text.split(), dtype=float)
        name, _, place = item.text.partition(":")
        with h5py.File(tmp_path / name) as file:
            values = file[place][:]
        assert values.size == np.prod([int(n) for n in item.get("Dimensions").split()])
        return values

    for number, frame in enumerate(frames):
        grids = {g.get("Name"): g for g in frame.findall("Grid")}
        for name, places, fields in (
            ("nodes", X, {"magnetization": M, "temperature": HEAT}),
            ("faces", FACES, {"spin_current": CURRENT}),
        ):
            grid = grids[name]
            x, y, z = (data(item) for item in grid.findall("Geometry/DataItem"))
            np.testing.assert_array_equal(x, places + ORIGIN[number])
            assert y.tolist() == z.tolist() == [0.0]
            found = {a.get("Name"): a for a in grid.findall("Attribute")}
            for key, expected in fields.items():
                np.testing.assert_array_equal(data(found[key].find("DataItem")), expected[number])
                assert found[key].get("AttributeType") == ("Vector" if expected.ndim == 3 else "Scalar")
            assert data(found["wall_position"].find("DataItem")) == POSITION[number]


def frames_of(reader):
    vtk = pytest.importorskip("vtk", exc_type=ImportError)
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    np.testing.assert_array_equal(times, TIMES)
    for t in times:
        reader.UpdateTimeStep(t)
        yield reader.GetOutputDataObject(0)


def test_vtk_reads_the_vtkhdf_file(result, tmp_path):
    vtk = pytest.importorskip("vtk", exc_type=ImportError)
    numbers = pytest.importorskip("vtk.util.numpy_support", exc_type=ImportError).vtk_to_numpy
    export(result, "vtkhdf", output=tmp_path / "a.vtkhdf")
    reader = vtk.vtkHDFReader()
    reader.SetFileName(str(tmp_path / "a.vtkhdf"))
    for i, grid in enumerate(frames_of(reader)):
        np.testing.assert_array_equal(numbers(grid.GetPoints().GetData())[:, 0], X + ORIGIN[i])
        np.testing.assert_array_equal(numbers(grid.GetPointData().GetArray("magnetization")), M[i])
        np.testing.assert_array_equal(numbers(grid.GetCellData().GetArray("spin_current")), CURRENT[i])
        assert grid.GetFieldData().GetArray("wall_position").GetTuple1(0) == POSITION[i]
        ends = [grid.GetCell(c).GetBounds()[:2] for c in range(grid.GetNumberOfCells())]
        middles = np.mean(ends, axis=1)
        np.testing.assert_allclose(middles[1:-1], FACES[1:-1] + ORIGIN[i])


def test_vtk_reads_the_xdmf_file(result, tmp_path):
    vtk = pytest.importorskip("vtk", exc_type=ImportError)
    numbers = pytest.importorskip("vtk.util.numpy_support", exc_type=ImportError).vtk_to_numpy
    export(result, "xdmf", output=tmp_path / "a.xdmf")
    reader = vtk.vtkXdmfReader()
    reader.SetFileName(str(tmp_path / "a.xdmf"))
    for i, blocks in enumerate(frames_of(reader)):
        nodes, faces = (blocks.GetBlock(b) for b in range(2))
        np.testing.assert_array_equal(numbers(nodes.GetXCoordinates()), X + ORIGIN[i])
        np.testing.assert_array_equal(numbers(nodes.GetPointData().GetArray("magnetization")), M[i])
        np.testing.assert_array_equal(numbers(faces.GetPointData().GetArray("spin_current")), CURRENT[i])
        np.testing.assert_array_equal(numbers(faces.GetXCoordinates()), FACES + ORIGIN[i])


# -- which frames ----------------------------------------------------------------------------------------------------


def points(path):
    with h5py.File(path) as file:
        return file["VTKHDF/Steps/Values"][:], file["VTKHDF/PointData/magnetization"][:].reshape(-1, N, 3)


def test_scans(tmp_path, comm):
    """A scan of runs in time wants a choice; the frames then run along the other axis."""
    source = write(tmp_path / "s.h5", comm, leading=(("drive_gradient", [1.0, 2.0]),))
    with pytest.raises(InputError, match="runs along drive_gradient and time: fix one with --select"):
        export(source, "vtkhdf", output=tmp_path / "a.vtkhdf")
    export(source, "vtkhdf", output=tmp_path / "a.vtkhdf", select={"drive_gradient": "2"})
    steps, m = points(tmp_path / "a.vtkhdf")
    np.testing.assert_array_equal(steps, TIMES)
    np.testing.assert_array_equal(m, -M)
    export(source, "vtkhdf", output=tmp_path / "b.vtkhdf", along="drive_gradient", select={"time": "0.1"})
    steps, m = points(tmp_path / "b.vtkhdf")
    np.testing.assert_array_equal(steps, [1.0, 2.0])
    np.testing.assert_array_equal(m, [M[2], -M[2]])


def test_real_results(tmp_path, comm):
    """A steady scan, whose time axis has one entry, and a window that moves: from the program itself."""
    base = {"wire": {"length": "80 nm", "cells": 41, "follow": True}, "momentum": {"points": 12}}
    base["magnet"] = {"thermal": {}}

    def run(name, more):
        (tmp_path / f"{name}.toml").write_text(tomli_w.dumps({**base, **more}))
        app.run(comm, tmp_path / f"{name}.toml", output=tmp_path / f"{name}.h5", quiet=True)

    run("s", {"wall": {"mode": "steady"}, "scan": {"key": "drive.gradient", "values": [1.0, 2.0, 4.0]}})
    export(tmp_path / "s.h5", "vtkhdf", output=tmp_path / "s.vtkhdf")
    with hpcalo.open(tmp_path / "s.h5") as data:
        steps, m = np.array([1.0, 2.0, 4.0]), data.magnetization.values[:, 0]
    with h5py.File(tmp_path / "s.vtkhdf") as file:
        np.testing.assert_array_equal(file["VTKHDF/Steps/Values"], steps)
        np.testing.assert_array_equal(file["VTKHDF/PointData/magnetization"], m.reshape(-1, 3))
    time = {"end": 0.08, "output_every": 0.04}
    run("m", {"wall": {"mode": "quasi-static"}, "drive": {"electric_field": -4e8}, "time": time})
    export(tmp_path / "m.h5", "ovf", output=tmp_path / "m.ovf")
    with hpcalo.open(tmp_path / "m.h5") as data:
        assert float(np.ptp(data.window_origin.values)) > 0.0, "the window has moved"
        for i in range(3):
            header, values = parse_ovf(tmp_path / f"m-{i:06d}.ovf")
            np.testing.assert_allclose(np.linalg.norm(values, axis=1), 8e5 * (1 - (100 / 850) ** 1.5), rtol=1e-9)
            # the zero of M_z, in m from the header alone, is where the monitor says
            x = float(header["xbase"]) + np.arange(len(values)) * float(header["xstepsize"])
            z = values[:, 2]
            j = int(np.flatnonzero((z[:-1] > 0) & (z[1:] <= 0))[0])
            zero = x[j] + (x[j + 1] - x[j]) * z[j] / (z[j] - z[j + 1])
            assert zero == pytest.approx(float(data.wall_position[i]) * 1e-9, abs=0.02e-9)


# -- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "quantities", "options", "words"),
    [
        ("vtkhdf", [], {"output": "a.vtu"}, "must end with .vtkhdf"),
        ("ovf", ["magnetization", "temperature"], {}, "one field"),
        ("ovf", ["magnetisation"], {}, "did you mean 'magnetization'"),
        ("ovf", ["wall_position"], {}, "no values along a wire"),
        ("csv", [], {}, "choose a curve with --quantity"),
        ("xdmf", [], {"along": "x"}, "no axis 'x'; axes here: time, time_2"),
        ("xdmf", [], {"along": "tim"}, "no axis 'tim'"),
        ("xdmf", [], {"select": {"x": "3"}}, "whole fields can be exported"),
        ("xdmf", ["energy", "magnetization"], {}, "'energy' has the axes time_2"),
        ("xdmf", [], {"along": "time", "select": {"time": "last"}}, "cannot be selected"),
    ],
)
def test_mistakes_in_the_choice(result, tmp_path, monkeypatch, kind, quantities, options, words):
    monkeypatch.chdir(tmp_path)
    options = {k: Path(v) if k == "output" else v for k, v in options.items()}
    with pytest.raises(InputError) as caught:
        export(result, kind, quantities, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_nothing_is_overwritten_and_no_mixture_is_left(result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export(result, "ovf")
    with pytest.raises(OutputError, match="exists already"):
        export(result, "ovf")
    export(result, "ovf", force=True)
    (tmp_path / "a-000004.ovf").write_text("of an earlier, longer run")
    with pytest.raises(OutputError, match="belongs to a longer series"):
        export(result, "ovf", force=True)
    export(result, "xdmf")
    (tmp_path / "a.xdmf").unlink()
    with pytest.raises(OutputError, match=r"a\.xdmf\.h5: exists already"):
        export(result, "xdmf")
    (tmp_path / "a.h5").rename(tmp_path / "b.vtkhdf")
    with pytest.raises(InputError, match="the result itself"):
        export(tmp_path / "b.vtkhdf", "vtkhdf", force=True)


def test_a_result_without_a_wire(tmp_path, comm):
    energy = Variable("energy", ("energy",), np.arange(3.0), "eV")
    write_dataset(tmp_path / "k.h5", comm, [Variable("dos", ("energy",), np.ones(3))], [energy])
    with pytest.raises(InputError, match="no values along a wire"):
        export(tmp_path / "k.h5", "vtkhdf", output=tmp_path / "k.vtkhdf")


def test_command(result, tmp_path, launch):
    done = launch(0, "-m", "hpcalo", "export", "a.h5", "--to", "ovf", "--select", "time=last")
    assert (done.returncode, done.stdout) == (0, "fields: a.ovf (1 frame)\n")
    np.testing.assert_array_equal(parse_ovf(tmp_path / "a.ovf")[1], MS * M[-1])
    done = launch(0, "-m", "hpcalo", "export", "a.h5", "--to", "vtkhdf", "-o", "b.vtkhdf")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "time series: b.vtkhdf (4 frames)"
