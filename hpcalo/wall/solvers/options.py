"""PETSc's option database: options of the input and of the command line under one prefix.

They are put in, used, and taken out again.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from hpcalo.errors import InputError, nearest, one_line
from hpcalo.wall.petsc import PETSc

PREFIX = "hpcalo_wall_"
# PETSc does not list its options; these are the ones that are set now and then, to name the one that was meant.
COMMON = (
    *("ts_type", "ts_rk_type", "ts_arkimex_type", "ts_rosw_type", "ts_bdf_order", "ts_theta_theta", "ts_monitor"),
    *("ts_adapt_type", "ts_adapt_wnormtype", "ts_adapt_clip", "ts_adapt_safety", "ts_adapt_dt_max", "ts_adapt_dt_min"),
    *("ts_adapt_monitor", "ts_max_reject", "ts_max_snes_failures", "ts_rtol", "ts_atol", "ts_view"),
    *("snes_type", "snes_rtol", "snes_atol", "snes_stol", "snes_max_it", "snes_monitor", "snes_converged_reason"),
    *("snes_linesearch_type", "snes_lag_jacobian", "newton_ksp_type", "newton_ksp_rtol", "newton_ksp_max_it"),
    *("newton_ksp_monitor", "ksp_type", "ksp_rtol", "ksp_atol", "ksp_max_it", "ksp_gmres_restart", "ksp_monitor"),
    *("ksp_converged_reason", "ksp_view", "pc_type", "direct_pc_factor_mat_solver_type"),
)
UNKNOWN_TYPE = 86  # PETSC_ERR_ARG_UNKNOWN_TYPE
# A run is a chain of pieces whose ends are output times: what would move them, and the input that sets them instead.
OWNED = {
    "ts_max_time": "time.end and time.output_every",
    "ts_exact_final_time": "time.end and time.output_every",
    "ts_time_span": "time.output_every",
    "ts_eval_times": "time.output_every",
    "ts_init_time": "wall.continue_from",
    "ts_max_steps": "time.first_step and time.tolerance",
    "ts_run_steps": "time.first_step and time.tolerance",
}


def petsc_text(problem: PETSc.Error) -> str:
    """PETSc's own words for its error: the last line of what it says, without the rank in front."""
    return one_line(re.split(r"\[\d+\] ", str(problem))[-1])


def reason_name(reason: int, enum: type) -> str:
    """PETSc's name of a converged reason."""
    names = [n for n in dir(enum) if n.isupper() and getattr(enum, n) == reason and "ITERATING" not in n]
    return min(names, key=len) if names else str(reason)


class SolverOptions:
    """Options named without prefix, as in the input's [solver.petsc]: {"ts_rk_type": "3bs"}.

    Raises InputError for those that the program sets itself.

    What the user has put into PETSc's database already (PETSC_OPTIONS="-hpcalo_wall_ts_rk_type 3bs") takes precedence,
    then these, then the program's own defaults of each use.
    """

    def __init__(self, values: Mapping[str, str | int | float | bool] | None = None) -> None:
        self.values = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in (values or {}).items()}
        self.used: set[str] = set()
        for name in OWNED:
            self._refuse(name)

    def _refuse(self, name: str) -> None:
        if named := self.named(name):
            raise InputError(f"{named}: the program sets where time stepping begins and ends; use {OWNED[name]}")

    def named(self, name: str) -> str:
        """How the user has given this option: in the input, in PETSc's database, or not at all ("")."""
        if name in self.values:
            return f"solver.petsc.{name}"
        return f"-{PREFIX}{name}" if PETSc.Options(PREFIX).hasName(name) else ""

    def given(self, *beginnings: str) -> list[str]:
        """The user's options of which the names begin so, with their values: `solver.petsc.ksp_type = cg`."""
        names = [name.removeprefix(PREFIX) for name in PETSc.Options().getAll() if name.startswith(PREFIX)]
        names = sorted(name for name in {*names, *self.values} if name.startswith(beginnings))
        return [f"{self.named(n)} = {self.values.get(n) or PETSc.Options(PREFIX)[n]}" for n in names]

    @staticmethod
    def refusal(given: Sequence[str], problem: PETSc.Error) -> InputError:
        """The error of options that do not go together; `given` as the method of that name returns them."""
        return InputError(f"{', '.join(given)}: {petsc_text(problem)}")

    @contextmanager
    def active(self, defaults: Mapping[str, str] | None = None) -> Iterator[None]:
        """Options are in the database inside the block. Raises InputError for a type that PETSc does not know."""
        database = PETSc.Options(PREFIX)
        mine = []
        for name, value in {**(defaults or {}), **self.values}.items():
            if database.hasName(name):
                self.used.add(name)  # the command line's value is in force, and is checked by itself
            else:
                database[name] = value
                mine.append(name)
        try:
            yield
        except PETSc.Error as problem:
            if problem.ierr != UNKNOWN_TYPE:
                raise
            raise InputError(f"solver.petsc or -{PREFIX}…: {petsc_text(problem)}") from None
        finally:
            self.used |= {name for name in self.values if _used(PREFIX + name)}
            for name in mine:
                database.delValue(name)

    def unknown(self) -> list[str]:
        """Options that nothing has used, those of the command line included."""
        given = [name.removeprefix(PREFIX) for name in PETSc.Options().getAll() if name.startswith(PREFIX)]
        left = [f"-{PREFIX}{name}" for name in given if not _used(PREFIX + name)]
        return left + sorted(f"solver.petsc.{name}" for name in set(self.values) - self.used)

    def check(self) -> None:
        """Call after every object has been set up. Raises InputError naming the first option that nothing has used."""
        left = self.unknown()
        if left:
            name = left[0].removeprefix("solver.petsc.").removeprefix(f"-{PREFIX}")
            raise InputError(
                f"{left[0]}: no solver of this run knows this option"
                + (f" (and {len(left) - 1} more)" if left[1:] else "")
                + ("" if name in COMMON else nearest(name, COMMON))  # else an option for what this run has not
            )


def _used(name: str) -> bool:
    """Whether PETSc has read this option; petsc4py offers no binding, the library it is linked to has the function."""
    flag = ctypes.c_int(0)
    ctypes.CDLL(PETSc.__file__).PetscOptionsUsed(None, name.encode(), ctypes.byref(flag))
    return bool(flag.value)
