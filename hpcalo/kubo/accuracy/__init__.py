"""Errors of the sums over k, estimated from parts of the mesh."""
