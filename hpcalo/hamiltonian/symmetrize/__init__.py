"""A model made exactly symmetric: averaged over the magnetic group of its crystal (`hpcalo convert --symmetrize`)."""
