"""One module per source of Hamiltonians."""
