"""Four levels with random torque and velocity as one k-point of a run, and (26) with Green functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from kubo_runs import grid, run_sums
from scipy.integrate import simpson

from hpcalo.hamiltonian.builtin import rashba
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.states.solver import States
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import Request, Sums
from hpcalo.typing import ComplexArray, RealArray
from hpcalo.units import BOLTZMANN_EV


class FourLevels:
    """One k-point of a film with four levels, and random Hermitian torque (3) and velocity (2)."""

    order = (0, 1, 2)
    size = 4
    n_hat = np.array([0.0, 0.0, 1.0])
    directions = (0, 1)

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.crystal = rashba().crystal
        self.E = np.array([-1.1, -0.4, 0.3, 1.2]) + rng.uniform(-0.15, 0.15, 4)
        random = rng.normal(size=(5, 4, 4)) + 1j * rng.normal(size=(5, 4, 4))
        hermitian = random + random.conj().transpose(0, 2, 1)
        self.T, self.v = hermitian[:3], hermitian[3:]

    def line(self, first: float, second: float, last: RealArray, need: object) -> States:
        """As every solver has it."""

        def layout(X: ComplexArray) -> ComplexArray:
            return np.ascontiguousarray(X.transpose(1, 0, 2)[None])

        return States(self.E[None].copy(), {TORQUE: layout(self.T), VELOCITY: layout(self.v)})

    def run(
        self,
        levels: tuple[Any, ...],
        gammas: Sequence[float],
        mu: Sequence[float],
        temperatures: Sequence[float],
        **kinds: Any,
    ) -> RunSums:
        """Through the sums of a run, with an energy axis that reaches beyond −f' at 3500 K."""
        kt = BOLTZMANN_EV * np.array(temperatures)
        run = run_sums(rashba(), grid(1, 1), [0.0, 1.0], mu=mu, temperatures=temperatures, gammas=gammas)
        energies = np.linspace(mu[0] - 12.0, mu[0] + 12.0, 24001)
        sums = Sums(**kinds, levels=levels)
        request = Request(self.crystal, energies, np.array(gammas), np.repeat(mu, len(kt)), np.tile(kt, len(mu)), sums)
        raw = sum_block(self, np.zeros((1, 3)), np.ones(1), request, slice(None))
        return replace(run, energies=energies, raw=(raw,))


def green_functions(levels: RealArray, X: ComplexArray, Y: ComplexArray, mu: float, kt: float, gamma: float) -> float:
    """(26) with ħ/2π, ħ = 1: K(X, Y) of <X> = K(X, Y) da/dt for H' = Y a(t), at finite temperature, by quadrature."""
    E = np.concatenate([-np.geomspace(4000.0, 12.0, 12000), np.linspace(-12.0, 12.0, 60001)[1:]])
    G = 1.0 / (E[:, None] - levels + 1j * gamma)  # diagonal of G^R

    def trace(left: ComplexArray, right: ComplexArray) -> ComplexArray:
        """Tr X L Y R with diagonal L and R."""
        return np.einsum("nm,em,mn,en->e", X, left, Y, right, optimize=True)

    surface = trace(G, G.conj()) - trace(G, G).real
    sea = (trace(G, -G * G) - trace(-G * G, G)).real
    x = 0.5 * (E - mu) / kt
    minus_df = 0.25 / kt / np.cosh(np.clip(x, -350.0, 350.0)) ** 2
    fermi = 0.5 * (1.0 - np.tanh(x))
    return float((simpson(minus_df * surface.real, x=E) + simpson(fermi * sea, x=E)) / (2.0 * np.pi))
