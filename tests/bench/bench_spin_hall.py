"""Spin Hall conductivity against WannierBerri 26.10: python tests/bench/bench_spin_hall.py [divisions]

bcc Fe and FeTe, all 27 components against 41 Fermi energies on one Γ-centred mesh without symmetry: the intrinsic part
of `spin_conductivity`, as a run gives it, and the peer's SHC with spin_current_type="simple" for the same H(R), r(R)
and σ(R). Once with the position matrix, once without it (external_terms=False). Prints the largest difference over the
largest value; exits with 1 above 1e-6. WannierBerri has an environment of its own (see bench_fe.py).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench_fe import SHARED, peer_python

import hpcalo
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import RealArray

LIMIT = 1e-6
ENERGIES = np.linspace(-0.5, 0.5, 41)
CRYSTALS = {"Fe": (SHARED / "data" / "fe" / "Fe", 12.6312), "FeTe": (SHARED / "data" / "fete" / "FeTe", 6.4264)}


def ours(model: WannierModel, divisions: int) -> RealArray:
    """σ^a_ij as (energy, i, j, a), ħ/e S/cm."""
    settings = {
        "quantities": ["spin_conductivity"],
        "gamma": ["50 meV"],
        "energies": {"minimum": ENERGIES[0], "maximum": ENERGIES[-1], "points": len(ENERGIES)},
        "k": {"grid": [divisions] * 3, "shift": [0.0, 0.0, 0.0], "symmetry": "off"},
    }
    result = hpcalo.api.run({"kubo": settings}, model=model)
    return np.asarray(result.spin_conductivity_intrinsic.transpose("n_hat", "energy", "current", "field", "spin"))[0]


def theirs(seed: Path, model: WannierModel, divisions: int, *, positions: bool) -> RealArray:
    """The same of WannierBerri."""
    assert model.fermi_energy is not None
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        given, target = Path(folder) / "spin.npz", Path(folder) / "peer.npy"
        np.savez(given, R=model.R, spin=model.spin_Rvnn, energies=model.fermi_energy + ENERGIES)
        arguments = [f"{seed}_tb.dat", given, divisions, int(positions), target]
        command = [str(x) for x in (peer_python(), Path(__file__).with_name("peer_spin_hall.py"), *arguments)]
        subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True)
        return np.asarray(np.load(target))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("divisions", type=int, nargs="?", default=12)
    divisions = parser.parse_args().divisions
    worst = 0.0
    for name, (seed, fermi_energy) in CRYSTALS.items():
        full = read_wannier90(seed, WannierOptions(fermi_energy=fermi_energy, spin="files", replicas=False))
        for positions in (True, False):
            model = full if positions else replace(full, A_Rvnn=None)
            a, b = ours(model, divisions), theirs(seed, full, divisions, positions=positions)
            gap = float(np.abs(a - b).max() / np.abs(b).max())
            worst = max(worst, gap)
            what = "with position matrix" if positions else "internal terms only"
            print(f"{name}, {divisions}^3, {what}: largest {np.abs(b).max():.4g} ħ/e S/cm, difference {gap:.1e} of it")
    sys.exit(worst > LIMIT)


if __name__ == "__main__":
    main()
