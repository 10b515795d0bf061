"""Where heat goes that is known as a sum, or as a flow."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray


def shared(heat: float, damping: RealArray, turning: RealArray) -> RealArray:
    """The heat (J/m^2) at the nodes (n,): where damping made it; else where M has turned; else everywhere alike."""
    for weight in (damping, turning):
        if (total := float(weight.sum())) > 0.0:
            return weight * (heat / total)
    return np.full(len(damping), heat / len(damping))


def converging(flow: RealArray) -> RealArray:
    """What a heat flow (cells,) at the nodes, J/m^2, brings to each of them; none goes through the ends."""
    faces = np.concatenate([[0.0], 0.5 * (flow[1:] + flow[:-1]), [0.0]])
    return np.asarray(-np.diff(faces))
