"""`hpcalo export`: a result for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpcalo.errors import InputError
from hpcalo.io.exporters.csv import export_csv
from hpcalo.io.exporters.ovf import SATURATION, export_ovf
from hpcalo.io.exporters.vtk import export_vtkhdf, export_xdmf
from hpcalo.io.exporters.wire import wire_series
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.plausible import changed_files_explain

ENDINGS = {"csv": (".csv",), "vtkhdf": (".vtkhdf",), "xdmf": (".xdmf",), "ovf": (".ovf", ".omf", ".ohf")}
"""Formats and the endings of their files; the first is the default."""


def export(
    source: Path,
    kind: str,
    quantities: Sequence[str] = (),
    *,
    output: Path | None = None,
    along: str | None = None,
    select: Mapping[str, str] | None = None,
    force: bool = False,
) -> str:
    """Writes curves (csv) or the fields along a wire (vtkhdf, xdmf, ovf) and says what was written. Serial.

    quantities: csv needs at least one, ovf takes one (default: magnetization), the others take all by default. along:
    axis of the rows (csv) or of the frames. select: axis → place, as in `curves_as_csv`. Raises InputError and
    OutputError.
    """
    endings = ENDINGS[kind]
    path = output or Path(source.name).with_suffix(endings[0])
    if path.suffix.lower() not in endings:
        raise InputError(f"{path}: the name of a file for --to {kind} ends with {' or '.join(endings)}")
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(f"{path}: is the result itself and cannot be the output")
    with changed_files_explain([source], "exported"):
        return _export(source, kind, path, quantities, along=along, select=select, force=force)


def _export(
    source: Path,
    kind: str,
    path: Path,
    quantities: Sequence[str],
    *,
    along: str | None,
    select: Mapping[str, str] | None,
    force: bool,
) -> str:
    if kind == "csv":
        if not quantities:
            raise InputError(f"{source}: --quantity says which curve to write; 'hpcalo info {source}' lists them")
        return f"curves: {export_csv(source, path, quantities, along=along, select=select, force=force)}"
    result = read_dataset(source)
    wanted = list(quantities)
    if kind == "ovf":
        if len(wanted) > 1:
            raise InputError(f"{source}: an OVF file holds one field; give one --quantity")
        wanted = wanted or ["magnetization"]
        if wanted == ["magnetization"] and SATURATION in result.variables:
            wanted.append(SATURATION)
    series = wire_series(result, wanted, along=along, select=select)
    if kind == "ovf":
        files = export_ovf(series, wanted[0], path, force=force)
        lines = [f"fields: {files[0]}" + (f" … {files[-1].name}" if len(files) > 1 else "")]
    elif kind == "xdmf":
        lines = [f"time series: {path}, with its data in {export_xdmf(series, path, force=force).name}"]
    else:
        export_vtkhdf(series, path, force=force)
        lines = [f"time series: {path}"]
    lines[0] += f" ({len(series.steps)} frame{'s' * (len(series.steps) != 1)})"
    lines += [f"note: {text}" for text in series.notes]
    if series.left_out:
        lines.append(f"note: left out, because they have other axes: {', '.join(series.left_out)}")
    return "\n".join(lines)
