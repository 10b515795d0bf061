"""Figures of Kubo results."""
