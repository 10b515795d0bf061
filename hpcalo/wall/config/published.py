"""Table [paper] of the wall's input: choices of the published model."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import Section, Unit, numbers
from hpcalo.errors import InputError, nearest
from hpcalo.wall.config.electrons import Electrons

Positive = Field(gt=0)
Edge = Literal["lower band edge", "Fermi momentum", "upper band edge"]
"""Momenta with names: sqrt(2m(E_F - J/2)), sqrt(2m E_F), sqrt(2m(E_F + J/2))."""


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
    window: tuple[float | Edge, float | Edge] = Field(
        default=(0.9, 1.1),
        description="momentum window: numbers in units of the Fermi momentum p_F, or 'lower band edge', 'Fermi "
        "momentum', 'upper band edge', which are sqrt(1 - J/2E_F), 1 and sqrt(1 + J/2E_F)",
    )
    left_domain: Annotated[float, Unit("nm"), Field(ge=0)] = Field(
        default=0.0,
        description="length L of a domain with M = +z, held, on the left of the wall; drive.temperature is then T at "
        "x = -L, the cold end where electrons flow in: T(x) = temperature + gradient (x + L)",
    )
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
        description="C: magnetization in units of M_s per unit of m, of all points of a scan. Default: C max|m| at the "
        "start is g mu_B n(3D)/(2 M_s), for a scan with the values that the input has without [scan]; with collision = "
        "'bgk3d' m is a density and C = g mu_B/M_s",
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
    cells: int = Field(default=101, ge=5, description="nodes of the wall; those of the left domain have its spacing")
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
        for end in value if isinstance(value, list | tuple) else ():
            if isinstance(end, str) and end not in get_args(Edge):
                names = ", ".join(f"'{name}'" for name in get_args(Edge))
                raise ValueError(
                    f"window: '{end}': unknown momentum{nearest(end, get_args(Edge)) or ';'} names are {names}"
                )
        return numbers(value)

    @model_validator(mode="after")
    def _ordered(self) -> Paper:
        low, high = self.window
        if not (isinstance(low, str) or isinstance(high, str) or low < high):
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

    def momenta(self, electrons: Electrons) -> tuple[float, float]:
        """Both ends of the window in units of the Fermi momentum, names replaced. Raises InputError."""
        share = electrons.exchange_splitting / (2.0 * electrons.fermi_energy)
        squares = {"lower band edge": 1.0 - share, "Fermi momentum": 1.0, "upper band edge": 1.0 + share}
        if "lower band edge" in self.window and share >= 1.0:
            raise InputError("paper.window: E_F - J/2 is not positive, so there is no 'lower band edge'")
        low, high = (float(np.sqrt(squares[end])) if isinstance(end, str) else end for end in self.window)
        if not low < high:
            named = ", ".join(
                f"{end!r} = {at:.4g}" if isinstance(end, str) else f"{end:g}"
                for end, at in zip(self.window, (low, high), strict=True)
            )
            raise InputError(f"paper.window: the lower bound must be below the upper one: {named}")
        return low, high
