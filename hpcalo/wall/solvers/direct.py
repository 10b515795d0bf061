"""The direct method of the steady equation, a check of the iterative one: MUMPS LU of the assembled matrix."""

from __future__ import annotations

import os
import resource

import numpy as np

from hpcalo.errors import InputError
from hpcalo.parallel.guard import together
from hpcalo.typing import RealArray
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.formulations import EvenSystem
from hpcalo.wall.solvers.measured_ksp import MeasuredKsp, setup_failure
from hpcalo.wall.solvers.options import PREFIX, SolverOptions

PREFIXES = ("direct_",)
DIRECT_BYTES = 48.0
"""Bytes for each of the 3 cells (4 points)^2 numbers of the matrix: blocks, their copy in PETSc, factors of MUMPS."""


def direct_ksp(even: EvenSystem, options: SolverOptions, tolerance: float) -> MeasuredKsp:
    """Assembles A of the even system as it is now and factors it. Collective.

    Raises InputError where there is not the memory for it, or for options that do not go together.
    """
    mesh, width = even.mesh, 4 * even.k.p.size
    matrix, blocks = _allocate(even, width)
    _fill(even, blocks)
    index = np.arange(mesh.first, mesh.last)
    for i, node in enumerate(index):
        for offset in (-1, 0, 1):
            if 0 <= node + offset < mesh.cells:
                matrix.setValuesBlocked([node], [node + offset], blocks[i, offset + 1])
    matrix.assemble()
    ksp = PETSc.KSP().create(comm=mesh.comm)
    ksp.setOptionsPrefix(PREFIX + "direct_")
    ksp.setOperators(matrix)
    ksp.setType(PETSc.KSP.Type.PREONLY)
    pc = ksp.getPC()
    pc.setType(PETSc.PC.Type.LU)
    pc.setFactorSolverType(PETSc.Mat.SolverType.MUMPS)
    try:
        with options.active():
            ksp.setFromOptions()
        ksp.setUp()
    except PETSc.Error as problem:
        raise setup_failure(options, problem, *PREFIXES) from None
    return MeasuredKsp(
        mesh, even, ksp, matrix, options, (tolerance, 0.0),
        prefixes=PREFIXES, advice="use solver.method = 'krylov'",
    )  # fmt: skip


def _allocate(even: EvenSystem, width: int) -> tuple[PETSc.Mat, RealArray]:
    """An empty matrix, and its blocks of the own nodes (n, 3 [offset + 1], width, width)."""
    mesh = even.mesh
    size = (mesh.n * width, mesh.cells * width)
    entries = 3 * int(mesh.counts.max()) * width**2
    needed = DIRECT_BYTES * entries
    room = -mesh.max(-free_memory())
    large = f"solver.method: 'direct' needs about {needed / 2**30:.2g} GiB per rank, 144 bytes x cells (4 points)^2"
    advice = "use 'krylov', or more ranks"
    if needed > room or entries > np.iinfo(PETSc.IntType).max:
        raise InputError(f"{large}, more than the {room / 2**30:.2g} GiB available or than PETSc can number; {advice}")
    with together(mesh.comm):  # one rank alone may be without memory
        try:
            matrix = PETSc.Mat().createAIJ((size, size), bsize=width, nnz=3 * width, comm=mesh.comm)
            blocks = np.zeros((mesh.n, 3, width, width))
        except (PETSc.Error, MemoryError):
            raise InputError(f"{large}, and there is not enough memory; {advice}") from None
    matrix.setOption(PETSc.Mat.Option.NEW_NONZERO_ALLOCATION_ERR, False)
    return matrix, blocks


def _fill(even: EvenSystem, blocks: RealArray) -> None:
    """Finds the blocks by colouring: 3 x width applications of the operator."""
    mesh, k, width = even.mesh, even.k, blocks.shape[-1]
    index, applied = np.arange(mesh.first, mesh.last), np.empty(k.shape)
    for colour in range(3):
        for column in range(width):
            e = np.zeros((mesh.n, width))
            e[index % 3 == colour, column] = 1.0
            even.apply(e.reshape(k.shape), applied)
            response = applied.reshape(mesh.n, width)
            for offset in (-1, 0, 1):
                rows = (index + offset) % 3 == colour
                blocks[rows, offset + 1, :, column] = response[rows]


def free_memory() -> float:
    """Bytes that this process may have: those of the machine, or less where the process has a limit."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return float(machine if limit == resource.RLIM_INFINITY else min(machine, limit))
