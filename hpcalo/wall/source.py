"""Where the coefficients of a wall run come from: the Protocol that the wall needs, without knowing who implements it.

`hpcalo.coupling` implements it with a Kubo result and injects the reader. A run without a reader has no coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from hpcalo.errors import InputError
from hpcalo.io.dataset import Variable
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.config import WallInput

if TYPE_CHECKING:
    from hpcalo.wall.monitors.monitor import Monitor


class CoefficientSource(Protocol):
    """Coefficients of the electronic structure, and what a wall result records about their origin."""

    @property
    def coefficients(self) -> Coefficients:
        """Against temperature, lowest order in the direction of the magnetization."""

    @property
    def monitors(self) -> Mapping[str, Monitor]:
        """Monitors that need these coefficients, by the name in `output.monitors`."""

    @property
    def warnings(self) -> Sequence[str]:
        """What the user should know about the coefficients."""

    @property
    def attrs(self) -> Mapping[str, object]:
        """Attributes of the wall result."""

    @property
    def texts(self) -> Mapping[str, str]:
        """Texts of the wall result's provenance."""

    @property
    def sha256(self) -> str:
        """Checksum of the file that the coefficients were read from."""

    def tables(self) -> Sequence[Variable]:
        """The coefficients as variables of the wall result, and their axes: the first is that of temperature."""


SourceReader = Callable[[WallInput], CoefficientSource | None]
"""Reads the source that an input names; None where it names none. Serial."""


def no_source(settings: WallInput) -> CoefficientSource | None:
    """The reader of a wall that stands alone. Raises InputError for an input with [electronic_structure]."""
    if settings.electronic_structure is not None:
        raise InputError("electronic_structure: this run has no reader of electronic structures")
    return None
