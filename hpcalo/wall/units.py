"""Units inside the wall engine: nm, fs, eV, K, A/m for fields; momenta in eV fs/nm, masses in eV fs^2/nm^2.

A mass of 1 m_e is 5.6856 eV fs^2/nm^2 and hbar 0.65821 eV fs; all numbers of the kinetic equation are then of order
one.
1 V/m is 1e-9 V/nm, 1 m/s is 1e-6 nm/fs, a number density of 1/nm^3 is 1e27 m^-3.
"""

from __future__ import annotations

from hpcalo import units

HBAR = units.HBAR_EV_S * 1e15  # eV fs
K_B = units.BOLTZMANN_EV  # eV/K
M_E = units.ELECTRON_MASS / units.EV * (1e15 * 1e-9) ** 2  # eV fs^2/nm^2
FS = 1e-15  # s
NM = 1e-9  # m
NS_IN_FS = 1e6
METRE_PER_SECOND = 1e-6  # nm/fs
VOLT_PER_METRE = 1e-9  # V/nm
CURRENT_IN_SI = units.E_CHARGE / (NM**2 * FS)  # A/m^2 in one electron charge per nm^2 fs
DENSITY_IN_SI = 1e27  # m^-3 in one nm^-3
MOMENT_VOLUME = units.BOHR_MAGNETON * 1e27  # nm^3 A/m in one mu_B: mu_B [J/T] divided by 1e-27 m^3
