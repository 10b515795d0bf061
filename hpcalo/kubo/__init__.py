"""The Kubo engine: linear response of a periodic Hamiltonian.

`run` is the path of the data on one page. From there downwards: `responses` (one class each: raw sums to named
quantities), `sums` (one pass over k and its raw sums), `states` (eigenstates and observables), `kernels`. Only `run`,
`sums` and `fields` know ranks and files; everything else takes and returns arrays.

Array names carry their axes: k points of a batch, n and m bands (or orbitals), v Cartesian component, R cells, e
energies, p pairs of components, g broadenings Γ, q points (μ, T). So `v_knvm[k, n, v, m] = <n|v_v|m>` at point k. ħ =
1: velocities are ħv in eV Å, torques in eV, energies in eV.
"""
