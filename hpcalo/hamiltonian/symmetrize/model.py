"""A model → the same model made exactly symmetric."""

from __future__ import annotations

from collections.abc import Sequence

from hpcalo.hamiltonian.orbitals import Orbital
from hpcalo.hamiltonian.replicas import Folding
from hpcalo.hamiltonian.symmetrize.lcao import symmetrized_lcao
from hpcalo.hamiltonian.symmetrize.wannier import LIMIT, symmetrized_wannier
from hpcalo.hamiltonian.types import Model, WannierModel

__all__ = ["LIMIT", "symmetrized_model"]


def symmetrized_model(
    model: Model, folding: Folding | None = None, orbitals: Sequence[Orbital] | None = None, limit: float = LIMIT
) -> tuple[Model, Folding | None]:
    """The model averaged over its group, with notes on what that took, and the replicas that are not yet in it.

    folding: replicas not yet in the model. orbitals: one for each function, None where unknown (an LCAO model has names
    of its orbitals). limit: largest deviation of H (eV) and spin that is averaged away. Raises ModelError where they
    deviate by more, or where no representation of the operations is found.
    """
    if isinstance(model, WannierModel):
        return symmetrized_wannier(model, folding, orbitals, limit)[:2]
    return symmetrized_lcao(model, orbitals, limit), None
