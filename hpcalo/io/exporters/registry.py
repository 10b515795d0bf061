"""Which exporters there are: every module of this folder that defines one of its own name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from hpcalo.io import exporters

if TYPE_CHECKING:
    from hpcalo.io.exporters.exporter import Exporter

OTHER_MODULES = {"exporter", "registry"}


def names() -> list[str]:
    """The formats, without loading any of them."""
    return sorted(file.name for file in iter_modules(exporters.__path__) if file.name not in OTHER_MODULES)


@cache
def exporter(name: str) -> Exporter:
    """The exporter of this name, one of `names()`. Raises LookupError if its module does not define it."""
    from hpcalo.io.exporters.exporter import Exporter  # noqa: PLC0415

    module = import_module(f"{exporters.__name__}.{name}")
    for item in vars(module).values():
        if isinstance(item, type) and issubclass(item, Exporter) and getattr(item, "name", "") == name:
            return item()
    raise LookupError(f"{module.__name__} defines no Exporter with name = '{name}'")
