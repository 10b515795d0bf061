"""The wall as a registered engine: input, estimate, run, figures and checks, with coefficients from Kubo results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hpcalo.engine import RunContext
    from hpcalo.io.checks import Check
    from hpcalo.io.dataset import Result
    from hpcalo.parallel.work import Work
    from hpcalo.wall.config import WallInput


class WallEngine:
    """The domain wall; satisfies `hpcalo.engine.Engine`. What is slow is loaded in the methods that need it."""

    name = "wall"

    @property
    def schema(self) -> type[WallInput]:
        """The typed input."""
        from hpcalo.wall.config import WallInput  # noqa: PLC0415

        return WallInput

    def files(self, settings: WallInput) -> Sequence[Path]:
        """The earlier result that the run continues and the Kubo result with its coefficients, of all points."""
        continued, coefficients = settings.wall.continue_from, settings.electronic_structure
        names = [continued, coefficients.result if coefficients else None]
        scan = settings.sweep
        if scan is not None and scan.key in {"wall.continue_from", "electronic_structure.result"}:
            names += [str(value) for value in scan.values]
        return [Path(name) for name in names if name]

    def estimate(self, settings: WallInput, source: Path) -> Work:
        """What there is to share out, and what it costs. Serial. Raises InputError."""
        from hpcalo.coupling.run import work_wall  # noqa: PLC0415

        return work_wall(settings, source=source)

    def run(self, settings: WallInput, context: RunContext) -> None:
        """Computes and writes the result. Collective. Raises HpcaloErrors on all ranks."""
        from hpcalo.coupling.run import run_wall  # noqa: PLC0415

        c = context
        run_wall(
            settings, c.comm, source=c.source, output=c.output, force=c.force, quiet=c.quiet, overrides=c.overrides,
            resume=c.resume,
        )  # fmt: skip

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> Figure:
        """Results in one figure. Serial. Raises InputError."""
        from hpcalo.wall.plot.figure import draw  # noqa: PLC0415

        return draw(results, quantities)

    def animate(self, results: Sequence[Result]) -> Iterator[Any]:
        """The pictures of a movie. Serial. Raises InputError where the results have no time axis."""
        from hpcalo.wall.plot.figure import animate  # noqa: PLC0415

        return iter(animate(results))

    def checks(self, result: Result) -> Sequence[Check]:
        """What the report verifies of a result. Serial."""
        from hpcalo.wall.checks import checks  # noqa: PLC0415

        return checks(result)


WALL = WallEngine()
