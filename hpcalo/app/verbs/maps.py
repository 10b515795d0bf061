"""`hpcalo maps`: quantities on a plane of k-points, without an input file."""

from __future__ import annotations

from functools import partial

from hpcalo.app.look import look

maps = partial(look, "maps")
"""As `hpcalo.app.look.look`, for this engine."""
