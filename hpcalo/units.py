"""Conversion factors, each once, derived from the CODATA values in scipy.constants.

Inside the Kubo engine: energies eV, lengths Å, temperatures K, ħ = 1 in sums. Inside the wall engine: see
`hpcalo.wall`. At the edges: SI and the units of the field. Every factor here has a test against an independently
written number.
"""

from __future__ import annotations

from scipy import constants as _c

E_CHARGE = _c.e  # C
HBAR_SI = _c.hbar  # J s
HBAR_EV_S = _c.hbar / _c.e  # eV s
BOLTZMANN_SI = _c.k  # J/K
BOLTZMANN_EV = _c.k / _c.e  # eV/K
BOHR_RADIUS = _c.physical_constants["Bohr radius"][0]  # m
BOHR_IN_ANGSTROM = BOHR_RADIUS * 1e10  # Å
BOHR_MAGNETON = _c.physical_constants["Bohr magneton"][0]  # J/T
ELECTRON_MASS = _c.m_e  # kg
ELECTRON_G = -_c.physical_constants["electron g factor"][0]  # 2.0023
MU_0 = _c.mu_0  # N/A^2
ANGSTROM = 1e-10  # m
EV = _c.e  # J

E_A0 = E_CHARGE * BOHR_RADIUS
"""C m in one e a0, the unit of the torkance."""

MICRO_EV_A0_PER_KELVIN = 1e-6 * EV * BOHR_RADIUS
"""J m/K in one µeV a0/K, the unit of the thermal torkance."""

MILLI_EV_A0 = 1e-3 * EV * BOHR_RADIUS
"""J m in one meV a0, the unit of the spiralization per cell."""

CONDUCTANCE_QUANTUM_HALF = E_CHARGE**2 / HBAR_SI
"""e²/ħ in S."""

S_PER_M_IN_S_PER_CM = 1e-2
