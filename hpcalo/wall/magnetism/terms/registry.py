"""Which energy terms there are: the standard ones, which the C++ kernel evaluates together, and those of further files.

A file in this folder that defines a subclass of `Term` adds that term: its keys to [magnet], its field to the LLG, its
energy to the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from hpcalo.config.fields import Section
from hpcalo.wall.magnetism import terms
from hpcalo.wall.magnetism.terms.applied_field import AppliedField
from hpcalo.wall.magnetism.terms.demagnetization import Demagnetization
from hpcalo.wall.magnetism.terms.dmi import Dmi
from hpcalo.wall.magnetism.terms.easy_axis import EasyAxis
from hpcalo.wall.magnetism.terms.exchange import Exchange
from hpcalo.wall.magnetism.terms.hard_axis import HardAxis
from hpcalo.wall.magnetism.terms.spin_orbit import SpinOrbit
from hpcalo.wall.magnetism.terms.term import Term

STANDARD = (Exchange, EasyAxis, HardAxis, Demagnetization, Dmi, AppliedField)
"""Terms of every magnet, in the order of a result's energies."""


class FurtherTerm(Protocol):
    """The class of a term of a further file: built with the table [magnet]."""

    name: str
    label: str
    has_energy: bool

    def __call__(self, magnet: Section) -> Term:
        """The term."""


def _further() -> Iterator[FurtherTerm]:
    for found in iter_modules(terms.__path__):
        module = import_module(f"{terms.__name__}.{found.name}")
        for item in vars(module).values():
            defined_here = isinstance(item, type) and item.__module__ == module.__name__
            if defined_here and issubclass(item, Term) and item not in {Term, SpinOrbit, *STANDARD}:
                yield item


FURTHER: tuple[FurtherTerm, ...] = tuple(sorted(_further(), key=lambda term: term.name))
"""Terms of further files, built with the table [magnet]; their fields are added after the kernel's."""


def labels() -> dict[str, str]:
    """Name and label of every term that has an energy, in the order of a result's energies."""
    every: tuple[type[Term] | FurtherTerm, ...] = (*STANDARD, *FURTHER)
    return {term.name: term.label for term in every if term.has_energy}
