"""The wall engine as the rest of the program sees it: the wall, with coefficients from Kubo results where asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpcalo.engine import Engine, RunContext

if TYPE_CHECKING:
    from hpcalo.io.checks import Check
    from hpcalo.io.dataset import Result
    from hpcalo.parallel.work import Work
    from hpcalo.wall.config import WallInput

READ_KEYS = ("wall.continue_from", "electronic_structure.result")
"""Keys of the input that name a file to read."""


class WallEngine(Engine):
    """Spinor Boltzmann equation and Landau-Lifshitz-Gilbert equation of a domain wall in a wire."""

    name, title = "wall", "wall"

    @property
    def schema(self) -> type[WallInput]:
        from hpcalo.wall.config import WallInput  # noqa: PLC0415

        return WallInput

    def files(self, settings: WallInput, source: Path) -> Sequence[Path]:
        electrons, sweep = settings.electronic_structure, settings.sweep
        names: list[Any] = [settings.wall.continue_from, electrons.result if electrons is not None else None]
        if sweep is not None and sweep.key in READ_KEYS:
            names += sweep.values
        return [source.parent / str(name) for name in names if name]

    def load(self) -> None:
        import hpcalo.coupling.run  # noqa: F401, PLC0415

    def estimate(self, settings: WallInput, source: Path) -> Work:
        from hpcalo.coupling.run import work_wall  # noqa: PLC0415

        return work_wall(settings, source=source)

    def run(self, settings: WallInput, context: RunContext) -> None:
        from hpcalo.coupling.run import run_wall  # noqa: PLC0415

        run_wall(settings, context)

    def kind(self, result: Result) -> str:
        from hpcalo.wall.plot.data import kind  # noqa: PLC0415

        return kind(result)

    def draw(self, results: Sequence[Result], quantities: Sequence[str]) -> Any:
        from hpcalo.wall.plot.figure import draw  # noqa: PLC0415

        return draw(results, quantities)

    def pages(self, result: Result) -> Sequence[tuple[str, ...]]:
        from hpcalo.wall.plot.figure import pages  # noqa: PLC0415

        return pages(result)

    def animate(self, results: Sequence[Result]) -> Sequence[Any]:
        from hpcalo.wall.plot.figure import animate  # noqa: PLC0415

        return animate(results)

    def checks(self, result: Result) -> Sequence[Check]:
        from hpcalo.wall.checks import checks  # noqa: PLC0415

        return checks(result)

    def hints(self, result: Result) -> Sequence[tuple[str, str]]:
        from hpcalo.wall.checks import hints  # noqa: PLC0415

        return hints(result)

    def warnings(self, result: Result) -> Sequence[str]:
        from hpcalo.wall.checks import warnings  # noqa: PLC0415

        return warnings(result)
