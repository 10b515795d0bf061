"""All checks of the input as a whole."""

from __future__ import annotations

from collections.abc import Callable

from hpcalo.wall.config import WallInput
from hpcalo.wall.solvers.options import SolverOptions
from hpcalo.wall.validity import drive, electrons, heat, magnet, mesh, published, time

CONSISTENT: tuple[Callable[[WallInput], list[str]], ...] = (
    electrons.half_metal,
    heat.together,
    heat.range_of_the_table,
    mesh.texture,
    drive.positive_temperature,
    drive.linear_response,
    electrons.relaxation_times,
    electrons.momentum,
    mesh.nonadiabaticity,
    magnet.many_walls,
    magnet.chirality,
    time.time_stepping,
    time.loose_tolerance,
    time.unknown_error,
    electrons.long_path,
)
"""Checks of the consistent model, in the order of their warnings. A further check is a function here."""
PUBLISHED: tuple[Callable[[WallInput], list[str]], ...] = (
    published.own_start,
    heat.not_published,
    published.window,
    published.size,
    published.temperature,
    published.circuit,
    published.collisions,
    published.effective_field,
    electrons.half_metal,
    published.upwind_of_the_current,
    published.unused,
    published.mean_free_path,
)
"""Checks of the published model."""


def check_settings(s: WallInput) -> list[str]:
    """Warnings for a calculation that can run. Raises InputError for one that cannot or must not."""
    if s.wall.model == "consistent":
        SolverOptions(s.solver.petsc)  # refuses the options that are not the user's to set
    return [text for check in (PUBLISHED if s.wall.model == "paper" else CONSISTENT) for text in check(s)]
