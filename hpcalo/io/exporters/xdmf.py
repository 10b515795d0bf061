"""Fields along a wire in time for older versions of ParaView and VTK: XDMF 3.

Lengths are in nm, times in ns, everything else in the unit of the result.
"""

from __future__ import annotations

from xml.etree import ElementTree

import h5py

from hpcalo.io.exporters.exporter import Request, WireExporter
from hpcalo.io.files import atomic_write, check_output
from hpcalo.io.opening import open_file
from hpcalo.io.wire import WireFrames


class Xdmf(WireExporter):
    """An XML file and, beside it, the HDF5 file that it describes.

    For each frame one grid of the nodes and, if there are such fields, one of the faces; single numbers are attributes
    of the grid. The arrays are copies, one for each field and frame: not every XDMF reader can take a part of a larger
    array.
    """

    name, suffixes = "xdmf", (".xdmf",)
    help = "the same as vtkhdf, for older versions of ParaView"

    def write_frames(self, frames: WireFrames, request: Request) -> str:
        output, force = request.output, request.force
        data = output.with_name(f"{output.stem}.xdmf.h5")
        for path in (output, data):
            check_output(path, force=force)
        with atomic_write(output, force=force) as page, atomic_write(data, force=force) as arrays:  # arrays first
            with open_file(arrays, "w", libver=("v108", "latest")) as file:
                root = _xdmf(frames, file, data.name)
            ElementTree.indent(root)
            text = '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
            page.write_text(text, encoding="utf-8")
        return f"time series: {output}, with its data in {data.name}"


def _xdmf(frames: WireFrames, file: h5py.File, target: str) -> ElementTree.Element:
    root = ElementTree.Element("Xdmf", Version="3.0")
    domain = ElementTree.SubElement(root, "Domain")
    ElementTree.SubElement(domain, "Information", Name="Title", Value=str(frames.result.attrs.get("title", "")))
    whole = ElementTree.SubElement(
        domain, "Grid", Name=frames.axis.name or "frames", GridType="Collection", CollectionType="Temporal"
    )
    grids = [nodes for nodes in (True, False) if any(frames.on_nodes(field) == nodes for field in frames.fields)]
    for frame, value in enumerate(frames.steps):
        both = ElementTree.SubElement(
            whole, "Grid", Name=f"frame {frame}", GridType="Collection", CollectionType="Spatial"
        )
        ElementTree.SubElement(both, "Time", Value=f"{value:.17g}")
        for nodes in grids:
            _grid(both, frames, frame, file, target, nodes=nodes)
    return root


def _grid(
    parent: ElementTree.Element, frames: WireFrames, frame: int, file: h5py.File, target: str, *, nodes: bool
) -> None:
    """One frame on a line of points: XDMF counts axes from z to x."""
    x = frames.positions(nodes=nodes, frame=frame)
    grid = ElementTree.SubElement(parent, "Grid", Name="nodes" if nodes else "faces", GridType="Uniform")
    ElementTree.SubElement(grid, "Topology", TopologyType="3DRectMesh", Dimensions=f"1 1 {len(x)}")
    geometry = ElementTree.SubElement(grid, "Geometry", GeometryType="VXVYVZ")
    name = f"places/{frames.names.wire_axes[not nodes]}-{frame if frames.moves else 0:06d}"
    if name not in file:
        file.create_dataset(name, data=x, track_times=False)
    _item(geometry, len(x)).text = f"{target}:/{name}"
    for _ in "yz":
        _item(geometry, 1, "XML").text = "0"
    for field in frames.fields:
        if frames.on_nodes(field) == nodes:
            vector = len(field.dims) == 3
            kind = "Vector" if vector else "Scalar"
            node = ElementTree.SubElement(grid, "Attribute", Name=field.name, AttributeType=kind, Center="Node")
            name = f"{field.name}/{frame:06d}"
            file.create_dataset(name, data=field.data[frame], track_times=False)
            size = f"1 1 {len(x)}" + " 3" * vector
            _item(node, size).text = f"{target}:/{name}"
    for variable in frames.numbers:
        node = ElementTree.SubElement(grid, "Attribute", Name=variable.name, AttributeType="Scalar", Center="Grid")
        _item(node, 1, "XML").text = f"{variable.data[frame]:.17g}"


def _item(parent: ElementTree.Element, size: int | str, kind: str = "HDF") -> ElementTree.Element:
    item = ElementTree.SubElement(parent, "DataItem", Dimensions=str(size), NumberType="Float", Format=kind)
    item.set("Precision", "8")
    return item
