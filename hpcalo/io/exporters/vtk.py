"""Wall results for ParaView and VTK: a time series as VTKHDF, or as XDMF for older readers.

Lengths are in nm, times in ns, everything else in the unit of the result. M, torques and what else is known at the
nodes are point data; currents, known on the faces between the nodes, are cell data of the segments (VTKHDF) or a
second grid (XDMF).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py
import numpy as np
from numpy.typing import NDArray

from hpcalo.io.exporters.wire import WireSeries
from hpcalo.io.files import atomic_write, check_output

VTK_VERTEX, VTK_LINE = 1, 3
VERSION = (2, 1)  # of VTKHDF: VTK 9.3, ParaView 5.12 and later read it


def export_vtkhdf(series: WireSeries, output: Path, *, force: bool = False) -> None:
    """Writes the series as one VTKHDF file (an unstructured grid with time steps). Serial. Raises OutputError.

    Points are the nodes. Cells are the faces: face i lies between node i − 1 and node i and is the segment between
    them; the two outermost faces, half a spacing beyond the ends, are vertices on the end nodes. Single numbers
    (position of the wall, energies, …) are field data.
    """
    check_output(output, force=force)
    with atomic_write(output, force=force) as part, h5py.File(part, "w", libver=("v108", "latest")) as file:
        _vtkhdf(file.create_group("VTKHDF"), series)


def _vtkhdf(root: Any, series: WireSeries) -> None:
    nodes, frames = len(series.nodes), len(series.steps)
    root.attrs["Version"] = np.array(VERSION, dtype=np.int64)
    root.attrs["Type"] = np.bytes_("UnstructuredGrid")
    # One part, whose cells serve all frames; its points too, unless the window moves: then each frame has its own.
    own = range(frames) if series.moves else range(1)
    points = np.zeros((len(own) * nodes, 3))
    points[:, 0] = np.concatenate([series.places("x", i) for i in own])
    inner = np.stack([np.arange(nodes - 1), np.arange(1, nodes)], axis=1).ravel()
    cells = nodes + 1
    sizes = np.array([1, *[2] * (nodes - 1), 1])
    for name, data in (
        ("NumberOfPoints", [nodes]),
        ("NumberOfCells", [cells]),
        ("NumberOfConnectivityIds", [2 * nodes]),
        ("Connectivity", np.concatenate([[0], inner, [nodes - 1]])),
        ("Offsets", np.concatenate([[0], np.cumsum(sizes)])),
    ):
        root.create_dataset(name, data=np.asarray(data, dtype=np.int64))
    root.create_dataset("Points", data=points)
    root.create_dataset("Types", data=np.where(sizes == 2, VTK_LINE, VTK_VERTEX).astype(np.uint8))
    groups = {name: root.create_group(name) for name in ("PointData", "CellData", "FieldData")}
    steps = root.create_group("Steps")
    steps.attrs["NSteps"] = np.int64(frames)
    steps.create_dataset("Values", data=series.steps)
    steps.create_dataset("PartOffsets", data=np.zeros(frames, dtype=np.int64))
    steps.create_dataset("NumberOfParts", data=np.ones(frames, dtype=np.int64))
    steps.create_dataset("PointOffsets", data=np.arange(frames, dtype=np.int64) * nodes * series.moves)
    for name in ("CellOffsets", "ConnectivityIdOffsets"):
        steps.create_dataset(name, data=np.zeros((frames, 1), dtype=np.int64))
    offsets = {name: steps.create_group(f"{name}Offsets") for name in groups}
    for field in series.fields:
        kind, length = ("PointData", nodes) if field.place == "x" else ("CellData", cells)
        flat = np.ascontiguousarray(field.values).reshape(frames * length, *field.values.shape[2:])
        _array(groups[kind], field.variable, flat)
        offsets[kind].create_dataset(field.name, data=np.arange(frames, dtype=np.int64) * length)
    for variable, values in series.numbers:
        _array(groups["FieldData"], variable, values)
        offsets["FieldData"].create_dataset(variable.name, data=np.arange(frames, dtype=np.int64))


def _array(group: Any, variable: Any, values: NDArray[np.float64]) -> None:
    dataset = group.create_dataset(variable.name, data=values)
    dataset.attrs["units"] = variable.unit or "1"
    dataset.attrs["long_name"] = variable.long_name


def export_xdmf(series: WireSeries, output: Path, *, force: bool = False) -> Path:
    """Writes an XDMF 3 file (XML) and, beside it, the HDF5 file that it describes, whose path is returned.

    For each frame one grid of the nodes and, if there are such fields, one of the faces; single numbers are attributes
    of the grid. The arrays are copies, one for each field and frame: not every XDMF reader can take a part of a larger
    array. Serial. Raises OutputError.
    """
    data = output.with_name(f"{output.stem}.xdmf.h5")
    for path in (output, data):
        check_output(path, force=force)
    with atomic_write(output, force=force) as page, atomic_write(data, force=force) as arrays:  # named last to first
        with h5py.File(arrays, "w", libver=("v108", "latest")) as file:
            root = _xdmf(series, file, data.name)
        ElementTree.indent(root)
        text = '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
        page.write_text(text, encoding="utf-8")
    return data


def _xdmf(series: WireSeries, file: Any, target: str) -> ElementTree.Element:
    root = ElementTree.Element("Xdmf", Version="3.0")
    domain = ElementTree.SubElement(root, "Domain")
    ElementTree.SubElement(domain, "Information", Name="Title", Value=series.title)
    whole = ElementTree.SubElement(
        domain, "Grid", Name=series.axis or "frames", GridType="Collection", CollectionType="Temporal"
    )
    kinds = [p for p in ("x", "x_face") if any(f.place == p for f in series.fields)]
    for frame, value in enumerate(series.steps):
        both = ElementTree.SubElement(
            whole, "Grid", Name=f"frame {frame}", GridType="Collection", CollectionType="Spatial"
        )
        ElementTree.SubElement(both, "Time", Value=f"{value:.17g}")
        for place in kinds:
            _grid(both, series, place, frame, file, target)
    return root


def _grid(parent: ElementTree.Element, series: WireSeries, place: str, frame: int, file: Any, target: str) -> None:
    """One frame on a line of points: XDMF counts axes from z to x."""
    places = series.places(place, frame)
    grid = ElementTree.SubElement(parent, "Grid", Name={"x": "nodes", "x_face": "faces"}[place], GridType="Uniform")
    ElementTree.SubElement(grid, "Topology", TopologyType="3DRectMesh", Dimensions=f"1 1 {len(places)}")
    geometry = ElementTree.SubElement(grid, "Geometry", GeometryType="VXVYVZ")
    name = f"places/{place}-{frame if series.moves else 0:06d}"
    if name not in file:
        file[name] = places
    _item(geometry, len(places)).text = f"{target}:/{name}"
    for _ in "yz":
        _item(geometry, 1, "XML").text = "0"
    for field in series.fields:
        if field.place == place:
            kind = "Vector" if field.components == 3 else "Scalar"
            node = ElementTree.SubElement(grid, "Attribute", Name=field.name, AttributeType=kind, Center="Node")
            name = f"{field.name}/{frame:06d}"
            file[name] = field.values[frame]
            size = f"1 1 {len(places)}" + " 3" * (field.components == 3)
            _item(node, size).text = f"{target}:/{name}"
    for variable, values in series.numbers:
        node = ElementTree.SubElement(grid, "Attribute", Name=variable.name, AttributeType="Scalar", Center="Grid")
        _item(node, 1, "XML").text = f"{values[frame]:.17g}"


def _item(parent: ElementTree.Element, size: int | str, kind: str = "HDF") -> ElementTree.Element:
    item = ElementTree.SubElement(parent, "DataItem", Dimensions=str(size), NumberType="Float", Format=kind)
    item.set("Precision", "8")
    return item
