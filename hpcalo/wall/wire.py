"""What the wall calls things along its wire, for the exporters."""

from __future__ import annotations

from hpcalo.io.wire import VectorLength, WireNames

WIRE = WireNames(
    nodes="x",
    faces="x_face",
    components="component",
    field="magnetization",
    length=VectorLength(
        variable="saturation_magnetization",
        key=("magnet", "saturation_magnetization"),
        unless=("magnet", "thermal"),
        unit="A/m",
        description="M_s times the unit vector M",
    ),
    origin="window_origin",
    moving=("wire", "follow"),
)
