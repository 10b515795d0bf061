"""Fields along a wire for micromagnetic programs: OVF 2.0 files, one for each time, as OOMMF and Ubermag read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpcalo.errors import InputError, OutputError
from hpcalo.io.dataset import Result, Variable
from hpcalo.io.exporters.exporter import Request, WireExporter
from hpcalo.io.files import atomic_write, check_output
from hpcalo.io.wire import WireFrames, WireNames
from hpcalo.typing import RealArray

NM = 1e-9
CHECK = 123456789012345.0
"""First number of binary data, by which a reader checks the byte order."""


class Ovf(WireExporter):
    """One field as OVF 2.0, binary 8: the file named or, of several frames, NAME-000000.ovf ….

    The mesh is a row of cubic cells along x, one for each node (or face), as wide and high as long: the wire itself has
    no cross-section. Lengths in m. The engine's field of unit vectors is multiplied by its length (magnetization: M_s,
    A/m); other fields keep their unit.
    """

    name, suffixes = "ovf", (".ovf", ".omf", ".ohf")
    help = "one field, M in A/m if none is named: an OVF 2.0 file for each time, for OOMMF and Ubermag"

    def choose(self, result: Result, request: Request, wire: WireNames) -> Sequence[str]:
        if len(request.quantities) > 1:
            raise InputError(f"{result.path}: an OVF file holds one field; give one --quantity")
        (name,) = request.quantities or (wire.field,)
        length = wire.length.variable
        return (name, length) if name == wire.field and length in result.variables else (name,)

    def write_frames(self, frames: WireFrames, request: Request) -> str:
        output, force = request.output, request.force
        (name,) = request.quantities or (frames.names.field,)
        field = next((f for f in frames.fields if f.name == name), None)
        if field is None:
            known = ", ".join(f.name for f in frames.fields)
            raise InputError(f"{frames.result.path}: '{name}' is not a field along the wire; fields: {known}")
        if name == frames.names.field:
            field = _with_length(frames, field)
        values = np.asarray(field.data).reshape(*field.shape[:2], -1)
        count = len(frames.steps)
        stem, ending = output.stem, output.suffix
        paths = [output] if count == 1 else [output.with_name(f"{stem}-{i:06d}{ending}") for i in range(count)]
        for path in paths:
            check_output(path, force=force)
        later = output.with_name(f"{stem}-{count:06d}{ending}")
        if count > 1 and later.exists():
            raise OutputError(
                f"{later}: belongs to a longer series of the same name; remove it or choose another --output"
            )
        for frame, path in enumerate(paths):
            with atomic_write(path, force=force) as part:
                part.write_bytes(_ovf(frames, field, frame, values[frame]))
        return f"fields: {paths[0]}" + (f" … {paths[-1].name}" if count > 1 else "")


def _with_length(frames: WireFrames, field: Variable) -> Variable:
    """The field of unit vectors times its length. Raises InputError if the length is not known."""
    length = frames.names.length
    local = next((f for f in frames.fields if f.name == length.variable), None)
    scale: RealArray | float
    if local is not None:
        scale = np.asarray(local.data)[:, :, None]
    else:
        given, varies = (frames.result.setting(*keys) for keys in (length.key, length.unless))
        if given is None or varies is not None:
            raise InputError(f"{frames.result.path}: holds no {length.variable}, which M in {length.unit} needs")
        scale = float(given)
    return replace(field, data=np.asarray(field.data) * scale, unit=length.unit, long_name=length.description)


def _ovf(frames: WireFrames, field: Variable, frame: int, values: RealArray) -> bytes:
    """One file. values: (points, components)."""
    x = frames.positions(nodes=frames.on_nodes(field), frame=frame) * NM
    step = frames.spacing * NM
    time = frames.steps[frame]
    axis = frames.axis
    if axis.name.startswith("time"):
        about = f"Total simulation time: {time / 1e9:.12g} s"  # of ns
    else:
        about = f"{axis.name}: {time:.17g} {axis.unit}" if axis.name else "a single frame"
    size, number = values.shape
    labels = [f"{field.name}_{c}" for c in "xyz"] if number == 3 else [field.name]
    unit = (field.unit or "1").replace(" ", "*")
    head = [
        "# OOMMF OVF 2.0",
        "# Segment count: 1",
        "# Begin: Segment",
        "# Begin: Header",
        f"# Title: {field.name}",
        f"# Desc: {about}",
        f"# Desc: {field.long_name}, from {frames.result.path.name}"[:200],
        "# meshtype: rectangular",
        "# meshunit: m",
        f"# xmin: {x[0] - 0.5 * step:.17g}",
        "# ymin: 0",
        "# zmin: 0",
        f"# xmax: {x[0] + (size - 0.5) * step:.17g}",
        f"# ymax: {step:.17g}",
        f"# zmax: {step:.17g}",
        f"# valuedim: {number}",
        f"# valuelabels: {' '.join(labels)}",
        f"# valueunits: {' '.join([unit] * number)}",
        f"# xbase: {x[0]:.17g}",
        f"# ybase: {0.5 * step:.17g}",
        f"# zbase: {0.5 * step:.17g}",
        f"# xnodes: {size}",
        "# ynodes: 1",
        "# znodes: 1",
        f"# xstepsize: {step:.17g}",
        f"# ystepsize: {step:.17g}",
        f"# zstepsize: {step:.17g}",
        "# End: Header",
        "# Begin: Data Binary 8",
    ]
    # OVF 2.0 is little-endian on every machine
    data = np.concatenate([[CHECK], values.ravel()]).astype("<f8").tobytes()
    return "\n".join(head).encode() + b"\n" + data + b"\n# End: Data Binary 8\n# End: Segment\n"
