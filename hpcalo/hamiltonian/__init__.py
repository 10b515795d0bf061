"""Hamiltonians: their types, files, symmetry, k mesh, and the readers of other programs' files."""
