"""Tables of [kubo]: those that belong to single responses, and disorder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from hpcalo.config.fields import Section, Unit

HIGHEST_ORDER = 10  # of an expansion in powers of n̂

VoltPerMetre = Annotated[float, Unit("V/m")]


class HeatCurrents(Section):
    """Motions of the magnetization, and the electric field, for which local currents of energy are computed."""

    cone_angle: Annotated[float, Unit("degree"), Field(gt=0, le=20)] = Field(
        1.0, description="cone angle of ferromagnetic resonance"
    )
    frequency: Annotated[float, Unit("GHz"), Field(gt=0)] = Field(
        5.0, description="frequency of ferromagnetic resonance (not angular)"
    )
    wavelength: Annotated[float, Unit("nm"), Field(gt=0)] = Field(
        2.3, description="wavelength of a cycloidal spin spiral"
    )
    wall_width: Annotated[float, Unit("nm"), Field(gt=0)] = Field(5.0, description="Δ of a wall θ = 2 arctan exp(x/Δ)")
    velocity: Annotated[float, Unit("m/s")] = Field(1.0, description="velocity of the spiral and of the wall")
    film_thickness: Annotated[float, Unit("nm"), Field(gt=0)] | None = Field(
        None, description="film thickness; default: that of the model's cell"
    )
    thermal_conductivity: Annotated[float, Unit("W/m/K"), Field(gt=0)] = Field(
        174.0, description="thermal conductivity of what carries the heat away (tungsten: 174)"
    )
    electric_field: Annotated[tuple[VoltPerMetre, VoltPerMetre, VoltPerMetre], Field(strict=False)] = Field(
        (1e5, 0.0, 0.0), description="electric field of inverse_nernst"
    )


class Expansion(Section):
    """Expansions of responses in powers of the direction of the magnetization."""

    order: int = Field(
        4,
        ge=1,
        le=HIGHEST_ORDER,
        description="highest order; odd orders belong to the parts that are odd in n̂, even ones to the others, and "
        "those that the directions of n_hat do not determine are left out",
    )


Factor = Annotated[float, Unit("1"), Field(ge=1e-3, le=1e3)]
FermiEnergy = Annotated[float, Unit("eV"), Field(ge=-1e4, le=1e4)]


class Disorder(Section):
    """What scatters which electrons: factors of kubo.gamma by energy, spin, site or layer, and a mean free path."""

    energies: Annotated[
        tuple[Annotated[tuple[FermiEnergy, Factor], Field(strict=False)], ...], Field(strict=False, max_length=100_000)
    ] = Field(
        (),
        description="table of Γ against the Fermi energy: pairs of an energy (relative to the reference energy) and a "
        "factor of kubo.gamma; linear between, constant beyond",
    )
    majority: Factor = Field(1.0, description="factor of kubo.gamma for the majority spin")
    minority: Factor = Field(1.0, description="factor of kubo.gamma for the minority spin")
    sites: Mapping[str, Factor] = Field(
        {}, description='factors of kubo.gamma for sites ("Mn4") and elements ("W"); 1 for the others'
    )
    layers: Annotated[tuple[Factor, ...], Field(strict=False, max_length=10_000)] = Field(
        (), description="factors of kubo.gamma for the layers of a film, from below"
    )
    mean_free_path: Annotated[float, Unit("nm"), Field(ge=1e-3, le=1e7)] | None = Field(
        None, description="mean free path ℓ: adds ħ|v|/2ℓ to the Γ of each level"
    )

    @property
    def by_level(self) -> bool:
        """Whether levels of one energy have different Γ."""
        return self.by_state or self.mean_free_path is not None

    @property
    def by_state(self) -> bool:
        """Whether there are factors for spins, sites or layers."""
        return self.majority != 1.0 or self.minority != 1.0 or bool(self.sites) or bool(self.layers)

    @property
    def smallest(self) -> float:
        """A factor of kubo.gamma that no level is below."""
        by_energy = min((factor for _, factor in self.energies), default=1.0)
        by_site = min([1.0, *self.sites.values()] if not self.layers else self.layers)
        return by_energy * by_site * min(self.majority, self.minority)

    def describe(self) -> str:
        """In words what multiplies and adds to Γ; empty for a constant one."""
        words = []
        if self.energies:
            words.append(f"a factor of Γ at {len(self.energies)} Fermi energies")
        if self.majority != 1.0 or self.minority != 1.0:
            words.append(f"Γ of the majority spin × {self.majority:g}, of the minority spin × {self.minority:g}")
        words += [f"Γ of {name} × {factor:g}" for name, factor in self.sites.items()]
        if self.layers:
            words.append(f"Γ of the layers from below × {', '.join(f'{factor:g}' for factor in self.layers)}")
        if self.mean_free_path is not None:
            words.append(f"ħ|v|/2ℓ is added to Γ with ℓ = {self.mean_free_path:g} nm")
        return "; ".join(words)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        energies = [energy for energy, _ in self.energies]
        if energies != sorted(set(energies)):
            raise PydanticCustomError("order", "energies: they must be strictly ascending")
        if self.energies and self.by_level:
            raise PydanticCustomError(
                "conflict",
                "energies: the closed form of a Γ that depends on energy needs one Γ for all levels; give either "
                "energies, or factors for spins and sites and a mean free path",
            )
        if self.sites and self.layers:
            raise PydanticCustomError("conflict", "give either sites or layers, not both")
        return self
