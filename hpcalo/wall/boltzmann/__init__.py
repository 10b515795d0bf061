"""The spinor Boltzmann equation: equilibrium and discretized operators."""
