"""The base class of all panels: a panel of a figure is one class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Panel:
    """Base class of all panels. A subclass sets `name` and `needs` and draws.

    A panel of one quantity is named like that quantity in the file.
    """

    name: str
    """The name for `--quantity`."""
    needs: tuple[str, ...]
    """Variables that every file must hold."""
    times: bool = False
    """Whether it says nothing about a single time."""
    wide: bool = False
    """Whether it takes both columns of a page."""
    on_request: bool = False
    """Whether it is drawn only where it is named."""

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        """Draws results of one kind into the axes. Raises InputError where they hold too little."""
        raise NotImplementedError

    def rows(self, results: Sequence[Result]) -> int:
        """Rows of arrows of a wide panel."""
        return 0

    def sensible(self, results: Sequence[Result]) -> bool:
        """Whether it says something about these results, so that it is drawn without being named."""
        return True


def any_nonzero(results: Sequence[Result], name: str) -> bool:
    """Whether the variable differs from zero anywhere in any of the results."""
    return any(np.any(np.asarray(r[name]) != 0.0) for r in results)
