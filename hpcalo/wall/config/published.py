"""Table [paper] of the wall's input: choices of the published model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import Section, Unit, numbers

Positive = Field(gt=0)


class Paper(Section):
    """Free choices of the published procedure (model = 'paper').

    The defaults are the printed ones, taken together; docs/theory/wall-published.md lists the default model's
    counterpart of each, and which go together.
    """

    convention: Literal["printed", "moment", "spin"] = Field(
        default="printed",
        description="what G is, and with it the signs of u_x, g0 and the torque. printed: the paper's mixture, u_x and "
        "g0 of the electron spin with energy +(J/2) M.sigma, the torque of the moment; moment: energy -(J/2) M.sigma "
        "throughout, so that u_x = -velocity and g0 > 0; spin: the same physics as moment with G the electron spin",
    )
    window: tuple[float, float] = Field(default=(0.9, 1.1), description="momentum window / Fermi momentum")
    equilibrium: Literal["cosM", "M", "+gM", "-gM", "+gz", "-gz"] = Field(
        default="cosM",
        description="<G>: cosM: cos(J x / hbar v) M; M (both -M for convention = 'spin'); +-gM: +-g0 M; +-gz: +-g0 z, "
        "with g0 half the difference of the convention's two bands, negative for printed and spin",
    )
    velocity: Annotated[float, Unit("m/s")] = Field(
        default=1.93e5, description="u_x as printed, (dJ/dp)/2; 0 for a constant J"
    )
    force: bool = Field(
        default=False,
        description="the force of the band energy's change along the wall, -(J/2) M'.d_p G in (5) and -(J/2) M' d_p F "
        "in (6), with the sign of the convention; J grows with p as u_x demands and is J_ex at the Fermi momentum",
    )
    gradient_source: Annotated[
        float,
        Unit("1"),
        Field(
            ge=0,
            le=1,
            description="lambda: weight of what the rotation of the equilibrium along the wall drives; 1 as printed, "
            "0 as in the default model",
        ),
    ] = 1.0
    collision: Literal["paper", "bgk3d"] = Field(
        default="paper",
        description="paper: Eq. (4), F relaxes to <F> in tau and G to <G> in tau_sf; bgk3d: those of the default "
        "model, which conserve charge and spin, for distributions integrated over p_perp (with <G> = +-g0 M or +-g0 z)",
    )
    torque: Literal["m", "divergence", "centred"] = Field(
        default="m",
        description="m: from M x m; divergence: from Eq. (17) with the differences of the kinetic equation itself, the "
        "same to round-off; centred: from Eq. (17) with central differences of j_s and M",
    )
    torque_sign: Literal[-1, 1] = Field(
        default=-1, description="sign of (J/hbar) M x m in the LLG, m the moment's; -1 as in Eq. (26)"
    )
    normalization: Annotated[float, Unit("1"), Positive] | None = Field(
        default=None,
        description="C: magnetization per unit of m; default g mu_B n(3D)/(2 M_s), for collision = 'bgk3d' g mu_B/M_s",
    )
    effective_field: Literal["cM0", "full"] = Field(
        default="cM0",
        description="H of the LLG: cM0: c M(x, 0) as published; full: exchange, anisotropies, demagnetization, DMI and "
        "applied fields of [magnet] and drive.zeeman on the box with free ends, stepped implicitly",
    )
    field: Annotated[
        float, Unit("1"), Field(ge=0, description="c of effective_field = 'cM0', in units of (J/hbar) C max|m|")
    ] = 0.0
    alpha_form: Literal["unit", "literal"] = Field(
        default="unit", description="unit: Gilbert damping alpha M x dM/dt; literal: alpha / M_s with M_s in A/m"
    )
    cells: int = Field(default=101, ge=5, description="nodes of the box")
    points: int = Field(default=24, ge=2, description="momenta of the window")
    step: Annotated[float, Unit("1"), Positive] = Field(
        default=0.25, description="time step in units of hbar / (J C max|m|)"
    )
    steps: int = Field(default=80, ge=1, description="number of time steps")
    method: Literal["direct", "krylov"] = Field(
        default="direct",
        description="solver of the kinetic equation with the force or bgk3d (otherwise one pass solves it): direct: "
        "elimination node by node, (4 points)^2 numbers each; krylov: GMRES, for boxes of about ten mean free paths",
    )
    tolerance: Annotated[float, Unit("1"), Field(ge=1e-14, lt=1e-2)] = Field(
        default=1e-12, description="relative residual of method = 'krylov'"
    )
    iterations: int = Field(default=1000, ge=1, description="largest number of iterations of method = 'krylov'")

    @field_validator("window", mode="before")
    @classmethod
    def _window(cls, value: object) -> object:
        return numbers(value)

    @model_validator(mode="after")
    def _ordered(self) -> Paper:
        if not self.window[0] < self.window[1]:
            raise ValueError("window: the lower bound must be below the upper one")
        return self

    @model_validator(mode="after")
    def _fit(self) -> Paper:
        if self.collision == "bgk3d" and self.equilibrium in {"cosM", "M"}:
            raise ValueError(
                f"equilibrium: '{self.equilibrium}' is not defined for distributions integrated over p_perp; "
                "collision = 'bgk3d' allows +gM, -gM, +gz, -gz"
            )
        if self.gradient_source != 1.0 and self.equilibrium in {"+gz", "-gz"}:
            raise ValueError(
                f"gradient_source: the equilibrium '{self.equilibrium}' does not rotate along the wall; leave it out"
            )
        if self.torque == "centred" and self.gradient_source != 1.0:
            raise ValueError("torque: 'centred' is Eq. (17), which holds for gradient_source = 1 only")
        if self.effective_field == "full" and self.field != 0.0:
            raise ValueError("field: applies to effective_field = 'cM0' only; leave it out")
        if self.method == "krylov" and not self.coupled:
            raise ValueError("method: without force and with collision = 'paper' nothing is iterated; leave it out")
        for key in ("tolerance", "iterations") if self.method == "direct" else ():
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key}: applies to method = 'krylov' only; leave it out")
        return self

    @property
    def coupled(self) -> bool:
        """Whether a momentum is coupled to more than the one before it, so that the steady equation is iterated."""
        return self.force or self.collision == "bgk3d"
