"""The engine of maps as the rest of the program sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.engine import Engine, RunContext

if TYPE_CHECKING:
    from hpcalo.io.dataset import Result
    from hpcalo.maps.config import MapsInput
    from hpcalo.parallel.work import Work
    from hpcalo.plotting.paper import PaperFigure
    from hpcalo.scan.points import Points


class MapsEngine(Engine):
    """What levels and responses are on a plane of k-points."""

    name, title = "maps", "maps"

    @property
    def schema(self) -> type[MapsInput]:
        from hpcalo.maps.config import MapsInput  # noqa: PLC0415

        return MapsInput

    def files(self, settings: MapsInput) -> Sequence[Path]:
        from hpcalo.hamiltonian.loading import files  # noqa: PLC0415

        return files(settings.model)

    def load(self) -> None:
        import hpcalo.maps.run  # noqa: F401, PLC0415

    def estimate(self, points: Points[MapsInput], source: Path) -> Work:
        from hpcalo.maps.estimate import work_maps  # noqa: PLC0415

        return work_maps(points.settings[0], source)

    def run(self, settings: MapsInput, context: RunContext) -> None:
        from hpcalo.maps.run import run_maps  # noqa: PLC0415

        run_maps(settings, context)

    def kind(self, result: Result) -> str:
        return "map of a plane of k-points"

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> PaperFigure:
        from hpcalo.maps.figure import draw  # noqa: PLC0415

        return draw(results, quantities)

    def pages(self, result: Result) -> Sequence[tuple[str, ...]]:
        from hpcalo.maps.figure import pages  # noqa: PLC0415

        return pages(result)
