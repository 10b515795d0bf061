"""Tensors that depend on the direction of the magnetization, in powers of it, as far as the crystal allows (56)."""
