"""Figures of wall results."""
