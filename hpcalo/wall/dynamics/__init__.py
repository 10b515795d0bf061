"""Time steps of M, of the electrons, and of both together."""
