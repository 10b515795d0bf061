"""The torque on each magnetic sublattice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from hpcalo.hamiltonian import sublattices
from hpcalo.hamiltonian.exchange import pauli_on_pairs, torque_from_spin
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import Crystal, LcaoModel, Model, WannierModel
from hpcalo.kubo.states.lcao_point import LcaoPoint
from hpcalo.kubo.states.observable import Observable, Operator
from hpcalo.kubo.states.operators import TORQUE
from hpcalo.kubo.states.wannier_line import WannierLine, WannierParts
from hpcalo.typing import ComplexArray, RealArray

Matrices = TypeVar("Matrices", RealArray, ComplexArray)


class SublatticeTorque(Operator):
    """T_s = −(i/2)[σ, ½{P_s, H_odd}], eV, with P_s on the orbitals of sublattice s: its sum over all s is the torque T.

    T_s·δφ = δH when the exchange field of sublattice s alone is turned by the small rotation δφ. Exchange between two
    sublattices counts half for each.
    """

    name = "sublattice_torque"
    unit = "eV"

    def shape(self, crystal: Crystal) -> tuple[int, ...]:
        return len(sublattices.labels(crystal)), 3

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        """Operations of the magnet keep every sublattice, or exchange the first two."""
        places = np.eye(len(sublattices.labels(crystal)))
        if operation.exchanges:
            places[:2] = places[1::-1]
        return np.asarray(np.kron(places, operation.axial), dtype=np.float64)

    def missing(self, model: Model) -> str:
        return TORQUE.missing(model)

    def inexact(self, model: Model) -> str:
        return TORQUE.inexact(model)

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        if model.odd_Rnn is None:
            return WannierParts({}, {})
        share = sublattices.shares(model.crystal, model.centres)
        odd = _shared(model.odd_Rnn, share).swapaxes(0, 1)  # (nR, S, N, N)
        if model.spin_Rvnn is not None:
            return WannierParts({"spin": model.spin_Rvnn, "sublattice_odd": odd}, {})
        sigma = pauli_on_pairs(model.up, model.down)
        torque = -0.5j * (sigma @ odd[:, :, None] - odd[:, :, None] @ sigma)
        return WannierParts({"sublattice_torque": torque.reshape(len(odd), -1, model.size, model.size)}, {})

    def wannier(self, line: WannierLine) -> ComplexArray:
        if "sublattice_torque" in line.summed:
            return line.rotated(np.ascontiguousarray(line.summed["sublattice_torque"]))
        spin = line.summed["spin"].transpose(0, 2, 1, 3)
        odd = line.summed["sublattice_odd"]
        torque = np.concatenate([torque_from_spin(spin, odd[:, :, s]) for s in range(odd.shape[2])], axis=1)
        return line.rotated(np.ascontiguousarray(torque.transpose(0, 2, 1, 3)))

    def lcao_parts(self, model: LcaoModel) -> Iterator[tuple[str, RealArray]]:
        share = sublattices.shares(model.crystal, model.tau)
        for s, delta in enumerate(_shared(model.down_Rnn - model.up_Rnn, share)):
            yield f"exchange_{s}", delta
        for v, canted in enumerate(() if model.canted_vRnn is None else model.canted_vRnn):
            for s, across in enumerate(_shared(canted, share)):
                yield f"canted_{s}_{v}", across

    def lcao(self, point: LcaoPoint, out: ComplexArray) -> None:
        for s in range(out.shape[1] // 3):
            part = out[:, 3 * s : 3 * s + 3]
            TORQUE.along(point.c, point.plain[f"exchange_{s}"], point.n_hat, part)
            if f"canted_{s}_0" in point.plain:
                across = np.stack([point.plain[f"canted_{s}_{v}"] for v in range(3)])
                turned = np.tensordot(point.spins.rotation, across, 1).astype(np.complex128)
                TORQUE.across(point.c, turned, part)


def _shared(X_Rnn: Matrices, share: RealArray) -> Matrices:
    """½{P_s, X} for each sublattice: (S, nR, N, N)."""
    weight = 0.5 * (share[:, :, None] + share[:, None, :])
    result: Matrices = weight[:, None] * X_Rnn
    return result


SUBLATTICE_TORQUE = SublatticeTorque()
