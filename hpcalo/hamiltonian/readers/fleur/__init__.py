"""Operators between Wannier functions as FLEUR writes them."""
