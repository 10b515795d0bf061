"""The peer's half of bench_fe.py, run by WannierBerri's own interpreter: AHC of bcc Fe, CPU seconds and the curve.

Arguments: tb file, divisions along each axis, Fermi energies, internal (0 or 1), file for the curve.
"""

import contextlib
import io
import sys
import time
from pathlib import Path

import numpy as np
import wannierberri as wb
from wannierberri.calculators import static
from wannierberri.system import System_R
from wannierberri.system.system_tb import get_system_tb

tb_file, divisions, points, internal, target = (
    sys.argv[1],
    int(sys.argv[2]),
    int(sys.argv[3]),
    int(sys.argv[4]),
    sys.argv[5],
)
with contextlib.redirect_stdout(io.StringIO()):
    system = get_system_tb(tb_file=tb_file, berry=True, periodic=(True, True, True))
    assert isinstance(system, System_R)
    energies = 12.6312 + np.linspace(-1.0, 1.0, points)
    options = {"kwargs_formula": {"external_terms": False}} if internal else {}
    best = None
    for fft in (6, 8, 12):  # the fastest of its own choices of grid factorization
        grid = wb.Grid(system, NKdiv=divisions // fft, NKFFT=fft, use_symmetry=False)
        calculators = {"ahc": static.AHC(Efermi=energies, tetra=False, **options)}
        begin = time.process_time()
        result = wb.run(
            system,
            grid=grid,
            calculators=calculators,
            use_irred_kpt=False,
            symmetrize=False,
            parallel=False,
            fout_name=str(Path(target).with_suffix("")),
            print_progress_step_time=1e9,
        )
        spent = time.process_time() - begin
        if best is None or spent < best[0]:
            best = (spent, fft, result.results["ahc"].data[:, 2] / 100.0)
np.save(target, best[2])
print(best[0], best[1])
