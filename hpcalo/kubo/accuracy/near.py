"""Chemical potentials near those of a run, for the errors of thermal numbers.

The scatter of the parts of a mesh there serves a thermal number as that at neighbouring energies serves a point of a
curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.request import FERMI, THERMAL
from hpcalo.typing import RealArray
from hpcalo.units import BOLTZMANN_EV

DISTANCES = (-0.1, -0.05, 0.0, 0.05, 0.1)
"""eV from a chemical potential. Thermal numbers this far apart have errors of a similar size, yet of their own."""
REACH = 8.0
"""k_B T of the highest temperature that the energy axis must hold to either side of such a chemical potential."""
SAME = 1e-9
"""Variances that differ by less than this part of them are equal."""


@dataclass(frozen=True)
class Near:
    """A run with more chemical potentials.

    run: its axes; each of the original ones is followed by its neighbours. count: how many these are, itself included.
    """

    run: RunSums
    count: int

    @staticmethod
    def of(run: RunSums) -> Near:
        """The chemical potentials of the run, and those near them that its energy axis allows."""
        if not len(run.mu) or not len(run.temperatures) or not len(run.energies):
            return Near(run, 1)
        reach = REACH * BOLTZMANN_EV * float(run.temperatures.max())
        low, high = run.energies[0] + reach - run.mu.min(), run.energies[-1] - reach - run.mu.max()
        distances = [d for d in DISTANCES if d == 0.0 or low <= d <= high]
        mu = (run.mu[:, None] + np.array(distances)).ravel()
        return Near(replace(run, mu=mu, weights={}), len(distances))

    def moved(self, raw: Sequence[RawSums]) -> RunSums:
        """The run with other raw sums.

        Thermal sums are known at the original chemical potentials alone, and stand for their neighbours.
        """
        return replace(self.run, raw=tuple(self._repeated(sums) for sums in raw))

    def _repeated(self, raw: RawSums) -> RawSums:
        points = len(self.run.mu) // self.count, len(self.run.temperatures)
        out = dict(raw)
        for name, values in raw.items():
            if name.startswith((f"{THERMAL}:", f"{FERMI}:")):
                at = values.reshape(*values.shape[:-1], *points)
                out[name] = np.repeat(at, self.count, axis=-2).reshape(*values.shape[:-1], -1)
        return out

    def gathered(self, variances: RealArray, axes: Sequence[str]) -> tuple[RealArray, bool]:
        """The mean over the neighbours, and whether these tell more than one of them alone.

        variances: of a value with these axes, at all chemical potentials; the mean is at the original ones.
        """
        if "mu" not in axes or self.count == 1:
            return variances, False
        along = list(axes).index("mu")
        apart = variances.reshape(*variances.shape[:along], -1, self.count, *variances.shape[along + 1 :])
        mean = np.asarray(apart.mean(axis=along + 1), dtype=np.float64)
        spread = np.nan_to_num(np.ptp(apart, axis=along + 1))
        return mean, bool(np.any(spread > SAME * np.nanmax(np.nan_to_num(mean), initial=0.0)))
