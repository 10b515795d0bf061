"""A matplotlib figure that is saved as it was built: in the style of a journal, without a date."""

from __future__ import annotations

from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from hpcalo.plotting.look import look

STYLE: dict[str, Any] = {  # of matplotlib's settings each has a type of its own
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": True,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.fontsize": 7,
    "legend.fancybox": False,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.75,
    "legend.handlelength": 2.2,
    "legend.labelspacing": 0.3,
    "legend.borderaxespad": 0.4,
    "lines.linewidth": 1.3,
    "lines.markersize": 2.6,
    "pdf.fonttype": 42,  # TrueType: journals refuse Type 3
    "svg.hashsalt": "hpcalo",
}


def settings() -> dict[str, object]:
    """Of matplotlib: the house's, and what the user changes of them."""
    return {**STYLE, **look().settings}


class PaperFigure(Figure):
    """A figure that is also saved in the style: ticks are made and fonts embedded only then."""

    def savefig(self, *args: Any, **options: Any) -> None:  # whatever matplotlib's takes
        """As matplotlib's, in the style and without the date: the same result gives the same file."""
        kind = str(options.get("format") or str(args[0] if args else "").rpartition(".")[2]).lower()
        undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
        if undated is not None:
            options.setdefault("metadata", undated)
        with rc_context(settings()):
            super().savefig(*args, **options)
