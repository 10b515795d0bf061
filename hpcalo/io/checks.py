"""A check of a result: what must hold, what was found, and whether it passed; and the checks that every result gets."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from hpcalo.errors import ModelError
from hpcalo.io.dataset import Result
from hpcalo.io.seal import checksum


@dataclass(frozen=True)
class Check:
    """`found` was compared with `limit`, both in `unit` ("" for a ratio)."""

    name: str
    criterion: str
    status: str
    """passed; coarse: the grids of the run do not resolve it; failed; not tested: the file does not hold enough."""
    found: float | None = None
    limit: float | None = None
    remark: str = ""
    unit: str = ""


def below(
    name: str, criterion: str, found: float, limit: float, remark: str = "", unit: str = "", coarse: float = 0.0
) -> Check:
    """Passed if the number is at most the limit, coarse up to `coarse`; a number that is not finite fails."""
    status = "passed" if found <= limit else "coarse" if found <= coarse else "failed"
    return Check(name, criterion, status, abs(float(found)), limit, remark, unit)


def untested(name: str, criterion: str, why: str) -> Check:
    """A check that the file does not hold enough for."""
    return Check(name, criterion, "not tested", remark=why)


def points_that_failed(result: Result) -> Check:
    """Of a scan: whether all points have results."""
    errors = [str(e) for e in result["error"]]
    values = result[result.variables["error"].dims[0]]
    failed = [f"{v}: {e}" for v, e in zip(values, errors, strict=True) if e]
    return below(f"All {len(errors)} points of the scan", "points that failed", len(failed), 0, "; ".join(failed))


def worst(points: Iterable[Iterable[Check]]) -> list[Check]:
    """Of the checks of several results: each one where it is worst."""
    order = ("not tested", "passed", "coarse", "failed")

    def badness(check: Check) -> tuple[int, float]:
        found = check.found if check.found is not None else 0.0
        return order.index(check.status), np.inf if np.isnan(found) else found

    out: dict[str, Check] = {}
    for checks in points:
        for check in checks:
            out[check.name] = max(out.get(check.name, check), check, key=badness)
    return list(out.values())


def relative(gap: ArrayLike, size: ArrayLike) -> float:
    """Largest |gap| over the largest |size|; 0 if both vanish. NaN stays NaN, so that it fails every limit."""
    top, deviation = float(np.max(np.abs(size), initial=0.0)), float(np.max(np.abs(gap), initial=0.0))
    if math.isnan(top) or math.isnan(deviation):
        return math.nan
    return deviation / top if top > 0.0 else (0.0 if deviation == 0.0 else math.inf)


def file_checks(result: Result) -> list[Check]:
    """The seal (a broken one is refused on reading), and the model files as they are now."""
    name, must = "Checksum of the file", "SHA-256 of the content equals the one stored at its end"
    seal = checksum(result.path)
    checks = [Check(name, must, "passed", remark=seal) if seal else untested(name, must, "the file has no seal")]
    for line in result.texts.get("model_sha256", "").splitlines():
        digest, _, given = line.partition("  ")
        checks.append(_model(digest, Path(given), Path(str(result.attrs.get("folder", "")))))
    return checks


def _model(digest: str, given: Path, folder: Path) -> Check:
    from hpcalo.io.provenance import sha256  # noqa: PLC0415  (h5py is slow to load, and checks are declared early)

    name, must = f"Model file {given.name}", "SHA-256 equals that recorded by the run"
    path = folder / given
    if not path.is_file():
        return untested(name, must, f"not found at {path}")
    try:
        same = sha256(path) == digest
    except ModelError as problem:
        return untested(name, must, str(problem))
    remark = "unchanged since" if same else f"{path} has been changed since the run"
    return Check(name, must, "passed" if same else "failed", remark=remark)


def finite(result: Result, allowed: tuple[str, ...] = ()) -> Check:
    """No NaN and no infinity in any variable but those named, whose NaN means 'not defined here'."""
    bad: list[str] = []
    count = 0
    good = np.asarray(result["error"]) == "" if "error" in result.variables else None
    for name, variable in result.variables.items():
        data = np.asarray(variable.data)
        if data.dtype.kind != "f":
            continue
        if good is not None and data.ndim and len(data) == len(good):
            data = data[good]
        wrong = int(np.isinf(data).sum() if name in allowed else (~np.isfinite(data)).sum())
        if wrong:
            bad.append(f"{name} ({wrong})")
            count += wrong
    held = [name for name in allowed if name in result.variables]
    remark = ", ".join(bad) or (f"NaN is allowed where undefined in {', '.join(held)}" if held else "")
    return below("Finite numbers", "values that are NaN or infinite", count, 0, remark)
