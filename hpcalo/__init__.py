"""Spin caloritronics from the electronic structure to the moving domain wall, in parallel.

`hpcalo.open(path)` opens a result, `hpcalo.api` loads models and computes; both are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:  # loading the module `typing` takes longer than what comes before the program listens for signals
    from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in {"api", "open"}:
        api = import_module("hpcalo.api")
        return api if name == "api" else api.open
    raise AttributeError(f"module 'hpcalo' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), "api", "open"]
