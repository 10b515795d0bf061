"""The one registry of engines. An engine is loaded when it is first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from hpcalo.engine import Engine

ENGINES = {
    "kubo": "hpcalo.kubo.engine:KuboEngine",
    "wall": "hpcalo.coupling.engine:WallEngine",
    "bands": "hpcalo.bands.engine:BandsEngine",
    "maps": "hpcalo.maps.engine:MapsEngine",
}
"""Table of the input that asks for an engine, and where its class is. A new engine is one more line."""


@cache
def engine(name: str) -> Engine:
    """The engine of this name, one of ENGINES; always the same object."""
    module, _, kind = ENGINES[name].partition(":")
    return cast(Engine, getattr(import_module(module), kind)())
