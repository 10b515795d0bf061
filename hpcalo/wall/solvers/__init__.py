"""Solvers of the steady kinetic equation, and PETSc's options."""
