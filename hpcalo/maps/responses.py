"""Responses of single k-points: the sums of a run with one point each, through the same formulas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpcalo.hamiltonian.types import Model
from hpcalo.io.dataset import Variable
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.fields import coordinates
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.sums.engine import RawSums, sum_block
from hpcalo.maps.config import SPECTRAL, MapsSection
from hpcalo.typing import RealArray

STEP = 1e-3
"""eV, between the three energies of the sums; that of the map is in the middle."""
COLD = 1e-3
"""K; of what depends on temperature nothing is shown."""
GENERIC = np.array([[0.1234, 0.3456, 0.0789], [0.4567, 0.2109, 0.3141]])
"""Two k-points of no symmetry, fractional."""
LINEAR = 1e-6
"""Relative; a quantity that is no sum over k by more than this is left out."""


class PointResponses:
    """Integrands of responses at one energy: numbers whose mean over the zone is the response of a Kubo run."""

    def __init__(self, model: Model, section: MapsSection, reference: float) -> None:
        self._reference = reference
        names = [name for name in section.quantities if name not in SPECTRAL]
        self._kubo = KuboSection.model_validate(
            {
                "quantities": names,
                "gamma": section.gamma,
                "temperatures": COLD,
                "chemical_potentials": section.energy,
                "n_hat": section.n_hat,
                "spin_matrices": section.spin_matrices,
                "energies": {
                    "reference": reference,
                    "minimum": section.energy - STEP,
                    "maximum": section.energy + STEP,
                    "points": 3,
                },
                "k": {"grid": [1, 1, 1]},
            }
        )
        _, n_hat, self._request = prepare(self._kubo, model)
        self._n_hat = n_hat[0]
        self._solver = next(solvers(model, n_hat, self._request.need(), spin_matrices=section.spin_matrices))
        self._responses = responses(names)
        self.declared, left_out = self._sums_over_k()
        """The variables as those of two points: their names, units and axes."""
        self.notes = [f"{name} is no sum over k, and is left out" for name in sorted(left_out)]

    def arrays(self, k: RealArray) -> dict[str, RealArray]:
        """Of the points k (K, 3): arrays (K, …) at the energy of the map by name, as `declared`. Serial."""
        raw = self._raw(k)
        found = self._of([{name: array[i] for name, array in raw.items()} for i in range(len(k))])
        names = {variable.name for variable in self.declared}
        return {variable.name: np.asarray(variable.data) for variable in found if variable.name in names}

    def _raw(self, k: RealArray) -> RawSums:
        labels = np.arange(len(k))
        return sum_block(self._solver, k, np.ones(len(k)), self._request, slice(None), labels=labels)

    def coordinates(self) -> list[Variable]:
        """Those of the axes that the variables have. Serial."""
        run = self._run([self._generic()[0]])
        every = [variable for response in self._responses for variable in response.variables(run)]
        gone = {"n_hat", "energy", "gamma", "mu", "temperature"}
        return [c for c in coordinates(run, self._responses, 0.0, every) if not gone & set(c.dims)]

    def _of(self, raws: list[RawSums]) -> list[Variable]:
        run = self._run(raws)
        every = [variable for response in self._responses for variable in response.variables(run)]
        at_energies = [v for v in every if v.dims[0] == "n_hat" and "energy" in v.dims and "temperature" not in v.dims]
        return [_at_the_energy(variable) for variable in at_energies]

    def _run(self, raws: list[RawSums]) -> RunSums:
        """The points stand in for directions of the magnetization."""
        return RunSums(
            crystal=self._request.crystal,
            settings=self._kubo,
            energies=self._request.energies - self._reference,
            n_hat=np.repeat(self._n_hat[None], len(raws), axis=0),
            gammas=self._request.gammas,
            temperatures=np.array(self._kubo.temperatures),
            mu=np.array(self._kubo.chemical_potentials),
            count_edges=self._request.count_edges - self._reference,
            raw=tuple(raws),
            missing=self._request.missing,
            reference=self._reference,
        )

    def _generic(self) -> list[RawSums]:
        raw = self._raw(GENERIC * np.array(self._request.crystal.periodic))
        return [{name: array[i] for name, array in raw.items()} for i in range(len(GENERIC))]

    def _sums_over_k(self) -> tuple[list[Variable], list[str]]:
        """The quantities that are sums over k, and the names of the others.

        Of two points together the first are the sum of those of each.
        """
        one, other = self._generic()
        sums, rest = [], []
        for v in self._of([one, other, {name: one[name] + other[name] for name in one}]):
            gap = float(np.abs(v.data[0] + v.data[1] - v.data[2]).max())
            if gap <= LINEAR * max(float(np.abs(v.data).max()), 1e-300):
                sums.append(v)
            else:
                rest.append(v.name)
        return sums, rest


def _at_the_energy(variable: Variable) -> Variable:
    """Without the axes of which a map has one entry."""
    data, dims = np.asarray(variable.data), list(variable.dims)
    for name, entry in (("energy", 1), ("gamma", 0)):
        if name in dims:
            data = np.take(data, entry, dims.index(name))
            dims.remove(name)
    return replace(variable, data=data, dims=("point", *dims[1:]))
