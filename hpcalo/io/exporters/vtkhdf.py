"""Fields along a wire in time for ParaView 5.12 and later: one VTKHDF file.

Lengths are in nm, times in ns, everything else in the unit of the result.
"""

from __future__ import annotations

import h5py
import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.io.exporters.exporter import Request, WireExporter
from hpcalo.io.files import atomic_write, check_output
from hpcalo.io.opening import open_file
from hpcalo.io.wire import WireFrames
from hpcalo.typing import RealArray

VTK_VERTEX, VTK_LINE = 1, 3
VERSION = (2, 1)  # of VTKHDF: VTK 9.3, ParaView 5.12 and later read it


class VtkHdf(WireExporter):
    """An unstructured grid with time steps.

    Points are the nodes; what is known there is point data. Cells are the faces between them, and what is known there,
    as currents, is cell data: face i lies between node i − 1 and node i and is the segment between them; the two
    outermost faces, half a spacing beyond the ends, are vertices on the end nodes. Single numbers (position of the
    wall, energies, …) are field data.
    """

    name, suffixes = "vtkhdf", (".vtkhdf",)
    help = "everything along the wire in time, for ParaView 5.12 and later"

    def write_frames(self, frames: WireFrames, request: Request) -> str:
        output, force = request.output, request.force
        check_output(output, force=force)
        with atomic_write(output, force=force) as part, open_file(part, "w", libver=("v108", "latest")) as file:
            _vtkhdf(file.create_group("VTKHDF"), frames)
        return f"time series: {output}"


def _vtkhdf(root: h5py.Group, frames: WireFrames) -> None:
    nodes, count = len(frames.nodes), len(frames.steps)
    root.attrs["Version"] = np.array(VERSION, dtype=np.int64)
    root.attrs["Type"] = np.bytes_("UnstructuredGrid")
    # One part, whose cells serve all frames; its points too, unless the window moves: then each frame has its own.
    own = range(count) if frames.moves else range(1)
    points = np.zeros((len(own) * nodes, 3))
    points[:, 0] = np.concatenate([frames.positions(nodes=True, frame=i) for i in own])
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
    steps.attrs["NSteps"] = np.int64(count)
    steps.create_dataset("Values", data=frames.steps)
    steps.create_dataset("PartOffsets", data=np.zeros(count, dtype=np.int64))
    steps.create_dataset("NumberOfParts", data=np.ones(count, dtype=np.int64))
    steps.create_dataset("PointOffsets", data=np.arange(count, dtype=np.int64) * nodes * frames.moves)
    for name in ("CellOffsets", "ConnectivityIdOffsets"):
        steps.create_dataset(name, data=np.zeros((count, 1), dtype=np.int64))
    offsets = {name: steps.create_group(f"{name}Offsets") for name in groups}
    for field in frames.fields:
        kind, length = ("PointData", nodes) if frames.on_nodes(field) else ("CellData", cells)
        flat = np.ascontiguousarray(field.data).reshape(count * length, *field.shape[2:])
        _array(groups[kind], field, flat)
        offsets[kind].create_dataset(field.name, data=np.arange(count, dtype=np.int64) * length)
    for variable in frames.numbers:
        _array(groups["FieldData"], variable, np.asarray(variable.data))
        offsets["FieldData"].create_dataset(variable.name, data=np.arange(count, dtype=np.int64))


def _array(group: h5py.Group, variable: Variable, values: RealArray) -> None:
    dataset = group.create_dataset(variable.name, data=values)
    dataset.attrs["units"] = variable.unit or "1"
    dataset.attrs["long_name"] = variable.long_name
