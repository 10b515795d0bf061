"""A WannierModel averaged over its magnetic group: H, exchange part, position and spin matrices, centres.

The recipe: fold the replicas in, find D(g), map the sites, average, build centres and exchange part again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import pauli_on_pairs
from hpcalo.hamiltonian.orbitals import Orbital
from hpcalo.hamiltonian.replicas import Folding, fold
from hpcalo.hamiltonian.symmetrize.action import Cells
from hpcalo.hamiltonian.symmetrize.average import ROUGH, averaged, deviations_of, symmetric_centres
from hpcalo.hamiltonian.symmetrize.finding import Evidence, Found, find_representation, known_of
from hpcalo.hamiltonian.symmetrize.images import centred_folding, trusted_cells
from hpcalo.hamiltonian.symmetrize.report import Deviation, Report
from hpcalo.hamiltonian.symmetrize.representation import Pairs
from hpcalo.hamiltonian.types import WannierModel

LIMIT = 1e-4
"""H (eV) and spin may deviate by as much without a word; a file's digits are 1e-6."""
EXACT = 1e-12
"""What may be left of a deviation."""


def symmetrized_wannier(
    model: WannierModel, folding: Folding | None, orbitals: Sequence[Orbital] | None, limit: float = LIMIT
) -> tuple[WannierModel, Folding | None, Report]:
    """The model exactly symmetric, the replicas that are not yet in it, and what that took.

    Replicas stay apart where the model is symmetric with and without them; else they are folded in.
    model, folding: as `Reader.read_apart` gives them. orbitals: one for each function; None where unknown. limit: the
    largest deviation of H (eV) and of the spin matrices that is averaged away. Raises ModelError where H or spin
    deviate by more, or no representation is found.
    """
    pairs = Pairs(model.up, model.down, pure=model.spin_Rvnn is None)
    spin = _spin(model)
    evidence = Evidence(
        crystal=model.crystal,
        n_hat=model.n_hat,
        centres=model.centres,
        orbitals=None if orbitals is None else tuple(orbitals),
        known=known_of(model.H_Rnn, spin),
        R=model.R,
        trusted=trusted_cells(model.R, folding, model.size),
        pairs=pairs,
        limit=limit,
    )
    try:
        found = find_representation(evidence)
    except ModelError as problem:
        raise ModelError(f"{problem}{_hint(model, folding)}") from None
    as_given = fold(model, folding) if folding is not None else model
    folded, before, images = _best_images(model, as_given, folding, found)
    for deviation in before:
        if deviation.lost or (deviation.name not in ROUGH and deviation.size > limit):
            raise ModelError(_refusal(deviation, limit, model, folding))
    result = averaged(folded, found)
    after = deviations_of(result, found, exact=True)
    alone = None if folding is None or images else _averaged_apart(model, folding, found, limit)
    report = Report(
        operations=found.sites.group.operations,
        source=found.source,
        images=images,
        before=before,
        after=after,
        change_of_r=_change_of_r(as_given, result),
        moved=found.sites.moved,
        stretched=float(np.abs(result.crystal.lattice - model.crystal.lattice).max()),
        old=as_given,
        new=result,
    )
    if alone is not None:
        return alone.with_notes(*report.notes()), folding, report
    return result.with_notes(*report.notes()), None, report


def _averaged_apart(model: WannierModel, folding: Folding, found: Found, limit: float) -> WannierModel | None:
    """The model on its Wigner-Seitz cells, if the group maps these onto each other and the replicas keep that."""
    if any(d.lost or (d.name not in ROUGH and d.size > limit) for d in deviations_of(model, found)):
        return None
    alone = averaged(model, found)
    both = (*deviations_of(alone, found, exact=True), *deviations_of(fold(alone, folding), found, exact=True))
    return alone if all(d.size < EXACT and not d.lost for d in both) else None


def _spin(model: WannierModel) -> NDArray:
    """The spin matrices (nR, 3, N, N): of the model, else Pauli matrices on the pairs. Without spin: (nR, 0, N, N)."""
    if model.spin_Rvnn is not None:
        return model.spin_Rvnn
    pauli = pauli_on_pairs(model.up, model.down) if len(model.up) else np.zeros((0, model.size, model.size))
    return np.where((model.R == 0).all(axis=1)[:, None, None, None], pauli, 0.0)


def _refusal(deviation: Deviation, limit: float, model: WannierModel, folding: Folding | None) -> str:
    what = f"{deviation.name} deviates by {deviation.size:.2g}{deviation.unit and ' ' + deviation.unit}"
    if deviation.lost:
        return (
            f"symmetry: the operation {deviation.operation} takes elements of {deviation.name} to cells that the model "
            "does not have (minimal-distance replicas are needed: keep seed_wsvec.dat, and replicas = true)"
        )
    return (
        f"symmetry: {what} from what the operation {deviation.operation} asks, more than {limit:g}"
        f"{_hint(model, folding)}; --symmetry-limit averages it all the same"
    )


def _hint(model: WannierModel, folding: Folding | None) -> str:
    """What else may be the reason."""
    if not len(model.up):
        return "; without spin matrices the direction of the magnetization is not known"
    if folding is None and not any("replicas folded in" in note for note in model.notes):
        return "; without minimal-distance replicas (seed_wsvec.dat) cells may break the symmetry of several atoms"
    return ""


def _best_images(
    model: WannierModel, as_given: WannierModel, folding: Folding | None, found: Found
) -> tuple[WannierModel, tuple[Deviation, ...], str]:
    """The folded model with the replicas of the file, or with those of symmetric centres if the file's break H."""
    before = deviations_of(as_given, found)
    if folding is None:
        return as_given, before, ""
    best = (as_given, before, "")
    for words, centres in (
        ("from centres moved to symmetric positions", symmetric_centres(model, found)),
        ("from the sites", found.sites.exact[found.sites.of]),
    ):
        if _size(best[1]) <= LIMIT:
            break
        other = fold(model, centred_folding(folding, model.R, found.sites.group.crystal.lattice, centres))
        deviations = deviations_of(other, found)
        if _size(deviations) < 0.1 * _size(best[1]):
            best = (other, deviations, words)
    return best


def _change_of_r(old: WannierModel, new: WannierModel) -> float | None:
    """Largest change of the position matrix, Å, on the cells of both; None without one."""
    if old.A_Rvnn is None or new.A_Rvnn is None:
        return None
    number = Cells(new.R).find(old.R)
    known = number >= 0
    return float(np.abs(new.A_Rvnn[number[known]] - old.A_Rvnn[known]).max())


def _size(deviations: tuple[Deviation, ...]) -> float:
    return max(np.inf if d.lost else d.size for d in deviations if d.name not in ROUGH)
