"""Wall results for micromagnetic programs: OVF 2.0 files, one for each time, as OOMMF and Ubermag read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError, OutputError
from hpcalo.io.exporters.wire import WireField, WireSeries
from hpcalo.io.files import atomic_write, check_output

NM = 1e-9
CHECK = 123456789012345.0
"""First number of binary data: OVF says so, for readers to see the byte order."""
SATURATION = "saturation_magnetization"


def export_ovf(series: WireSeries, quantity: str, output: Path, *, force: bool = False) -> list[Path]:
    """Writes one field as OVF 2.0, binary 8, and returns the files: `output` or, of several frames, NAME-000000.ovf ….

    The mesh is a row of cubic cells along x, one for each node (or face), as wide and high as long: the wire itself has
    no cross-section. Lengths in m. `magnetization` is M_s times the unit vector, in A/m; other fields keep their unit.
    Serial. Raises InputError if the field is not among the series', or M_s is not known, OutputError.
    """
    field = next((f for f in series.fields if f.name == quantity), None)
    if field is None:
        known = ", ".join(f.name for f in series.fields)
        raise InputError(f"{series.path}: '{quantity}' is no field along the wire; fields are: {known}")
    values, unit = _in_si(series, field)
    frames = len(series.steps)
    stem, ending = output.stem, output.suffix
    paths = [output] if frames == 1 else [output.with_name(f"{stem}-{i:06d}{ending}") for i in range(frames)]
    for path in paths:
        check_output(path, force=force)
    later = output.with_name(f"{stem}-{frames:06d}{ending}")
    if frames > 1 and later.exists():
        raise OutputError(f"{later}: belongs to a longer series of the same name; remove it or choose another --output")
    for frame, path in enumerate(paths):
        with atomic_write(path, force=force) as part:
            part.write_bytes(_ovf(series, field, frame, values[frame], unit))
    return paths


def _in_si(series: WireSeries, field: WireField) -> tuple[NDArray[np.float64], str]:
    """(frames, places, components) and the unit; M with its length."""
    values = field.values.reshape(*field.values.shape[:2], field.components)
    if field.name != "magnetization":
        return values, field.variable.unit or "1"
    local = next((f for f in series.fields if f.name == SATURATION), None)
    if local is not None:
        return values * local.values[:, :, None], "A/m"
    magnet = series.settings.get("magnet", {})
    if SATURATION not in magnet or "thermal" in magnet:
        raise InputError(f"{series.path}: does not tell {SATURATION}, which M in A/m needs")
    return values * float(magnet[SATURATION]), "A/m"


def _ovf(series: WireSeries, field: WireField, frame: int, values: NDArray[np.float64], unit: str) -> bytes:
    places = series.places(field.place, frame) * NM
    step = series.spacing * NM
    time = series.steps[frame]
    if series.axis.startswith("time"):
        about = f"Total simulation time: {time / 1e9:.12g} s"  # of ns
    else:
        about = f"{series.axis}: {time:.17g} {series.unit}" if series.axis else "a single frame"
    about_field = "M_s times the unit vector M" if field.name == "magnetization" else field.variable.long_name
    size, number = values.shape
    labels = [f"{field.name}_{c}" for c in "xyz"] if number == 3 else [field.name]
    unit = unit.replace(" ", "*")
    head = [
        "# OOMMF OVF 2.0",
        "# Segment count: 1",
        "# Begin: Segment",
        "# Begin: Header",
        f"# Title: {field.name}",
        f"# Desc: {about}",
        f"# Desc: {about_field}, from {series.path.name}"[:200],
        "# meshtype: rectangular",
        "# meshunit: m",
        f"# xmin: {places[0] - 0.5 * step:.17g}",
        "# ymin: 0",
        "# zmin: 0",
        f"# xmax: {places[0] + (size - 0.5) * step:.17g}",
        f"# ymax: {step:.17g}",
        f"# zmax: {step:.17g}",
        f"# valuedim: {number}",
        f"# valuelabels: {' '.join(labels)}",
        f"# valueunits: {' '.join([unit] * number)}",
        f"# xbase: {places[0]:.17g}",
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
