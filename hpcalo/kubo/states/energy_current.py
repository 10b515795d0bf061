"""The energy current, as an operator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo.kubo.states.observable import Derived, Observable, Operator
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.typing import ComplexArray, RealArray


class EnergyCurrent(Derived, Operator):
    """½{H − E_0, ħv}, eV² Å: (24) without its 1/V, relative to the first Fermi energy E_0 of the sums.

    Between eigenstates it is ½(E_n + E_m − 2E_0) ħv_nm. Another zero μ of energies subtracts (μ − E_0) ħv.
    """

    name = "energy_current"
    unit = "eV^2*angstrom"
    indices = ("polar",)
    time_odd = True
    requires = (VELOCITY,)

    def derived(self, E_kn: RealArray, operators: Mapping[Observable, ComplexArray]) -> ComplexArray:
        mean = 0.5 * (E_kn[:, :, None] + E_kn[:, None, :])
        return np.ascontiguousarray(mean[:, :, None, :] * operators[VELOCITY])


ENERGY_CURRENT = EnergyCurrent()
