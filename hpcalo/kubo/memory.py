"""What a Kubo run keeps in memory, on each rank."""

from __future__ import annotations

import numpy as np

from hpcalo.hamiltonian.kmesh import block_size
from hpcalo.hamiltonian.types import LcaoModel, WannierModel
from hpcalo.kubo.cells.loop import LARGEST_BLOCK
from hpcalo.kubo.cells.tree import REPLICATES
from hpcalo.kubo.responses.density_of_states import BLOCK, REACH
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.request import Request
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.work import PROGRAM

BYTES_OF_CELL = 1000
"""Of a refined cell: its numbers twice, with a checkpoint's, its signs and place."""
BATCHES = 40
"""Of refined cells whose sums are kept for checkpoints, about."""


def bytes_of_cells(points: int, solver: StateSolver, request: Request) -> float:
    """Memory of refined cells with that many points.

    What every rank keeps of each point, the replicated sums of every batch, the raw sums of the points of a block.
    """
    size = Packing(request.shapes()).size
    block = min(8.0 * block_size(solver.size) * size, LARGEST_BLOCK)
    return BYTES_OF_CELL * points + 8.0 * BATCHES * (1 + REPLICATES) * size + 4.0 * block


def memory_per_rank(model: WannierModel | LcaoModel, solver: StateSolver, request: Request) -> float:
    """Bytes a rank needs at its peak: program, model (twice while rank 0 sends it), lattice sums, a batch, its sums.

    And what smears the density of states: numbers at edges an eighth of its width apart.
    """
    N, levels = solver.size, request.sums.levels
    cells = sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))
    sizes = sum(observable.size(model.crystal) for observable in {VELOCITY, TORQUE, *request.need()} - set(levels))
    operators = 16.0 * N**2 * (sizes + 8)
    batch = operators * (4 if N > 100 else block_size(N))
    smearing = 32.0 * min(BLOCK, 16 * REACH * len(request.energies)) if request.sums.count else 0.0
    return PROGRAM + 3.0 * cells + batch + 10.0 * 8.0 * Packing(request.shapes()).size + smearing
