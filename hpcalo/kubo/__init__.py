"""Engine (a), Kubo: arrays in, arrays out. Eigenstates, operators, pair kernels, sea sums. Knows no rank and no file.

Array names carry their axes: k points of a batch, n and m bands (or orbitals), v Cartesian component, R cells, e
energies, p pairs of components, g broadenings Γ, q points (μ, T). So `v_knvm[k, n, v, m] = <n|v_v|m>` at point k. ħ =
1: velocities are ħv in eV Å, torques in eV, energies in eV.
"""
