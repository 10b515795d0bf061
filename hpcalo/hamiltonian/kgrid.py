"""The table `[kubo.k]`: the k points and their symmetry."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from hpcalo.config.fields import Section

Component = Annotated[float, Field(ge=-1e6, le=1e6)]
Vector = Annotated[tuple[Component, Component, Component], Field(strict=False)]
MAX_POINTS = 2**26
"""k-points of a whole grid."""
TOLERANCE = 1e-3
"""Default tolerance of an operation. Wannier functions keep those of their crystal to 1e-6 … 1e-4 if nothing breaks
them, and to 1e-2 and worse if something does; sums over metals are seldom known to 1e-3.
"""


class KGrid(Section):
    """The k-point grid and its symmetry."""

    grid: Annotated[tuple[int, int, int], Field(strict=False)] = Field(
        description="divisions along the three reciprocal vectors"
    )
    shift: Vector = Field(
        (0.0, 0.0, 0.0), description="offset in units of the spacing; 0.5: half-way between grid points"
    )
    symmetry: Literal["auto", "off", "require"] = Field(
        "auto",
        description="auto: with the operations that the Hamiltonian has, irreducible wedge of those that map the "
        "grid, tensors made symmetric with all of them; off: nothing is assumed; require: an error if one of the "
        "crystal's is missing",
    )
    tolerance: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="largest relative deviation of the sums at symmetry-related points for which an operation is used; "
        f"what it can do to the results becomes part of their errors (default: {TOLERANCE:g})",
    )

    @property
    def largest_violation(self) -> float:
        """The tolerance: that of the input, or the default."""
        return TOLERANCE if self.tolerance is None else self.tolerance

    @field_validator("grid")
    @classmethod
    def _points(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(value) < 1 or math.prod(value) > MAX_POINTS:
            raise PydanticCustomError(
                "grid", f"each division must be at least 1, and their product at most {MAX_POINTS}"
            )
        return value

    @field_validator("shift")
    @classmethod
    def _below_one(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if not all(0.0 <= s < 1.0 for s in value):
            raise PydanticCustomError("shift", "each shift must be at least 0 and less than 1")
        return value
