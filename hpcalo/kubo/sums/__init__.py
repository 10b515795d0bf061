"""Sums over k: what is summed, over which points, with which symmetry."""
