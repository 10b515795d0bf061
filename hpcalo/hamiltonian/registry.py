"""The one registry of readers: every `Reader` in a module of `hpcalo.hamiltonian.readers`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

from hpcalo.hamiltonian import readers
from hpcalo.hamiltonian.readers.base import Reader

FIRST = ("file", "builtin", "channels", "fleur", "wannierberri", "wannier90", "lcao", "sisl")
"""The order of the sources in messages and tables, and in which they are asked for a name: those that look at what lies
beside it come before those that take it. Others follow by name."""


def found_readers() -> dict[str, type[Reader]]:
    """All readers by the key that asks for them. Raises TypeError if two have the same key."""
    found: dict[str, type[Reader]] = {}
    for module in walk_packages(readers.__path__, f"{readers.__name__}."):
        for item in vars(import_module(module.name)).values():
            concrete = isinstance(item, type) and issubclass(item, Reader) and hasattr(item, "source")
            if concrete and found.setdefault(item.source, item) is not item:
                raise TypeError(f"{item.__name__} and {found[item.source].__name__}: both read '{item.source}'")
    known = {name: i for i, name in enumerate(FIRST)}
    return dict(sorted(found.items(), key=lambda pair: (known.get(pair[0], len(FIRST)), pair[0])))


READERS = found_readers()
