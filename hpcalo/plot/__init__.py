"""Figures; reads result files only."""
