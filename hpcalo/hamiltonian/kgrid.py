"""The table `[kubo.k]`: the k points, or the accuracy that decides on them, and their symmetry."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hpcalo.config.fields import Section, Unit
from hpcalo.hamiltonian.target import Target

Component = Annotated[float, Field(ge=-1e6, le=1e6)]
Vector = Annotated[tuple[Component, Component, Component], Field(strict=False)]
Divisions = Annotated[tuple[int, int, int], Field(strict=False)]
MAX_POINTS = 2**26
"""k-points of a whole grid."""
TOLERANCE = 1e-3
"""Default tolerance of an operation. Wannier functions keep those of their crystal to 1e-6 … 1e-4 if nothing breaks
them, and to 1e-2 and worse if something does; sums over metals are seldom known to 1e-3.
"""


class KGrid(Section):
    """The k-point grid, or the accuracy that decides on it, and its symmetry."""

    grid: Divisions | None = Field(
        None,
        description="divisions along the three reciprocal vectors; with a target those of the first mesh, which it may "
        "leave out",
    )
    shift: Vector = Field(
        (0.0, 0.0, 0.0),
        description="offset in units of the spacing; 0.5: half-way between grid points; with a target the only one "
        "that is tried, unless it is 0",
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
    target: Annotated[str | float | dict[str, str | float], Target()] | None = Field(
        None,
        description='accuracy to reach instead of a grid: "1 %" for every quantity, or by name of the result\'s '
        'variables, { torkance_even = "1 %", torkance_odd = "0.01 e*a0" }, then only for these',
    )
    points_max: Annotated[int, Field(ge=1)] | None = Field(
        None, description="k-points to compute for a target at most, all levels and directions together"
    )
    time_max: Annotated[float, Unit("s"), Field(gt=0)] | None = Field(
        None, description="time for a target: no level begins that is expected to end later (then the result says so)"
    )

    @property
    def divisions(self) -> tuple[int, int, int]:
        """The grid. Raises ValueError if a target decides on it."""
        if self.grid is None:
            raise ValueError("there is no k grid, but a target")
        return self.grid

    def mesh(self, grid: tuple[int, int, int], shift: tuple[float, float, float]) -> KGrid:
        """The same symmetry on another grid, without a target."""
        changed = {"grid": grid, "shift": shift, "target": None, "points_max": None, "time_max": None}
        return self.model_copy(update=changed)

    def part(self, share: float) -> KGrid:
        """The same with this share of its budget."""
        points, seconds = self.points_max, self.time_max
        changed = {
            "points_max": None if points is None else max(int(share * points), 1),
            "time_max": None if seconds is None else share * seconds,
        }
        return self.model_copy(update=changed)

    @property
    def largest_violation(self) -> float:
        """The tolerance: that of the input, or the default."""
        return TOLERANCE if self.tolerance is None else self.tolerance

    @field_validator("grid")
    @classmethod
    def _points(cls, value: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        if value is not None and (min(value) < 1 or math.prod(value) > MAX_POINTS):
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

    @model_validator(mode="after")
    def _grid_or_target(self) -> Self:
        if self.target is None:
            if self.grid is None:
                raise PydanticCustomError("grid", 'give a grid, for example [64, 64, 1], or a target such as "1 %"')
            for name in ("points_max", "time_max"):
                if getattr(self, name) is not None:
                    raise PydanticCustomError("target", f"{name} has no meaning without a target")
        return self
