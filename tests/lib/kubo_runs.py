"""Small runs of the Kubo engine without files: a model, a grid, raw sums, axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcalo.hamiltonian.exchange import rotated
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.kubo.responses.axes import RunAxes
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import Kind, Request
from hpcalo.units import BOLTZMANN_EV


def grid(*divisions: int, shift: float = 0.5) -> np.ndarray:
    """Points of a shifted grid; missing directions have one point at 0."""
    axes = [(np.arange(n) + shift) / n for n in divisions] + [np.zeros(1)] * (3 - len(divisions))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def run_axes(
    model: WannierModel,
    k: np.ndarray,
    energies: Sequence[float] | np.ndarray,
    *,
    broadened: tuple[Kind, ...] = (),
    sea: tuple[Kind, ...] = (),
    thermal: tuple[Kind, ...] = (),
    gammas: Sequence[float] = (0.1,),
    temperatures: Sequence[float] = (300.0,),
    mu: Sequence[float] = (0.0,),
    n_hat: Sequence[Sequence[float]] | None = None,
    spin: bool = False,
    curvature: bool = False,
) -> RunAxes:
    """Raw sums on the full list of k-points, energies absolute (reference 0), as the observables take them."""
    directions = model.crystal.periodic
    d = tuple(v for v in range(3) if directions[v])
    sizes = {"torque": 3, "velocity": len(d)}
    components = {
        kind: np.array([(i, j) for i in range(sizes[kind[0]]) for j in range(sizes[kind[1]])], dtype=np.int32)
        for kind in broadened + sea + thermal
    }
    temperatures, mu = np.asarray(temperatures, dtype=float), np.asarray(mu, dtype=float)
    request = Request(
        energies=np.asarray(energies, dtype=float),
        gammas=np.asarray(gammas, dtype=float),
        mu=np.repeat(mu, len(temperatures)),
        kt=np.tile(BOLTZMANN_EV * temperatures, len(mu)),
        components=components,
        broadened=broadened,
        sea=sea,
        thermal=thermal,
        spin=spin,
        curvature=curvature,
    )
    raw = []
    for n in [model.n_hat] if n_hat is None else n_hat:
        turned = model if n_hat is None else rotated(model, np.asarray(n, dtype=float))
        solver = WannierStates(turned, request.need())
        raw.append(sum_block(solver, k, np.full(len(k), 1.0 / len(k)), request, slice(None)))
    return RunAxes(
        energies=request.energies,
        n_hat=np.array([model.n_hat] if n_hat is None else n_hat, dtype=float),
        gammas=request.gammas,
        temperatures=temperatures,
        mu=mu,
        directions=d,
        volume=model.crystal.volume,
        raw=tuple(raw),
    )
