"""Engine (a), Kubo: arrays in, arrays out. Eigenstates, operators, pair kernels, sea sums. Knows no rank and no file."""
