"""A matplotlib figure that is saved as it was built: in the style of `hpcalo.plotting.style`, without a date."""

from __future__ import annotations

from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from hpcalo.plotting.style import STYLE


class PaperFigure(Figure):
    """A figure that is also saved in the style: ticks are made and fonts embedded only then."""

    def savefig(self, *args: Any, **options: Any) -> None:
        """As matplotlib's, in the style and without the date: the same result gives the same file."""
        kind = str(options.get("format") or str(args[0] if args else "").rpartition(".")[2]).lower()
        undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
        if undated is not None:
            options.setdefault("metadata", undated)
        with rc_context(STYLE):
            super().savefig(*args, **options)
