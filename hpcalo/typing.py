"""The array types of the whole program: NumPy arrays by their element type, any number of axes.

The name of an array carries its axes (`E_kn`, `A_Rvnn`); these aliases say what its elements are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RealArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
