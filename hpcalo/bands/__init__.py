"""The engine of band structures: energies along a path of k-points, and what the states are made of."""
