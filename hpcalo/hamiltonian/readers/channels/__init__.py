"""Two collinear channels of Wannier90, spin up and spin down, as one magnet."""
