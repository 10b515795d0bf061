"""Zeeman energy in applied fields that may vary along the wire and in time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import MagneticField, Section, Unit, numbers
from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.magnetism.terms.term import Term
from hpcalo.wall.units import FS, NM, NS_IN_FS

Strength = Annotated[float, MagneticField()]


class Zeeman(Section):
    """A magnetic field along the wire, steady, oscillating or pulsed.

    H(x, t) = field cos(2 pi frequency t + phase) exp(-(x - centre)^2 / (2 width^2)) exp(-(t - pulse_centre)^2 / (2
    pulse_width^2)).
    """

    field: tuple[Strength, Strength, Strength] = Field(description="amplitude; a string may give it in tesla: '20 mT'")
    frequency: Annotated[float, Unit("GHz"), Field(ge=0)] = Field(
        default=0.0, description="frequency; 0: constant field"
    )
    phase: Annotated[float, Unit("degree")] = Field(default=0.0, description="phase at t = 0")
    centre: Annotated[float, Unit("nm")] = Field(default=0.0, description="centre of the envelope")
    width: Annotated[float, Unit("nm"), Field(gt=0)] | None = Field(
        default=None, description="width of the envelope (default: uniform field)"
    )
    pulse_centre: Annotated[float, Unit("ns")] = Field(default=0.0, description="time at which a pulse is largest")
    pulse_width: Annotated[float, Unit("ns"), Field(gt=0)] | None = Field(
        default=None, description="standard deviation of a pulse in time; default: always on"
    )

    _lists = field_validator("field", mode="before")(numbers)

    @model_validator(mode="after")
    def _pulse(self) -> Zeeman:
        if self.pulse_width is None and self.pulse_centre != 0.0:
            raise ValueError("pulse_centre: needs pulse_width")
        return self


class AppliedField(Term):
    """E = -mu0 int M_s M.H dx with H of all [[drive.zeeman]] added; a pulse or an alternating field does work."""

    name = "zeeman"
    label = "Zeeman"

    def __init__(self, sources: Sequence[Zeeman]) -> None:
        self.sources = tuple(sources)

    def field(self, m: RealArray, t: float) -> RealArray:
        """H (n, 3) in A/m."""
        return self._sum([wave(source, t)[0] for source in self.sources])

    def field_rate(self, t: float) -> RealArray:
        """dH/dt (n, 3) in A/(m fs) at fixed positions of the wire."""
        return self._sum([wave(source, t)[1] for source in self.sources])

    def _sum(self, strengths: Sequence[float]) -> RealArray:
        h = np.zeros((self.medium.mesh.n, 3))
        if not self.sources:
            return h
        x = self.medium.x
        for s, strength in zip(self.sources, strengths, strict=True):
            shape = np.exp(-((x - s.centre) ** 2) / (2.0 * s.width**2)) if s.width else np.ones_like(x)
            h += strength * shape[:, None] * np.array(s.field)
        return h

    def energy(self, m: RealArray, t: float) -> RealArray:
        """J/m^2 of each own node, (n,)."""
        return np.asarray(-MU_0 * self.medium.dx * self.medium.ms * (m[1:-1] * self.field(m, t)).sum(axis=1))

    def powers_of_m(self, m: RealArray, t: float) -> Iterable[tuple[float, RealArray]]:
        """M_s."""
        return [(1.0, self.energy(m, t) / self.medium.relative)]

    def power(self, m: RealArray, rate: RealArray, t: float) -> RealArray:
        """-mu0 M_s M.dH/dt, (n,) W/m^2."""
        scale = -MU_0 * self.medium.ms * self.medium.mesh.dx * NM / FS
        return np.asarray(scale * np.sum(m * self.field_rate(t), axis=1))


def wave(s: Zeeman, t: float) -> tuple[float, float]:
    """Factor of the amplitude at time t (fs), and its derivative (1/fs)."""
    w = 2.0 * np.pi * s.frequency * 1e-6
    phase = w * t + np.deg2rad(s.phase)
    factor, rate = float(np.cos(phase)), -w * float(np.sin(phase))
    if s.pulse_width is not None:
        since, width = t - s.pulse_centre * NS_IN_FS, s.pulse_width * NS_IN_FS
        envelope = float(np.exp(-(since**2) / (2.0 * width**2)))
        factor, rate = factor * envelope, (rate - factor * since / width**2) * envelope
    return factor, rate
