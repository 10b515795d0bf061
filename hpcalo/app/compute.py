"""From typed settings to the result, with or without a scan."""

from __future__ import annotations

from pydantic import BaseModel

from hpcalo.app.engines import engine
from hpcalo.engine import RunContext


def compute(name: str, settings: BaseModel, context: RunContext) -> None:
    """Computes and writes the result of an input of the engine `name`. Collective. Raises HpcaloErrors on all ranks."""
    from hpcalo.app.scan import run_scan  # noqa: PLC0415
    from hpcalo.scan.points import points_of  # noqa: PLC0415

    points = points_of(settings, context.source)
    if points.axis is None:
        engine(name).run(settings, context)
    else:
        run_scan(engine(name), settings, points, points.axis, context)
