"""Spin caloritronics from the electronic structure to the moving domain wall, in parallel.

`hpcalo.open(path)` opens a result, `hpcalo.api` loads models and computes; both are loaded when they are first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "api":
        return import_module("hpcalo.api")
    if name == "open":
        return import_module("hpcalo.api").open
    raise AttributeError(f"module 'hpcalo' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), "api", "open"]
