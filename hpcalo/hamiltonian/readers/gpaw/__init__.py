"""Calculations with atomic orbitals of GPAW, straight from their .gpw file."""
