"""Real-space matrices of ABACUS in its sparse text files."""
