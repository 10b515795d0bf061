"""Conversion factors, each once, derived from the constants of SI and the CODATA values of 2022.

Inside the Kubo engine: energies eV, lengths Å, temperatures K, ħ = 1 in sums. Inside the wall engine: see
`hpcalo.wall`. At the edges: SI and the units of the field. The constants are tested against scipy.constants, which
every start of the program would wait for; every factor is tested against an independently written number.
"""

from __future__ import annotations

import math

E_CHARGE = 1.602176634e-19  # C, exact
PLANCK = 6.62607015e-34  # J s, exact
BOLTZMANN_SI = 1.380649e-23  # J/K, exact
BOHR_RADIUS = 5.29177210544e-11  # m
BOHR_MAGNETON = 9.2740100657e-24  # J/T
ELECTRON_MASS = 9.1093837139e-31  # kg
ELECTRON_G = 2.00231930436092
MU_0 = 1.25663706127e-06  # N/A^2
ANGSTROM = 1e-10  # m

EV = E_CHARGE  # J
HBAR_SI = PLANCK / (2.0 * math.pi)  # J s
HBAR_EV_S = HBAR_SI / E_CHARGE  # eV s
BOLTZMANN_EV = BOLTZMANN_SI / E_CHARGE  # eV/K
BOHR_IN_ANGSTROM = BOHR_RADIUS * 1e10  # Å
HARTREE_EV = 27.211386245981  # eV
RYDBERG_EV = HARTREE_EV / 2  # eV

E_A0 = E_CHARGE * BOHR_RADIUS
"""C m in one e a0, the unit of the torkance."""

MICRO_EV_A0_PER_KELVIN = 1e-6 * EV * BOHR_RADIUS
"""J m/K in one µeV a0/K, the unit of the thermal torkance."""

MILLI_EV_A0 = 1e-3 * EV * BOHR_RADIUS
"""J m in one meV a0, the unit of the spiralization per cell."""

MU_B_PER_EV_A2 = E_CHARGE / HBAR_SI * EV * ANGSTROM**2 / BOHR_MAGNETON
"""µ_B in (e/ħ) · 1 eV Å², of the orbital magnetization."""

CONDUCTANCE_QUANTUM_HALF = E_CHARGE**2 / HBAR_SI
"""e²/ħ in S."""

S_PER_M_IN_S_PER_CM = 1e-2
