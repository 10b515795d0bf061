"""The project's own model file (HDF5): what the calculation needs of a Hamiltonian, checked when it is read.

Layout, version 1 (every dataset carries `units`, `axes` and, if only half of the cells is stored, `adjoint`)::

    /                attributes: format, version, kind (wannier | lcao), name, convention, created_by,
                     fermi_energy (eV, may be missing), electrons (may be missing), n_hat (wannier)
    /notes           texts: what is approximate
    /crystal/…       lattice (3, 3) Å, positions (atoms, 3) Å, symbols, moments (atoms,) µ_B (wannier
                     without fermi_energy: relative), sublattices (atoms,) if moments have several directions;
                     attributes: periodic, thickness (Å, may be missing)
    /R               (nR, 3) cells
    /stored          (nS,) numbers of the cells whose matrices are in the file; the others follow from
                     X(−R) = adjoint · X(R)†, adjoint = 1 or −1; a dataset with adjoint = 0 holds all nR cells
    wannier: /H (nS, N, N) eV, /centres (N, 3) Å, /A (nS, 3, N, N) Å, /spin (nS, 3, N, N), /up, /down (N/2,),
             /odd (only if it is not the time-reversal-odd part of H), /replicas/{R, source, cell, m, n}
    lcao:    /H_up, /H_down, /S (nS, N, N) real, /soc (3, nS, N, N) real, /tau (N, 3) Å, /r (3, nR, N, N), /orbitals;
             attribute n_hat; with exchange across the magnetization /canted (3, nS, N, N) real

Matrices are double precision and come back bit for bit (the position matrix of an LCAO model is single precision). No
pickles; chunks are compressed and carry checksums.
"""

from __future__ import annotations

from hpcalo.hamiltonian.modelfile.layout import FORMAT
from hpcalo.hamiltonian.modelfile.read import read_model
from hpcalo.hamiltonian.modelfile.write import write_model

__all__ = ["FORMAT", "read_model", "write_model"]
