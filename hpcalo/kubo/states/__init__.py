"""Eigenstates and operators of Wannier and atomic-orbital models."""
