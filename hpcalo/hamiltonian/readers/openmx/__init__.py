"""OpenMX's binary file of the self-consistent Hamiltonian."""
