"""Spin caloritronics from the electronic structure to the moving domain wall, in parallel."""

__version__ = "0.1.0"
