"""The circuit of the time-dependent mode: the field that gives the mean current its value at every moment.

The current that an outer circuit sees is the mean of j along the wire, over all faces between the two reservoirs
(Shockley and Ramo; the displacement current is left out). With o the odd part of the distribution and <.> the mean of
int v F dp, the odd equation gives

    d<o>/dt = -<o>/tau + <force and streaming of e> + E <S_E> + kappa <S_kappa>

E is chosen in every evaluation of the rates such that d<o>/dt = (target - <o>)/tau. It then follows from e and M alone.
Every linear method of time stepping preserves <o> = target, whatever the step: no constraint is left to be solved for.
After a change of the target the current follows within tau.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.units import CURRENT_IN_SI, VOLT_PER_METRE


class Circuit:
    """E of a state whose distribution is in units of `scale`.

    All odd parts are on the own faces of a rank: those to the left of its nodes and, on the last rank, that of the
    right reservoir. The magnetization is the one last given to the kinetic operator. Numbers have the same bits on all
    ranks and for every partition.
    """

    def __init__(self, mesh: Mesh, transport: Transport, scale: float) -> None:
        self.mesh, self.transport, self.scale = mesh, transport, scale
        drive = transport.drive
        self.given = drive.electric_field * VOLT_PER_METRE if drive.circuit == "field" else None
        """E in V/nm where the input gives it, else None; the methods are for None."""
        self.target = -drive.current_density / (2.0 * CURRENT_IN_SI * scale)
        """<o> of the current that the input asks for, in units of `scale`."""

    def mean_flow(self, o: RealArray) -> float:
        """<o>: the mean of int v F dp along the wire. Collective."""
        return float(self._means(self._flow(o))[0])

    def _means(self, *flows: RealArray) -> RealArray:
        mesh = self.mesh
        faces = np.stack(flows, axis=1)
        nodes = faces[: mesh.n].copy()
        if mesh.at_right:
            nodes[-1] += faces[mesh.n]
        return mesh.totals(nodes) / (mesh.cells + 1)

    def _flow(self, o: RealArray) -> RealArray:
        return self.transport.kinetic.flux(o)[:, 0]

    def _source_flow(self, source: RealArray, faces: int) -> RealArray:
        """The flow of the F part of a drive's source (n + 1, points), per unit of the drive."""
        k = self.transport.kinetic
        return np.asarray(2.0 * k.dp * (k.v * source[:faces]).sum(axis=1))

    def field(self, o: RealArray, rate: RealArray) -> float:
        """E in V/nm for an odd part o and its `rate` without E and kappa. Collective."""
        drive, k = self.transport.drive, self.transport.kinetic
        faces, tau = len(o), self.transport.carriers.tau
        present = self._flow(rate) + self._flow(o) / tau
        rest, per_field, per_gradient = self._means(
            present, self._source_flow(k.source_e[0], faces), self._source_flow(k.source_k[0], faces)
        )
        driven = self.scale * (self.target / tau - rest) - drive.gradient * per_gradient
        return float(driven / per_field)

    def with_mean(self, o: RealArray, mean: float) -> RealArray:
        """o after the impulse of E that makes <o> = `mean`. Collective."""
        k, faces = self.transport.kinetic, len(o)
        present, per_field = self._means(self._flow(o), self._source_flow(k.source_e[0], faces))
        return np.asarray(o + (mean - present) / per_field * k.source(1.0, 0.0)[:faces])
