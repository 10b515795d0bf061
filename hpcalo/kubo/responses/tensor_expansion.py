"""What expansions in powers of the direction of the magnetization share: the fit, its quantities, its panel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.kubo.expansion import powers
from hpcalo.kubo.expansion.fit import Fit, fitted
from hpcalo.kubo.expansion.forms import Kind, PointOperation
from hpcalo.kubo.expansion.operations import Known, point_group
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.responses.response import Axis, Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.tables import HIGHEST_ORDER
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDERS = range(1, HIGHEST_ORDER + 1)


@dataclass(frozen=True)
class Expanded:
    """A response to expand.

    parts: its values by parity in n̂, each (A, torque, second, …), the second index a torque in a symmetric tensor,
    else a polar direction.
    """

    kind: Kind
    parts: Mapping[int, RealArray]


class TensorExpansion(Response):
    """Tensors of the expansion (56) up to the order `kubo.expansion.order`, fitted to all directions of the run.

    X_ij(n̂) = Σ_k X^(1,0)_ijk n_k + Σ_kl X^(2,0)_ijkl n_k n_l + …
    Odd orders are those of the odd part, even ones of the even part. On the unit sphere an order contains all of its
    parity below it; here it is what is orthogonal to these, so that a higher order leaves the lower ones as they are.
    An order that the directions do not determine is left out. The residual is what orders up to p leave of the part
    with the parity of p: the root mean square over directions and elements, as a fraction of that of the part; NaN
    where the directions tell no more than the coefficients of these orders, which says nothing.
    """

    of: ClassVar[str]
    """Name of what is expanded; its tensors are OF_order_p."""

    @abstractmethod
    def expanded(self, run: RunSums) -> Expanded:
        """What to expand, the indices of `dims` behind the first three axes."""

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        order = run.settings.expansion.order
        given = self.expanded(run)
        out: dict[str, RealArray] = {}
        left = np.full((HIGHEST_ORDER, *next(iter(given.parts.values())).shape[3:]), np.nan)
        for parity, values in given.parts.items():
            fit = fit_of(run, given, parity, order)
            for p, tensor in fit.tensors(fit.coefficients(values)).items():
                out[f"{self.of}_order_{p}"] = tensor
                if fit.tested(p):
                    left[p - 1] = fit.residual(values, p)
        out[f"{self.of}_residual"] = left[:order]
        return out


def fit_of(run: RunSums, given: Expanded, parity: int, order: int) -> Fit:
    """The fit for one parity of a response of this run; made once for each kind of tensor."""
    group = run.cached("point_group", lambda: _group(run, given))
    name = f"fit:{given.kind}:{parity}:{order}"
    return run.cached(name, lambda: fitted(given.kind, parity, order, run.n_hat, group))


def _group(run: RunSums, given: Expanded) -> list[PointOperation]:
    known = [Known(given.kind, parity, values) for parity, values in given.parts.items()]
    return point_group(run.crystal, run.n_hat, [k for k in known if np.isfinite(k.values).all()])


def tensors(of: str, what: str, second: str, dims: tuple[str, ...], unit: str) -> tuple[Quantity, ...]:
    """The quantities of an expansion: dims of a tensor are torque, `second`, the indices of n̂ and `dims`."""
    sign = "X_ij(n) = Σ_k X_ijk n_k + Σ_kl X_ijkl n_k n_l + …, each element counted once for every ordering of k, l, …"
    found = [
        Quantity(
            f"{of}_order_{p}",
            ("torque", second, f"indices_{p}", *dims),
            unit,
            f"tensor of order {p} of the {what} in powers of the direction of the magnetization",
            "(56)",
            sign,
            1 if p % 2 == 0 else -1,
            nan_ok=True,
            optional=True,
            aside=True,
        )
        for p in ORDERS
    ]
    words = f"what orders up to this one leave of the {what} of the same parity"
    residual = Quantity(f"{of}_residual", ("order", *dims), "1", words, "(56)", nan_ok=True, aside=True)
    return (*found, residual)


AXES = (
    Axis("order", lambda run: np.arange(1, run.settings.expansion.order + 1), "order in n̂"),
    *(Axis(f"indices_{p}", partial(lambda order, _: powers.labels(order), p), "indices of n̂") for p in ORDERS),
)


def residual_panel(of: str, what: str, along: str) -> Panel:
    """The panel of what the orders up to each one leave of a tensor. of, what: as in `tensors`."""
    name, label = f"{of}_residual", AxisLabel(f"residual of the {what}", "", "relative")

    def draw(axis: Axes, results: Sequence[Result]) -> None:
        draw_curves(axis, results, name, along, label)
        axis.set_ylim(0.0, None)

    return Panel((name,), draw, "detail")
