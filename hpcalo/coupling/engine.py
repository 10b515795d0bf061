"""The wall engine as the rest of the program sees it: the wall, with coefficients from Kubo results on request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.engine import Engine, PointContext, Preparation, RunContext

if TYPE_CHECKING:
    from PIL.Image import Image

    from hpcalo.io.checks import Check
    from hpcalo.io.dataset import Result
    from hpcalo.io.table import Table
    from hpcalo.io.wire import WireNames
    from hpcalo.parallel.work import Work
    from hpcalo.plotting.paper import PaperFigure
    from hpcalo.scan.merge import Results
    from hpcalo.scan.points import Points
    from hpcalo.wall.config import WallInput


class WallEngine(Engine):
    """Spinor Boltzmann equation and Landau-Lifshitz-Gilbert equation of a domain wall in a wire."""

    name, title = "wall", "wall"

    @property
    def schema(self) -> type[WallInput]:
        from hpcalo.wall.config import WallInput  # noqa: PLC0415

        return WallInput

    def files(self, settings: WallInput) -> Sequence[Path]:
        kubo = settings.electronic_structure
        names = (settings.wall.continue_from, None if kubo is None else kubo.result)
        return [name.path for name in names if name is not None]

    def load(self) -> None:
        import hpcalo.coupling.run  # noqa: F401, PLC0415

    def estimate(self, points: Points[WallInput], source: Path) -> Work:
        from hpcalo.coupling.source import read_source  # noqa: PLC0415
        from hpcalo.wall.estimate import work_wall  # noqa: PLC0415

        return work_wall(points, source=source, read=read_source)

    def run(self, settings: WallInput, context: RunContext) -> None:
        from hpcalo.coupling.run import run_wall  # noqa: PLC0415

        run_wall(settings, context)

    def prepare(self, points: Points[WallInput], context: RunContext) -> Preparation:
        from hpcalo.coupling.run import prepare_wall  # noqa: PLC0415

        return prepare_wall(points, context)

    def scan_point(self, settings: WallInput, context: PointContext) -> Results:
        from hpcalo.wall.scan import scan_point  # noqa: PLC0415

        return scan_point(settings, context)

    def conclude(self, result: Result) -> tuple[str, Sequence[str]]:
        from hpcalo.wall.closing import doubts, numbers_of_result, table  # noqa: PLC0415

        numbers = numbers_of_result(result)
        shown = table(numbers)
        return shown.text() if shown else "", doubts(numbers)

    def kind(self, result: Result) -> str:
        from hpcalo.wall.plot.data import kind  # noqa: PLC0415

        return kind(result)

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> PaperFigure:
        from hpcalo.wall.plot.figure import draw  # noqa: PLC0415

        return draw(results, quantities)

    def pages(self, result: Result) -> Sequence[tuple[str, ...]]:
        from hpcalo.wall.plot.figure import pages  # noqa: PLC0415

        return pages(result)

    def animate(self, results: Sequence[Result]) -> Sequence[Image]:
        from hpcalo.wall.plot.figure import animate  # noqa: PLC0415

        return animate(results)

    def checks(self, result: Result) -> Sequence[Check]:
        from hpcalo.wall.checks.report import checks  # noqa: PLC0415

        return checks(result)

    def wire(self) -> WireNames:
        from hpcalo.wall.wire import WIRE  # noqa: PLC0415

        return WIRE

    def hints(self, result: Result) -> Sequence[tuple[str, str]]:
        from hpcalo.wall.checks.report import hints  # noqa: PLC0415

        return hints(result)

    def summary(self, result: Result) -> Table | None:
        from hpcalo.wall.closing import numbers_of_result, table  # noqa: PLC0415

        return table(numbers_of_result(result))

    def warnings(self, result: Result) -> Sequence[str]:
        from hpcalo.wall.checks.report import warnings  # noqa: PLC0415

        return warnings(result)
