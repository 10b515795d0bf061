"""Tables [electrons] and [momentum] of the wall's input."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hpcalo.config.fields import Section, Unit

Positive = Field(gt=0)


class Electrons(Section):
    """Conduction electrons: two parabolic bands split by J_ex along the magnetization, relaxation-time collisions."""

    fermi_energy: Annotated[float, Unit("eV"), Positive] = Field(
        default=0.14, description="chemical potential above the mean of both band bottoms"
    )
    exchange_splitting: Annotated[float, Unit("eV"), Field(ge=0)] = Field(
        default=0.106, description="J_ex: splitting of the two bands"
    )
    mass: Annotated[float, Unit("1"), Field(gt=0, description="effective mass / electron mass")] = 1.0
    relaxation_time: Annotated[float, Unit("fs"), Positive] = Field(
        default=1.0, description="tau: momentum relaxation time of charge and spin"
    )
    spin_flip_time: Annotated[float, Unit("fs"), Positive] = Field(
        default=1000.0, description="tau_sf: decay time of the spin accumulation"
    )
    conductivity: Annotated[float, Unit("S/m"), Positive] | None = Field(
        default=None,
        description="bulk conductivity; if given, the carrier density is multiplied (as by equal bands) to reach it",
    )
    g_factor: Annotated[float, Unit("1"), Positive] = Field(default=2.0, description="g of the moments in g mu_B")
    spin_torque: bool = Field(
        default=True,
        description="spin-transfer torque of the conduction electrons on M; false: their equation is not solved and M "
        "moves under fields and spin-orbit torques alone",
    )
    force: bool = Field(default=True, description="spin-dependent force (J/2) M'.d_p on the deviation from equilibrium")
    gradient_source: Annotated[
        float, Unit("1"), Field(ge=0, le=1, description="lambda: weight of the O(J^3) equilibrium gradient source")
    ] = 0.0


class Momentum(Section):
    """Momentum mesh: cells centred at (j + 1/2) dp for 0 < p < cutoff; both signs of p by parity."""

    points: int = Field(default=24, ge=4, le=4096, description="cells for p > 0")
    cutoff: Annotated[float, Unit("1"), Field(gt=1, le=1e6, description="largest momentum / Fermi momentum")] = 1.8
