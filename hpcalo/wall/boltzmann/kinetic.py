"""The linearized spinor Boltzmann operator on one rank's nodes (docs/theory/wall.md), arrays in, arrays out.

The unknown is the deviation from local equilibrium, split by parity in p: e (even, on nodes) and o (odd, on faces),
each of shape [x, component F Gx Gy Gz, p > 0], in 1/(nm^3 eV fs/nm). With a = 1/tau + shift and b = J/hbar

    odd,  face:  v d_x e + (J/2) M'.d_p e - b M x o + a o = S
    even, node:  v d_x o + (J/2) M'.d_p o - b M x e + a e - gain(dn, dm) = R

gain = (1/tau)(h dn + d M.dm, d dn M + h dm) - (1/tau_sf)(0, h dm),  h, d = (w_up +- w_down)/2.
`shift` is 0 for the steady state and the shift of TS, of order 1/dt, in implicit time steps. The sources of both drives
(E and kappa) are separate.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.boltzmann.equilibrium import Carriers
from hpcalo.wall.kernels import _wall


def between_nodes(m_ghost: RealArray) -> RealArray:
    """mean/|mean|^2 of the M (n + 2, 3) on either side of the faces, (n + 1, 3): along it a drive acts.

    Its product with M of either node is 1, so that the spin current that it drives brings no spin along M into a node
    where M turns faster on one side. With mean/|mean| it would, and the accumulation along M, which decays slowly and
    is small, would be wrong by several times its size.
    """
    mean = 0.5 * (m_ghost[:-1] + m_ghost[1:])
    return np.asarray(mean / np.einsum("ic,ic->i", mean, mean)[:, None])


class Kinetic:
    """Coefficients on `n` nodes and `n + 1` faces; call `set_magnetization` before the operator is used.

    t_nodes, t_faces: background temperature (K). force: the (J/2) M'.d_p term on the deviation. gradient_source:
    lambda, the weight of the O(J^3) equilibrium source (0: equilibrium has exactly no torque).
    """

    def __init__(
        self,
        carriers: Carriers,
        p: RealArray,
        dx: float,
        t_nodes: RealArray,
        t_faces: RealArray,
        *,
        force: bool = True,
        gradient_source: float = 0.0,
    ) -> None:
        self.carriers = carriers
        self.p = p
        self.dp = float(p[1] - p[0])
        self.dx = dx
        self.v = np.ascontiguousarray(p / carriers.mass)
        self.n = t_nodes.shape[0]
        self.half_j = 0.5 * carriers.exchange if force else 0.0
        self.gradient_source = gradient_source
        self.set_temperature(t_nodes, t_faces)
        self.m_ghost, self.m = np.zeros((self.n + 2, 3)), np.zeros((self.n, 3))
        self.mf = np.zeros((self.n + 1, 3))
        self.m_mean, self.m_source = np.zeros((self.n + 1, 3)), np.zeros((self.n + 1, 3))
        self.dm_dx = np.zeros((self.n + 1, 3))

    def set_temperature(self, t_nodes: RealArray, t_faces: RealArray) -> None:
        """Takes T (K) on the nodes (n,) and faces (n + 1,): collisions relax towards it, drives act on it."""
        carriers, p = self.carriers, self.p
        w = eq.weights(carriers, p, t_nodes)
        self.h = np.ascontiguousarray((w[0] + w[1]) / 2.0)
        self.hd = np.ascontiguousarray((w[0] - w[1]) / 2.0)
        d_p = eq.occupation_momentum(carriers, p, t_faces)
        d_t = eq.occupation_temperature(carriers, p, t_faces)
        number = eq.occupation(carriers, p, t_faces)
        self.source_e = np.stack([d_p.mean(axis=0), (d_p[0] - d_p[1]) / 2.0])
        self.source_k = -self.v * np.stack([d_t.mean(axis=0), (d_t[0] - d_t[1]) / 2.0])
        self.source_g = -(self.v * (number[0] - number[1]) / 2.0 + 0.5 * carriers.exchange * d_p.mean(axis=0))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, 4, points): the shape of e."""
        return (self.n, 4, self.p.size)

    def set_magnetization(self, m_ghost: RealArray) -> None:
        """Takes M (n + 2, 3) with ghosts; faces get what follows from the M of their two nodes.

        That is the mean, its direction, and the difference quotient dM/dx, which is orthogonal to both. A drive acts
        along `m_source`.
        """
        mean = 0.5 * (m_ghost[:-1] + m_ghost[1:])
        square = np.einsum("ic,ic->i", mean, mean)[:, None]
        self.m_ghost = np.array(m_ghost)
        self.m = np.ascontiguousarray(m_ghost[1:-1])
        self.m_mean, self.m_source = mean, between_nodes(m_ghost)
        self.mf = np.ascontiguousarray(mean / np.sqrt(square))
        self.dm_dx = np.ascontiguousarray((m_ghost[1:] - m_ghost[:-1]) / self.dx)

    def medium(self, shift: float = 0.0, *, gain: bool = True) -> _wall.Medium:
        """The terms of the equation for the present M, as the kernels take them, with a = 1/tau + shift."""
        c = self.carriers
        return _wall.Medium(
            v=self.v, h=self.h, hd=self.hd, m=self.m, mf=self.mf, dm_dx=self.dm_dx, dx=self.dx, dp=self.dp,
            a=1.0 / c.tau + shift, b=c.precession, half_j=self.half_j,
            inverse_tau=1.0 / c.tau if gain else 0.0, inverse_tau_sf=1.0 / c.tau_sf if gain else 0.0,
        )  # fmt: skip

    def source(self, field: float, gradient: float, out: RealArray | None = None) -> RealArray:
        """Odd source on the faces, (n + 1, 4, points), for E = `field` (V/nm) and kappa = `gradient` (K/nm).

        It is written into `out` if given.
        """
        s = field * self.source_e + gradient * self.source_k
        out = np.empty((self.n + 1, 4, self.p.size)) if out is None else out
        out[:, 0] = s[0]
        np.multiply(s[1][:, None, :], self.m_source[:, :, None], out=out[:, 1:])
        return out

    def equilibrium_source(self) -> RealArray:
        """lambda times the M' source of local equilibrium, shape (n + 1, 4, points); independent of the drives."""
        out = np.zeros((self.n + 1, 4, self.p.size))
        out[:, 1:] = self.gradient_source * self.source_g[:, None, :] * self.dm_dx[:, :, None]
        return out

    def odd(
        self, e_ghost: RealArray, source: RealArray | None, shift: float = 0.0, out: RealArray | None = None
    ) -> RealArray:
        """o on the faces from the stationary odd equation with a = 1/tau + shift."""
        out = np.empty((self.n + 1, 4, self.p.size)) if out is None else out
        self.odd_between(e_ghost[1:-1], e_ghost[[0, -1]], source, shift, out=out)
        return out

    def odd_between(
        self,
        e: RealArray,
        ends: RealArray,
        source: RealArray | None,
        shift: float,
        added: RealArray | None = None,
        *,
        out: RealArray | None = None,
        flux: RealArray | None = None,
        moments: RealArray | None = None,
    ) -> None:
        """As `odd`, with e on the own nodes (n, 4, points) and beyond them (2, 4, points) apart.

        added: (n, 4), moments of a distribution that is first added to the own e, in place. out: receives o if given.
        flux (n + 1, 4) and moments (n, 4), both or none: receive the flux of o and the moments of e.
        """
        _wall.odd_steady(self.medium(shift), e, ends, q=added, source=source, o=out, flux=flux, moments=moments)

    def even_rhs(self, source: RealArray, shift: float, out: RealArray) -> RealArray:
        """Right-hand side of the even equation (n, 4, points) for an odd source on the faces (n + 1, 4, points).

        It is written into `out`; returned is its squared norm by node, (n, 1).
        """
        squares = np.empty((self.n, 1))
        _wall.even_rhs(self.medium(shift), source, out, squares)
        return squares

    def odd_rate(self, e_ghost: RealArray, o: RealArray, source: RealArray | None) -> RealArray:
        """d_t o on the faces, shape as o."""
        out = np.empty_like(o)
        _wall.odd_rate(self.medium(), e_ghost, o, source, out)
        return out

    def balance(
        self, e: RealArray, o: RealArray, shift: float = 0.0, gain: bool = True, out: RealArray | None = None
    ) -> RealArray:
        """Left side of the even equation on the nodes; -balance is d_t e (shift 0)."""
        out = np.empty(self.shape) if out is None else out
        _wall.even_balance(self.medium(shift, gain=gain), e, o, out)
        return out

    def apply(
        self,
        e: RealArray,
        ends: RealArray,
        shift: float = 0.0,
        out: RealArray | None = None,
        added: RealArray | None = None,
        *,
        other: RealArray | None = None,
        sign: float = 1.0,
        basis: RealArray | None = None,
        dots: RealArray | None = None,
        sums: RealArray | None = None,
    ) -> None:
        """The operator of the even system after o is eliminated: A e, or sign (A e - other), in one pass.

        ends: (2, 4, points), e beyond the first and the last own node. added: (n, 4), moments of a distribution that is
        added to e on the fly, as by `prolong` (`ends` must contain its part already). The result goes where asked for:
        out (n, 4, points); dots (n, 2 k + 1), each node's part of the dot products with the k vectors of `basis`
        (k, n, 4, points) and with itself, and of the last of `basis` with all of them; sums (n, 4), its moments.
        e, other, basis and out may all be in single precision if added and out are given.
        """
        _wall.even_apply(
            self.medium(shift), e, ends, q=added, other=other, sign=sign, basis=basis, out=out, dots=dots, sums=sums
        )

    def moments(self, e: RealArray) -> RealArray:
        """(dn, dm) = int over all p, shape (n, 4), 1/nm^3. The electron density is 2 dn."""
        q = np.empty((e.shape[0], 4))
        _wall.moments(np.ascontiguousarray(e), q, self.dp)
        return q

    def flux(self, o: RealArray) -> RealArray:
        """int v o over all p on the faces, shape (n + 1, 4), 1/(nm^2 fs): (particle flow / 2, j_s)."""
        out = np.empty(o.shape[:2])
        _wall.flux(np.ascontiguousarray(o), self.v, out, self.dp)
        return out

    def prolong(
        self, q: RealArray, base: RealArray | None = None, out: RealArray | None = None, rows: slice = slice(None)
    ) -> RealArray:
        """Distribution with moments q (n, 4) towards which collisions relax (n, 4, points), added to `base`.

        `out` may be `base`. `rows`: only these nodes, of every argument but `out`.
        """
        m, h, hd, q = self.m[rows], self.h[rows], self.hd[rows], np.ascontiguousarray(q[rows])
        out = np.empty((q.shape[0], *self.shape[1:])) if out is None else out
        _wall.prolong(None if base is None else np.asarray(base[rows], dtype=np.float64), q, m, h, hd, out, 1.0, 1.0)
        return out

    def prolonged_ends(self, q: RealArray, base: RealArray) -> tuple[RealArray, RealArray]:
        """As `prolong`, of the first and of the last own node alone, (4, points) each."""
        first, last = (self.prolong(q, base, rows=slice(i, i + 1))[0] for i in (0, self.n - 1))
        return first, last

    def weight_sums(self) -> RealArray:
        """Sums over all p of h, hd, v^2 h, v^2 hd, v d_p h, v d_p hd on each node, shape (n, 6)."""
        out = np.empty((self.n, 6))
        for i, w in enumerate((self.h, self.hd)):
            mirrored = np.concatenate([w[:, :1], w, w[:, -1:]], axis=1)  # even at p = 0 and at the cutoff
            slope = (mirrored[:, 2:] - mirrored[:, :-2]) / (2.0 * self.dp)
            for j, values in enumerate((w, self.v**2 * w, self.v * slope)):
                out[:, 2 * j + i] = 2.0 * self.dp * values.sum(axis=1)
        return out

    @property
    def gain_rates(self) -> tuple[float, float]:
        """Rates (1/fs) of the collision gain: of all carriers, and of dm, which also loses spin."""
        return 1.0 / self.carriers.tau, 1.0 / self.carriers.tau - 1.0 / self.carriers.tau_sf
