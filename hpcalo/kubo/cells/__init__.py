"""Sums over k whose cells are refined where it matters."""
