"""Tables [time] and [solver] of the wall's input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hpcalo.config.fields import Section, Unit

Positive = Field(gt=0)
MOST_FRAMES = 1_000_000
TOLERANCE = 1e-7
BDF_TOLERANCE = 1e-9
"""A precession of amplitude 0.001 and 36 GHz then loses 0.007 % in 0.2 ns, with 1e-7 0.6 %."""


class Time(Section):
    """Time integration. PETSc's own options `-hpcalo_wall_ts_...` are honoured on top of these."""

    end: Annotated[float, Unit("ns"), Positive] = Field(default=1.0, description="simulated time")
    output_every: Annotated[float, Unit("ns"), Positive] = Field(
        default=0.05, description="interval between output times, which are hit exactly"
    )
    integrator: Literal["rk", "bdf", "arkimex", "rosw", "cn"] = Field(
        default="rk", description="rk: adaptive Dormand-Prince (quasi-static); arkimex, bdf, rosw: implicit"
    )
    tolerance: Annotated[float, Unit("1"), Field(ge=1e-14, lt=0.1)] = Field(
        default=1e-10,
        description="relative and absolute tolerance of the step-size control; default: 1e-10 for rk, whose steps "
        "are limited by stability anyway, 1e-9 for bdf, which damps precession more the larger its steps are, and 1e-7 "
        "for the others",
    )
    first_step: Annotated[float, Unit("fs"), Positive] = Field(
        default=10.0, description="first step, or every step with fixed_step"
    )
    fixed_step: bool = Field(default=False, description="no step-size control: `first_step` throughout")
    refresh: Literal["stage", "step", "interval"] = Field(
        default="interval", description="when the quasi-static spin accumulation is solved again"
    )
    refresh_interval: Annotated[float, Unit("fs"), Positive] = Field(
        default=1000.0, description="interval of refresh = 'interval'"
    )
    refresh_angle: Annotated[float, Unit("1"), Positive] = Field(
        default=0.01, description="also solve again once any spin has turned by this angle (radian)"
    )

    @model_validator(mode="before")
    @classmethod
    def _tolerance(cls, data: object) -> object:
        if not isinstance(data, dict) or "tolerance" in data or data.get("integrator", "rk") == "rk":
            return data
        return {**data, "tolerance": BDF_TOLERANCE if data["integrator"] == "bdf" else TOLERANCE}

    @model_validator(mode="after")
    def _frames(self) -> Time:
        if self.end / self.output_every > MOST_FRAMES:
            raise ValueError(
                f"output_every: {self.output_every:g} ns in {self.end:g} ns are {self.end / self.output_every:.3g} "
                f"output times; at most {MOST_FRAMES:,} are allowed"
            )
        return self


class Solver(Section):
    """Solver of the steady Boltzmann equation.

    PETSc's own options come on top: [solver.petsc] here, or `-hpcalo_wall_...` in PETSC_OPTIONS.
    """

    method: Literal["krylov", "direct"] = Field(
        default="krylov",
        description="krylov: FGMRES with transport sweep and spin diffusion; direct: LU of the whole matrix (MUMPS)",
    )
    tolerance: Annotated[float, Unit("1"), Field(ge=1e-14, lt=1e-2)] = Field(
        default=1e-10, description="relative residual of the Krylov solver"
    )
    iterations: int = Field(
        default=1000, ge=1, description="largest number of Krylov iterations; a solve that needs more has failed"
    )
    accelerate: bool = Field(
        default=True, description="spin-diffusion (DSA) preconditioner; false only to measure its effect"
    )
    petsc: dict[str, bool | int | float | str] = Field(
        default={}, description="PETSc options without the prefix hpcalo_wall_: ts_rk_type = '3bs'"
    )

    @model_validator(mode="after")
    def _only_printing(self) -> Solver:
        """PETSc's viewers write files anywhere, and its Python types load programs: neither is for an input file."""
        for name, value in self.petsc.items():
            text = str(value)
            _, colon, file = text.partition(":")
            if "/" in text or (colon and file.partition(":")[0]) or name.endswith("ooc_tmpdir"):
                raise ValueError(
                    f"petsc.{name} = {text!r}: an input file cannot have PETSc write files; viewers of an input print "
                    f"(ascii, ascii::ascii_info), PETSC_OPTIONS='-hpcalo_wall_{name} …' in the environment may write"
                )
            if name.endswith("python_type") or text == "python":
                raise ValueError(f"petsc.{name} = {text!r}: an input file cannot have PETSc load Python code")
        return self
