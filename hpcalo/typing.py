"""Types of the whole program: NumPy arrays by their element type, any number of axes, and what files hold.

The name of an array carries its axes (`E_kn`, `A_Rvnn`); the aliases say what its elements are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RealArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Array = NDArray[Any]
"""Of elements that only the file or the user knows: numbers, truth values or texts."""

Contents = dict[str, Any]
"""What a file holds by name: HDF5 attributes, JSON, a stored input. Whoever asks for a name knows its type."""
