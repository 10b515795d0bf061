"""The peer's half of bench_spin_hall.py, run by WannierBerri's own interpreter.

Arguments: tb file, npz file with cells, spin matrices and Fermi energies, divisions along each axis, external terms (0
or 1), file for the result (energy, current, field, spin) in ħ/e S/cm.
"""

import sys
from pathlib import Path

import numpy as np
import wannierberri as wb
from wannierberri.calculators import static
from wannierberri.system.system_tb import get_system_tb

tb_file, given, divisions, external, target = (
    sys.argv[1],
    np.load(sys.argv[2]),
    int(sys.argv[3]),
    sys.argv[4] == "1",
    sys.argv[5],
)
system = get_system_tb(tb_file=tb_file, berry=True, periodic=(True, True, True))
place = {tuple(R): i for i, R in enumerate(given["R"].tolist())}
order = [place[tuple(R)] for R in np.asarray(system.rvec.iRvec).tolist()]
system.set_R_mat("SS", given["spin"].transpose(0, 2, 3, 1)[order])
fft = next(n for n in (6, 5, 4, 3) if divisions % n == 0)
shc = static.SHC(
    Efermi=given["energies"],
    tetra=False,
    degen_thresh=1e-8,
    kwargs_formula={"spin_current_type": "simple", "external_terms": external},
)
result = wb.run(
    system,
    grid=wb.Grid(system, NKdiv=divisions // fft, NKFFT=fft, use_symmetry=False),
    calculators={"shc": shc},
    use_irred_kpt=False,
    symmetrize=False,
    parallel=False,
    fout_name=str(Path(target).with_suffix("")),
    print_progress_step_time=1e9,
)
np.save(target, result.results["shc"].data / 100.0)
