"""The Kubo engine as the rest of the program sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.engine import Engine, PointContext, Preparation, RunContext

if TYPE_CHECKING:
    from hpcalo.io.checks import Check
    from hpcalo.io.dataset import Result
    from hpcalo.io.table import Table
    from hpcalo.kubo.config import KuboInput
    from hpcalo.parallel.work import Work
    from hpcalo.plotting.paper import PaperFigure
    from hpcalo.scan.merge import Results
    from hpcalo.scan.points import Points


class KuboEngine(Engine):
    """Linear response of a periodic Hamiltonian."""

    name, title = "kubo", "Kubo"

    @property
    def schema(self) -> type[KuboInput]:
        from hpcalo.kubo.config import KuboInput  # noqa: PLC0415

        return KuboInput

    def files(self, settings: KuboInput) -> Sequence[Path]:
        from hpcalo.hamiltonian.loading import files  # noqa: PLC0415

        return files(settings.model)

    def load(self) -> None:
        import hpcalo.kubo.scan  # noqa: F401, PLC0415

    def estimate(self, points: Points[KuboInput], source: Path) -> Work:
        from hpcalo.kubo.estimate import work_kubo  # noqa: PLC0415

        return work_kubo(points, source=source)

    def run(self, settings: KuboInput, context: RunContext) -> None:
        from hpcalo.kubo.run import run_kubo  # noqa: PLC0415

        run_kubo(settings, context)

    def prepare(self, points: Points[KuboInput], context: RunContext) -> Preparation:
        from hpcalo.kubo.scan import prepare_scan  # noqa: PLC0415

        return prepare_scan(points, context)

    def scan_point(self, settings: KuboInput, context: PointContext) -> Results:
        from hpcalo.kubo.scan import scan_point  # noqa: PLC0415

        return scan_point(settings, context)

    def conclude(self, result: Result) -> tuple[str, Sequence[str]]:
        from hpcalo.kubo.scanned.values import series, table, unconverged  # noqa: PLC0415

        every = series(result)
        found = table(result, every)
        return found.text() if found else "", unconverged(result, every)

    def kind(self, result: Result) -> str:
        from hpcalo.kubo.scanned.points import is_scan, scanned_key  # noqa: PLC0415

        return f"Kubo formulas, scan of {scanned_key(result)}" if is_scan(result) else "Kubo formulas"

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> PaperFigure:
        from hpcalo.kubo.figure import draw  # noqa: PLC0415

        return draw(results, quantities)

    def pages(self, result: Result) -> Sequence[tuple[str, ...]]:
        from hpcalo.kubo.figure import pages  # noqa: PLC0415

        return pages(result)

    def checks(self, result: Result) -> Sequence[Check]:
        from hpcalo.kubo.checks import checks  # noqa: PLC0415

        return checks(result)

    def summary(self, result: Result) -> Table | None:
        from hpcalo.kubo.summary.numbers import numbers  # noqa: PLC0415
        from hpcalo.kubo.summary.tables import table  # noqa: PLC0415

        return table(result, numbers(result))

    def hints(self, result: Result) -> Sequence[tuple[str, str]]:
        from hpcalo.kubo.checks import hints  # noqa: PLC0415

        return hints(result)
