"""The wall with coefficients from a Kubo result: the wall's functions with the reader of Kubo results put in."""

from __future__ import annotations

from functools import partial

from hpcalo.coupling.source import read_source
from hpcalo.wall import prepare, run

run_wall = partial(run.run_wall, read=read_source)
prepare_wall = partial(prepare.prepare, read=read_source)
