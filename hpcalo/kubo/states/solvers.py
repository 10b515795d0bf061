"""From a model to its state solvers, one for each direction of the magnetization."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.exchange import unit_vector
from hpcalo.hamiltonian.turning import rotated
from hpcalo.hamiltonian.types import LcaoModel, Model, WannierModel
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.operators import ordered
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.typing import RealArray


def magnetization_directions(model: Model, given: Sequence[Sequence[float]] | None) -> RealArray:
    """The directions of the magnetization to compute, normalized, (A, 3); that of the model where none is given.

    Raises InputError for a model whose magnetization cannot be turned.
    """
    own = model.n_hat
    if given is None:
        return own[None]
    n_hat = np.array([unit_vector(list(n)) for n in given])
    turned = np.abs(n_hat - own).max() > 1e-12
    if turned and isinstance(model, WannierModel) and model.odd_Rnn is None:
        raise InputError(
            f"kubo.n_hat: the model {model.name or '(unnamed)'} has no exchange part, "
            "its magnetization cannot be turned; leave n_hat out"
        )
    if isinstance(model, WannierModel) and model.odd_Rnn is not None and not len(model.up):
        for n in n_hat[np.abs(n_hat - own).max(axis=1) > 1e-12]:
            try:
                rotated(model, n)
            except ModelError as problem:
                raise InputError(f"kubo.n_hat: {problem}") from None
    return n_hat


def check_need(model: Model, need: frozenset[Observable]) -> frozenset[Observable]:
    """Those of `need` that the model can provide. Raises InputError if one is missing that is not optional."""
    provided = set()
    for observable in ordered(need):
        reason = observable.missing(model)
        if reason and not observable.optional:
            raise InputError(f"kubo.quantities: the model {model.name or '(unnamed)'} {reason}")
        if not reason:
            provided.add(observable)
    return frozenset(provided)


def solvers(
    model: Model, n_hat: RealArray, need: frozenset[Observable], *, spin_matrices: bool = True
) -> Iterator[StateSolver]:
    """A solver for each direction n̂ (A, 3), one at a time."""
    if isinstance(model, LcaoModel):
        from hpcalo.kubo.states.lcao import LcaoStates  # noqa: PLC0415  (loads SciPy, which is slow)

        first = LcaoStates(model, n_hat[0], need)
        del model  # its cells are in the lattice sums now
        yield from (first.turned(n) for n in n_hat)
        return
    for n in n_hat:
        turned = model if model.odd_Rnn is None else rotated(model, n)
        yield WannierStates(turned, need, true_spin=spin_matrices)
