"""The engine of band structures as the rest of the program sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.engine import Engine, RunContext

if TYPE_CHECKING:
    from hpcalo.bands.config import BandsInput
    from hpcalo.io.dataset import Result
    from hpcalo.parallel.work import Work
    from hpcalo.plotting.paper import PaperFigure
    from hpcalo.scan.points import Points


class BandsEngine(Engine):
    """Energies along a path of k-points, and what the states are made of."""

    name, title = "bands", "bands"

    @property
    def schema(self) -> type[BandsInput]:
        from hpcalo.bands.config import BandsInput  # noqa: PLC0415

        return BandsInput

    def files(self, settings: BandsInput) -> Sequence[Path]:
        from hpcalo.bands.compare import files as compared_files  # noqa: PLC0415
        from hpcalo.hamiltonian.loading import files  # noqa: PLC0415

        compared = settings.bands.compare
        return [*files(settings.model), *([] if compared is None else compared_files(compared.path))]

    def load(self) -> None:
        import hpcalo.bands.run  # noqa: F401, PLC0415

    def estimate(self, points: Points[BandsInput], source: Path) -> Work:
        from hpcalo.bands.estimate import work_bands  # noqa: PLC0415

        return work_bands(points.settings[0], source)

    def run(self, settings: BandsInput, context: RunContext) -> None:
        from hpcalo.bands.run import run_bands  # noqa: PLC0415

        run_bands(settings, context)

    def kind(self, result: Result) -> str:
        return "band structure"

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> PaperFigure:
        from hpcalo.bands.figure import draw  # noqa: PLC0415

        return draw(results, quantities)

    def pages(self, result: Result) -> Sequence[tuple[str, ...]]:
        from hpcalo.bands.figure import pages  # noqa: PLC0415

        return pages(result)
