"""Table [electronic_structure] of the wall's input: a finished Kubo result whose coefficients drive the wall."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hpcalo.config.fields import InputPath, Section, Unit

Origin = Literal["input", "result"]
Parts = Literal["off", "even", "odd", "both"]


class ElectronicStructure(Section):
    """A finished Kubo result of a film: its coefficients drive the wall.

    They also give the heat and DMI energy currents of the moving wall (docs/theory/together.md).

    The film's normal is z, the wire lies along x of the result's axes. All coefficients are taken at the local
    temperature T(x) and in their lowest order in the direction of the magnetization, or up to `order`.
    """

    result: InputPath = Field(
        min_length=1, description="result file of a Kubo run ('hpcalo run'), relative to the input file's folder"
    )
    gamma: Annotated[float, Unit("eV"), Field(gt=0)] | None = Field(
        default=None, description="broadening Γ, one of the result's (default: its only one)"
    )
    chemical_potential: Annotated[float, Unit("eV")] = Field(
        default=0.0, description="chemical potential relative to the result's reference energy; a value of its axis mu"
    )
    torkance: Parts = Field(
        default="both",
        description="spin-orbit torque of the electric field: parts of the torkance, even and odd under reversal of "
        "the magnetization, that act on the wall",
    )
    thermal_torkance: Parts = Field(
        default="both", description="likewise for the temperature gradient: parts of the thermal torkance beta"
    )
    heat_current: Parts = Field(
        default="both",
        description="parts of the inverse thermal torque in the heat current that the moving wall drives",
    )
    dmi: Origin = Field(
        default="result",
        description="result: the spiralization D(T) is the wall's interfacial DMI; input: magnet.interfacial_dmi",
    )
    damping: Origin = Field(
        default="input", description="result: the Gilbert damping alpha(T) of the result; input: magnet.damping"
    )
    saturation: Origin = Field(
        default="input",
        description="result: M_s from the result's spin moment per cell; input: magnet.saturation_magnetization",
    )
    thickness: Annotated[float, Unit("nm"), Field(gt=0)] | None = Field(
        default=None,
        description="film thickness that the densities M_s, A and K of [magnet] refer to (default: that of the "
        "result's cell)",
    )
    order: int = Field(
        default=2,
        ge=2,
        le=10,
        description="highest order in the direction of the magnetization of torkance, thermal torkance, inverse "
        "thermal torque and spiralization; 2: one coefficient for each part, the lowest order of a film with an n-fold "
        "axis; more: every form that the crystal allows, as far as kubo.n_hat of the result determines them",
    )
    residual: Annotated[float, Unit("1"), Field(ge=0, le=1)] = Field(
        default=0.1,
        description="largest part of a coefficient (root mean square over directions and components) that may lie "
        "outside its lowest order (or `order`) in the magnetization; beyond it the run is refused",
    )
