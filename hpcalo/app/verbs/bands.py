"""`hpcalo bands`: the band structure of a Hamiltonian, without an input file."""

from __future__ import annotations

from functools import partial

from hpcalo.app.look import look

bands = partial(look, "bands")
"""As `hpcalo.app.look.look`, for this engine."""
