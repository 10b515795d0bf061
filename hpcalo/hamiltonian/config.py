"""Tables `[model]`, where the Hamiltonian comes from and what to use of it, and `[kubo.k]`, its k points."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hpcalo.config.fields import Section, Unit

Energy = Annotated[float, Unit("eV"), Field(ge=-1e4, le=1e4)]
Length = Annotated[float, Unit("angstrom"), Field(ge=1e-2, le=1e6)]


class RashbaParameters(Section):
    """H = −2t (cos k_x a + cos k_y a) + a_R (σ_x sin k_y a − σ_y sin k_x a) + (Δ/2) σ·n̂."""

    hopping: Energy = Field(1.0, description="t")
    rashba: Energy = Field(0.4, description="a_R")
    exchange: Energy = Field(0.8, description="Δ, splitting of minority and majority")
    lattice_constant: Length = Field(1.0, description="a")


class ChainParameters(RashbaParameters):
    """H = −2t cos ka − a_R σ_y sin ka + (Δ/2) σ·n̂, along x."""


class HaldaneParameters(Section):
    """Honeycomb lattice with complex second-neighbour hopping t2 e^{±iφ}; spinless."""

    hopping: Energy = Field(1.0, description="t1")
    second_hopping: Energy = Field(1.0 / 3.0, description="t2")
    onsite: Energy = Field(2.0, description="−onsite on A, +onsite on B")
    phase: Annotated[float, Unit("radian")] = Field(1.0995574287564276, description="φ; 0.35 π")
    bond: Length = Field(1.0, description="distance of A and B")


class FerromagnetParameters(Section):
    """Random 3D ferromagnet without symmetry, for tests."""

    orbitals: int = Field(3, ge=1, le=50, description="spatial orbitals")
    exchange: Energy = Field(1.0, description="Δ of each orbital; random parts of a fifth of it between the orbitals")
    spin_orbit: Energy = Field(0.2, description="size of the random spin-dependent hopping")
    seed: int = Field(1, ge=0, description="of the random numbers")


BuiltinName = Literal["rashba", "chain", "haldane", "ferromagnet"]
SOURCES = ("file", "builtin", "wannier90", "lcao")
_ONLY_FOR = {  # options that mean nothing for the other sources
    "format": ("wannier90",),
    "spin": ("wannier90",),
    "replicas": ("wannier90", "file"),
    "position_file": ("lcao",),
    "position_matrix": ("wannier90", "file", "lcao"),
}


class ModelSection(Section):
    """Exactly one of `file`, `builtin`, `wannier90`, `lcao`. Paths are relative to the input file."""

    file: str | None = Field(None, description="model file of this program, for example models/fe.h5")
    builtin: BuiltinName | None = Field(None, description="closed-form model; parameters in the table of its name")
    wannier90: str | None = Field(None, description="path of the files without ending: data/Fe for data/Fe_tb.dat")
    lcao: str | None = Field(None, description="npz file with H_up, H_dn, S, Hsoc_x/y/z, R, …")

    format: Literal["tb", "hr"] = Field("tb", description="Wannier90 file: tb (with position matrix) or hr")
    spin: Literal["auto", "files", "interleaved", "blocks", "none"] = Field(
        "auto", description="spin pairs: from .chk and .spn (files), assumed (interleaved, blocks), or none"
    )
    replicas: bool | None = Field(None, description="minimal-distance replicas; not given: wherever they are known")
    position_file: str | None = Field(None, description="npz file with r_x, r_y, r_z; not given: <lcao>_r.npz if there")
    position_matrix: bool = Field(True, description="false: positions of the orbitals only")

    thickness: Length | None = Field(None, description="Å, of a film: volume = area × thickness")
    fermi_energy: Energy | None = Field(None, description="eV; replaces the one of the file")
    electrons: Annotated[float, Field(gt=0)] | None = Field(None, description="per cell; replaces that of the file")

    rashba: RashbaParameters | None = None
    chain: ChainParameters | None = None
    haldane: HaldaneParameters | None = None
    ferromagnet: FerromagnetParameters | None = None

    @model_validator(mode="before")
    @classmethod
    def _parameters_of_builtin(cls, data: Any) -> Any:
        """The table of the chosen built-in model is there even if it is empty, so that its defaults are written out."""
        if isinstance(data, dict) and data.get("builtin") in BuiltinName.__args__:  # type: ignore[attr-defined]
            return {data["builtin"]: {}, **data}
        return data

    @model_validator(mode="after")
    def _one_source(self) -> ModelSection:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"found {' and '.join(given)}" if given else "found none"
            raise ValueError(f"exactly one of {', '.join(SOURCES)} is needed, {found}")
        for name in BuiltinName.__args__:  # type: ignore[attr-defined]
            if name != self.builtin and getattr(self, name) is not None:
                raise ValueError(f"parameters of {name} given, but builtin is not '{name}'")
        for name, sources in _ONLY_FOR.items():
            if getattr(self, name) != type(self).model_fields[name].default and given[0] not in sources:
                raise ValueError(f"{name} has no meaning for a model from {given[0]}")
        return self

    @property
    def parameters(self) -> dict[str, float | int]:
        """Arguments of the built-in model (empty for models from files)."""
        table = getattr(self, self.builtin) if self.builtin else None
        return {} if table is None else table.model_dump()


Component = Annotated[float, Field(ge=-1e6, le=1e6)]
Vector = Annotated[tuple[Component, Component, Component], Field(strict=False)]
MAX_POINTS = 2**26
"""k-points of a whole grid."""


class KGrid(Section):
    """The k-point grid and its symmetry."""

    grid: Annotated[tuple[int, int, int], Field(strict=False)] = Field(
        description="divisions along the three reciprocal vectors"
    )
    shift: Vector = Field(
        (0.0, 0.0, 0.0), description="offset in units of the spacing, 0.5 is half-way between grid points"
    )
    symmetry: Literal["auto", "off", "require"] = Field(
        "auto",
        description="irreducible wedge: with the operations that the Hamiltonian is found to have, with none, or with "
        "all of the crystal's (an error if it lacks one)",
    )
    tolerance: float = Field(
        1e-8, gt=0, le=1e-2, description="largest relative deviation of a response at symmetry-related points"
    )

    @field_validator("grid")
    @classmethod
    def _points(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(value) < 1 or math.prod(value) > MAX_POINTS:
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
