"""Small runs of the Kubo engine without files: a model, a grid, raw sums, axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpcalo.hamiltonian.turning import rotated
from hpcalo.hamiltonian.types import LcaoModel, Model
from hpcalo.kubo.abilities import IMPOSSIBLE, abilities
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.registry import registered
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.observable import LevelProperty
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import Pair, Request, Sums
from hpcalo.kubo.sums.scattering import scattering
from hpcalo.kubo.tables import Disorder
from hpcalo.units import BOLTZMANN_EV


def possible(model: Model) -> tuple[str, ...]:
    """The responses that a model can give."""
    impossible = {row.name for row in abilities(model) if row.status == IMPOSSIBLE}
    return tuple(name for name in registered() if name not in impossible)


def grid(*divisions: int, shift: float = 0.5) -> np.ndarray:
    """Points of a shifted grid; missing directions have one point at 0."""
    axes = [(np.arange(n) + shift) / n for n in divisions] + [np.zeros(1)] * (3 - len(divisions))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def run_sums(
    model: Model,
    k: np.ndarray,
    energies: Sequence[float] | np.ndarray,
    *,
    broadened: tuple[Pair, ...] = (),
    sea: tuple[Pair, ...] = (),
    thermal: tuple[Pair, ...] = (),
    levels: tuple[LevelProperty, ...] = (),
    fermi: tuple[Pair, ...] = (),
    fermi_levels: tuple[LevelProperty, ...] = (),
    thermal_levels: tuple[LevelProperty, ...] = (),
    gammas: Sequence[float] = (0.1,),
    temperatures: Sequence[float] = (300.0,),
    mu: Sequence[float] = (0.0,),
    n_hat: Sequence[Sequence[float]] | None = None,
    disorder: Mapping[str, Any] | None = None,
    **settings: Any,
) -> RunSums:
    """Raw sums on the full list of k-points, energies absolute (reference 0), as the responses take them.

    disorder: the table [kubo.disorder]. settings: further keys of the table [kubo], such as `moment`.
    """
    temperatures, mu = np.asarray(temperatures, dtype=float), np.asarray(mu, dtype=float)
    request = Request(
        crystal=model.crystal,
        energies=np.asarray(energies, dtype=float),
        gammas=np.asarray(gammas, dtype=float),
        mu=np.repeat(mu, len(temperatures)),
        kt=np.tile(BOLTZMANN_EV * temperatures, len(mu)),
        sums=Sums(
            broadened, sea, thermal, levels, fermi=fermi, fermi_levels=fermi_levels, thermal_levels=thermal_levels
        ),
        scattering=scattering(Disorder(**disorder or {}), 0.0, model.crystal),
    )
    raw = []
    for n in [model.n_hat] if n_hat is None else n_hat:
        solver: StateSolver
        if isinstance(model, LcaoModel):
            solver = LcaoStates(model, np.asarray(n, dtype=float), request.need())
        else:
            turned = model if n_hat is None else rotated(model, np.asarray(n, dtype=float))
            solver = WannierStates(turned, request.need())
        raw.append(sum_block(solver, k, np.full(len(k), 1.0 / len(k)), request, slice(None)))
    return RunSums(
        crystal=model.crystal,
        settings=KuboSection.model_validate(
            {"quantities": ["density_of_states"], "k": {"grid": [1, 1, 1]}, "temperatures": [1.0], **settings}
        ),
        energies=request.energies,
        n_hat=np.array([model.n_hat] if n_hat is None else n_hat, dtype=float),
        gammas=request.gammas,
        temperatures=temperatures,
        mu=mu,
        count_edges=np.zeros(0),
        raw=tuple(raw),
    )
