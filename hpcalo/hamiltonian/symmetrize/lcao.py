"""An LcaoModel averaged over its group: S, both spins of H, spin-orbit coupling and the position matrix.

Its matrices are real and without spin, so D is the rotation of the orbitals alone and time reversal does nothing. All
rotations of the crystal (atoms told apart by their moments) count, for the magnetization can be turned; with exchange
across the magnetization only those of the magnetic group do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.orbitals import HARMONICS, Orbital
from hpcalo.hamiltonian.symmetrize.action import AXIAL, POLAR, SCALAR, TIMELESS, Cells, complete, transformed
from hpcalo.hamiltonian.symmetrize.finding import Evidence, Found, all_cells, find_representation
from hpcalo.hamiltonian.symmetrize.nullspace import Known
from hpcalo.hamiltonian.symmetrize.report import Deviation, names_of
from hpcalo.hamiltonian.symmetrize.representation import FAULT, Pairs
from hpcalo.hamiltonian.types import Crystal, LcaoModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

_NAME = re.compile(r"^(?:[^:]*:)?(?P<shell>\d*)(?P<function>[spdf].*)$")
_NUMBERS = {name: (l, mr + 1) for l, names in enumerate(HARMONICS) for mr, name in enumerate(names)}
_NONE: IntArray = np.zeros(0, dtype=np.int64)


def orbitals_of(model: LcaoModel) -> tuple[Orbital, ...] | None:
    """The orbitals that the model's names tell (`Mn9:1dxy`: shell 1, d_xy); None where a name does not."""
    found = [_NAME.match(name) for name in model.orbital_names]
    if len(found) != len(model.tau) or any(m is None or m["function"] not in _NUMBERS for m in found):
        return None
    return tuple(
        Orbital(*_NUMBERS[m["function"]], position, radial=m["shell"])
        for m, position in zip(found, model.tau, strict=True)
        if m is not None
    )


def symmetrized_lcao(model: LcaoModel, orbitals: Sequence[Orbital] | None, limit: float) -> LcaoModel:
    """The model, exactly symmetric, with notes. Raises ModelError as `symmetrized_model`."""
    parts = _parts(model)
    known = tuple(Known(np.moveaxis(X, 1, 0), kind) for name, (X, kind) in parts.items() if name != "r")
    found = find_representation(
        Evidence(
            crystal=model.crystal if model.canted_vRnn is not None else _without_direction(model.crystal),
            n_hat=model.n_hat,
            centres=model.tau,
            orbitals=orbitals_of(model) if orbitals is None else tuple(orbitals),
            known=known,
            R=model.R,
            trusted=all_cells(model.R),
            pairs=Pairs(_NONE, _NONE),
            limit=limit,
            time=model.canted_vRnn is not None,  # without it the matrices are real: time reversal does nothing
        )
    )
    found = replace(found, D=_real(found.D))
    new, before = {}, []
    for name, (X, kind) in parts.items():
        new[name], deviation = _mean(X, kind, model, found)
        before.append(replace(deviation, name=name, unit={"S": "", "r": "Å"}.get(name, "eV")))
        if deviation.lost or (name != "r" and deviation.size > limit):
            raise ModelError(
                f"symmetry: {before[-1].text()} is the deviation from what the operation {deviation.operation} asks, "
                f"more than {limit:g}; --symmetry-limit averages it all the same"
            )
    exact = found.sites
    crystal = replace(exact.group.crystal, symbols=model.crystal.symbols, moments=model.crystal.moments)
    result = replace(
        model,
        crystal=crystal,
        tau=exact.exact[exact.of],
        up_Rnn=new["H_up"][0],
        down_Rnn=new["H_down"][0],
        S_Rnn=new["S"][0],
        soc_vRnn=new["spin-orbit"],
        r_vRnn=None if model.r_vRnn is None else new["r"].astype(np.float32),
        canted_vRnn=None if model.canted_vRnn is None else new["exchange across"],
    )
    after = []
    for name, (X, kind) in _parts(result).items():
        deviation = _mean(X, kind, result, found)[1]
        after.append(replace(deviation, name=name, unit={"S": "", "r": "Å"}.get(name, "eV")))
    operations = found.sites.group.operations
    source = found.source.replace("the projections", "their names")
    source = source.replace("H and spin", "S, H and spin-orbit coupling")
    return result.with_notes(
        f"symmetrized over {len(operations)} operations of the crystal: {names_of(operations)}",
        f"symmetrized: representation of the orbitals from {source}",
        f"symmetrized: deviations before: {', '.join(d.text() for d in before)}; "
        f"after: {', '.join(d.text() for d in after)} (the position matrix is in single precision)",
    )


def _without_direction(crystal: Crystal) -> Crystal:
    """The crystal with the moments as part of the atoms' names."""
    names = tuple(f"{s} {round(float(m), 3)}" for s, m in zip(crystal.symbols, crystal.moments, strict=True))
    return replace(crystal, symbols=names, moments=np.zeros(len(names)))


def _parts(model: LcaoModel) -> dict[str, tuple[NDArray, str]]:
    """Name → matrices (v, nR, N, N) and how their components turn; spin-orbit coupling stays as it is in time."""
    parts: dict[str, tuple[NDArray, str]] = {
        "S": (model.S_Rnn[None], SCALAR),
        "H_up": (model.up_Rnn[None], SCALAR),
        "H_down": (model.down_Rnn[None], SCALAR),
        "spin-orbit": (model.soc_vRnn, TIMELESS),
    }
    if model.canted_vRnn is not None:
        parts["exchange across"] = (model.canted_vRnn, AXIAL)
    if model.r_vRnn is not None:
        parts["r"] = (model.r_vRnn.astype(np.float64), POLAR)
    return parts


def _real(D: ComplexArray) -> ComplexArray:
    """D with phases at which it is real. Raises ModelError if there are none."""
    squares = np.einsum("gmn,gmn->g", D, D)
    turned = D / np.sqrt(squares / np.maximum(np.abs(squares), 1e-300))[:, None, None]
    gap = float(np.abs(turned.imag).max())
    if gap > FAULT:
        raise ModelError(f"symmetry: the rotations of real orbitals are not real: off by {gap:.1g}")
    return np.asarray(turned.real, dtype=np.complex128)


def _mean(X_vRnn: NDArray, kind: str, model: LcaoModel, found: Found) -> tuple[RealArray, Deviation]:
    """The mean over the group, real, and the largest deviation of one operation from X."""
    X = np.moveaxis(X_vRnn, 0, 1)
    cells, sites = Cells(model.R), found.sites
    total = np.zeros(X.shape)
    size, lost, worst = 0.0, 0.0, sites.group.operations[0]
    whole = complete(sites, cells)[:, None]
    for g, op in enumerate(sites.group.operations):
        turned, gone = transformed(X, found.D[g], sites, g, kind, cells)
        total += np.where(whole, turned.real, 0.0)
        gap = max(float(np.abs(turned - X).max(initial=0.0)), gone)
        lost = max(lost, gone)
        if gap > size:
            size, worst = gap, op
    mean = np.moveaxis(total / len(found.D), 1, 0)
    return np.ascontiguousarray(mean), Deviation("", "", size, worst, lost > 1e-4)
