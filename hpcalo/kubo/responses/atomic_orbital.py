"""Orbital momentum within atoms: what a field accumulates of it, and the currents that carry it."""

from __future__ import annotations

from dataclasses import replace

from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.conductivity import SIEMENS_PER_METRE
from hpcalo.kubo.responses.field_driven import Driven
from hpcalo.kubo.responses.orbital_accumulation import PER_FIELD as ACCUMULATION
from hpcalo.kubo.responses.orbital_conductivity import CM
from hpcalo.kubo.responses.orbital_conductivity import PER_FIELD as CONDUCTIVITY
from hpcalo.kubo.responses.response import Axis
from hpcalo.kubo.states.atomic_momentum import ATOMIC_MOMENTUM, ATOMIC_MOMENTUM_CURRENT
from hpcalo.units import ANGSTROM

NOTE = {"note": "orbital momentum within atoms, in ħ; the moment is −µ_B times it"}
PER_FIELD = replace(
    ACCUMULATION,
    name="atomic_orbital_accumulation",
    words="orbital momentum within atoms per electric field",
    observable=ATOMIC_MOMENTUM,
    indices=("atomic_orbital",),
    label=replace(ACCUMULATION.label, words="orbital momentum within atoms per field"),
    factor=lambda run: ANGSTROM,
    attrs=NOTE,
    requires=(),
)
CURRENT = replace(
    CONDUCTIVITY,
    name="atomic_orbital_conductivity",
    words="conductivity of orbital momentum within atoms",
    observable=ATOMIC_MOMENTUM_CURRENT,
    indices=("atomic_orbital", "current"),
    label=replace(CONDUCTIVITY.label, words="conductivity of momentum within atoms"),
    factor=lambda run: CM * SIEMENS_PER_METRE / run.volume,
    attrs=NOTE,
    requires=(),
)
AXES = (Axis("atomic_orbital", lambda run: ["x", "y", "z"], "component of the orbital momentum within atoms"),)


@register
class AtomicOrbitalAccumulation(Driven):
    """χ of δ<L> = χ E, the orbital momentum within atoms of a cell (in ħ) per electric field, in m/V.

    For atomic orbitals with names; all three components of a film, too. `orbital_accumulation` has that between bands.
    """

    name = "atomic_orbital_accumulation"
    help = "orbital momentum within atoms accumulated by an electric field"
    rank = 29
    driven = PER_FIELD
    axes = AXES
    first_panel = 50


@register
class AtomicOrbitalConductivity(Driven):
    """σ^a_ij of J^a_i = σ^a_ij E_j with J^a_i = ħ<½{L_a, v_i}>/V and L within atoms, in ħ/e S/cm: orbital Hall effect.

    For atomic orbitals with names; `orbital_conductivity` has the orbital momentum between bands.
    """

    name = "atomic_orbital_conductivity"
    help = "current of orbital momentum within atoms per electric field (orbital Hall effect)"
    rank = 68
    driven = CURRENT
    axes = AXES
    first_panel = 52
