"""Readers of Hamiltonians, one class each (`base.Reader`). A reader is registered by being in a module of this package.

Objects in memory (sisl, PythTB) are converted by functions, which the readers of their files use.
"""
