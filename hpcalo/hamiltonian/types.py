"""The two kinds of Hamiltonian: a crystal, and matrices between the orbitals of cell 0 and those of cell R.

Array names carry their axes: R cells, n orbitals, v Cartesian component. `X_Rnn[R, m, n] = <0m|X|Rn>` and
`X(k) = Σ_R exp(2πi k·R) X(R)` with k in fractional coordinates. There are no phases of orbital positions: positions are
in the position matrix A, and velocities are ∂H + i[H, A] with as much of A as is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.typing import ComplexArray, IntArray, RealArray

HERMITICITY_TOLERANCE = 1e-4
"""eV; rounding to seven decimals and averaged replicas stay below it, damage does not."""


@dataclass(frozen=True)
class Crystal:
    """Lattice and atoms.

    lattice: (3, 3) Å, rows are lattice vectors. periodic: which of them repeat (a film: True, True, False).
    positions: (atoms, 3) Å Cartesian. symbols: chemical symbols. moments: (atoms,) signed size of each atom's moment
    along the magnetization, µ_B (used to find the magnetic point group; zeros where unknown). thickness: Å, of a film
    (its volume is area × thickness); None: the length of the lattice vectors that do not repeat. sublattices: the
    number of each atom's magnetic sublattice, 1, 2, …, 0 of none; empty: all moments have one direction.
    """

    lattice: RealArray
    periodic: tuple[bool, bool, bool]
    positions: RealArray
    symbols: tuple[str, ...]
    moments: RealArray
    thickness: float | None = None
    sublattices: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, shape in (
            ("lattice", (3, 3)),
            ("positions", (len(self.symbols), 3)),
            ("moments", (len(self.symbols),)),
        ):
            value = getattr(self, name)
            if value.shape != shape:
                raise ModelError(f"{name}: shape {value.shape}, expected {shape}")
            if not np.isfinite(value).all():
                raise ModelError(f"{name}: contains a number that is not finite")
        if self.sublattices and (len(self.sublattices) != len(self.symbols) or min(self.sublattices) < 0):
            raise ModelError(f"sublattices: expected {len(self.symbols)} numbers, one for each atom, none negative")
        if abs(np.linalg.det(self.lattice)) < 1e-6:
            raise ModelError("lattice: the three vectors do not span a volume")
        if self.thickness is not None and self.dimensions == 3:
            raise ModelError("thickness: the cell repeats in three directions, so its volume is known; leave it out")

    @property
    def dimensions(self) -> int:
        """Number of periodic directions."""
        return sum(self.periodic)

    @cached_property
    def directions(self) -> tuple[int, ...]:
        """Cartesian components along which the periodic lattice vectors reach."""
        reach = np.abs(self.lattice[list(self.periodic)]).max(axis=0, initial=0.0)
        return tuple(v for v in range(3) if reach[v] > 1e-9)

    @cached_property
    def volume(self) -> float:
        """Cell volume in Å³: of a film area × thickness, of a wire length × thickness²."""
        full = abs(float(np.linalg.det(self.lattice)))
        if self.thickness is None:
            return full
        return self.area * self.thickness ** (3 - self.dimensions)

    @cached_property
    def area(self) -> float:
        """Area of a film's cell in Å²; in general the measure of the periodic lattice vectors, Å to their number."""
        repeated = self.lattice[list(self.periodic)]
        return float(np.sqrt(np.linalg.det(repeated @ repeated.T)))


@dataclass(frozen=True)
class WannierModel:
    """Orthonormal spinor orbitals: Wannier90 output and the built-in closed-form models.

    R: (nR, 3) cells. H_Rnn: the Hamiltonian, eV, degeneracy weights and minimal-distance replicas already folded in.
    A_Rvnn: position matrix <0m|r_v|Rn>, Å, with the centres on the diagonal of R = 0; None: only the centres are known.
    centres: (N, 3) Å. up, down: (N/2,) orbital numbers so that up[i], down[i] share their spatial part (empty for
    spinless, and where spinor functions are no pairs). odd_Rnn: time-reversal-odd part of H (the exchange part), eV;
    None if there is no spin. spin_Rvnn: <0m|σ_v|Rn>; None: Pauli matrices on the pairs. external_Rvnn: what is known of
    states beyond the functions (`hpcalo.hamiltonian.external`), (nR, 9 or 12, N, N); None: nothing. external_source:
    where it is from. n_hat: direction of the majority MOMENT in the file. fermi_energy, electrons: None if unknown.
    notes: the approximations of this model, one line each; results repeat them.
    """

    crystal: Crystal
    R: IntArray
    H_Rnn: ComplexArray
    centres: RealArray
    A_Rvnn: ComplexArray | None = None
    up: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    down: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    odd_Rnn: ComplexArray | None = None
    spin_Rvnn: ComplexArray | None = None
    external_Rvnn: ComplexArray | None = None
    external_source: str = ""
    n_hat: RealArray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))
    fermi_energy: float | None = None
    electrons: float | None = None
    name: str = ""
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of orbitals N, spin included."""
        return self.H_Rnn.shape[1]

    @property
    def home(self) -> int:
        """Number of the cell R = 0."""
        return int(np.flatnonzero((self.R == 0).all(axis=1))[0])

    def __post_init__(self) -> None:
        N = self.H_Rnn.shape[-1]
        nR = len(self.R)
        check_shape("R", self.R, (nR, 3))
        check_shape("H", self.H_Rnn, (nR, N, N))
        check_shape("centres", self.centres, (N, 3))
        if self.A_Rvnn is not None:
            check_shape("position matrix", self.A_Rvnn, (nR, 3, N, N))
        if self.odd_Rnn is not None:
            check_shape("odd part of H", self.odd_Rnn, (nR, N, N))
            paired = 2 * len(self.up) == N and 2 * len(self.down) == N
            if not paired and (self.spin_Rvnn is None or len(self.up) or len(self.down)):
                raise ModelError(f"spin pairs: {len(self.up)} up and {len(self.down)} down orbitals do not make {N}")
        if self.spin_Rvnn is not None:
            check_shape("spin matrices", self.spin_Rvnn, (nR, 3, N, N))
        if self.external_Rvnn is not None:
            components = 12 if self.external_Rvnn.shape[1:2] == (12,) else 9
            check_shape("external matrices", self.external_Rvnn, (nR, components, N, N))
        check_hermitian("H", self.R, self.H_Rnn)
        check_unit(self.n_hat)

    def with_notes(self, *notes: str) -> WannierModel:
        """The same model with more notes."""
        return replace(self, notes=self.notes + notes)


@dataclass(frozen=True)
class LcaoModel:
    """Atomic orbitals with overlap, exchange given explicitly, spin-orbit coupling separate.

    Spinor matrices of dimension 2N (all spin up first): H = (H_up+H_dn)/2 ⊗ 1 + (H_up−H_dn)/2 ⊗ σ·ŝ + Σ_v i Hsoc_v ⊗
    σ_v with overlap S ⊗ 1 and ŝ = −n̂ (the majority spin is opposite to its moment). up_Rnn, down_Rnn, S_Rnn: (nR, N,
    N) real, eV; soc_vRnn: (3, nR, N, N) real, eV. r_vRnn: (3, nR, N, N) <0M|(r − R − τ_N)|RN> Å, or None. tau: (N, 3)
    Å orbital positions. canted_vRnn: (3, nR, N, N) real, eV, or None: the exchange across the magnetization, added as
    Σ_v canted_v ⊗ σ_v for a magnetization along n_hat; it rotates rigidly with the magnetization. Without it no
    direction n̂ is distinguished.
    """

    crystal: Crystal
    R: IntArray
    up_Rnn: RealArray
    down_Rnn: RealArray
    S_Rnn: RealArray
    soc_vRnn: RealArray
    tau: RealArray
    r_vRnn: NDArray[np.float32] | None = None
    canted_vRnn: RealArray | None = None
    n_hat: RealArray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))
    orbital_names: tuple[str, ...] = ()
    fermi_energy: float | None = None
    electrons: float | None = None
    name: str = ""
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Dimension of the spinor matrices, 2N."""
        return 2 * self.up_Rnn.shape[1]

    def __post_init__(self) -> None:
        nR, N = len(self.R), self.up_Rnn.shape[-1]
        check_shape("R", self.R, (nR, 3))
        for name in ("up_Rnn", "down_Rnn", "S_Rnn"):
            check_shape(name, getattr(self, name), (nR, N, N))
            check_hermitian(name, self.R, getattr(self, name))
        check_shape("soc_vRnn", self.soc_vRnn, (3, nR, N, N))
        for v, matrix in enumerate(self.soc_vRnn):
            check_hermitian(f"spin-orbit part {'xyz'[v]}", self.R, matrix, sign=-1.0)
        for v, matrix in enumerate(self.canted_vRnn if self.canted_vRnn is not None else ()):
            check_shape("canted_vRnn", matrix, (nR, N, N))
            check_hermitian(f"exchange across the magnetization, part {'xyz'[v]}", self.R, matrix)
        check_unit(self.n_hat)
        check_shape("tau", self.tau, (N, 3))
        if self.r_vRnn is not None:
            check_shape("r_vRnn", self.r_vRnn, (3, nR, N, N))

    def with_notes(self, *notes: str) -> LcaoModel:
        """The same model with more notes."""
        return replace(self, notes=self.notes + notes)


Model = WannierModel | LcaoModel


def check_shape(name: str, value: NDArray, shape: tuple[int, ...]) -> None:
    """Raises ModelError unless the array has this shape and only finite numbers."""
    if value.shape != shape:
        raise ModelError(f"{name}: shape {value.shape}, expected {shape}")
    if not np.isfinite(value).all():
        where = np.argwhere(~np.isfinite(value))[0]
        raise ModelError(f"{name}: element {tuple(int(i) for i in where)} is not finite")


def check_unit(n_hat: RealArray) -> None:
    """Raises ModelError unless n̂ is a unit vector."""
    if n_hat.shape != (3,) or abs(np.linalg.norm(n_hat) - 1.0) > 1e-9:
        raise ModelError(f"magnetization direction {n_hat}: not a unit vector of three components")


def check_hermitian(name: str, R: IntArray, X_Rnn: NDArray, sign: float = 1.0) -> None:
    """Raises ModelError unless X(−R) = sign · X(R)† for every R, naming the worst pair of orbitals."""
    index = {tuple(int(i) for i in r): i for i, r in enumerate(R)}
    if len(index) != len(R):
        raise ModelError(f"{name}: the list of cells R names one cell twice")
    worst, where = 0.0, ""
    for r, i in index.items():
        j = index.get((-r[0], -r[1], -r[2]))
        if j is None:
            size = float(np.abs(X_Rnn[i]).max(initial=0.0))
            if size > worst:
                worst, where = size, f"R = {r} has no partner −R"
            continue
        if j < i:
            continue
        gap = np.abs(X_Rnn[i] - sign * X_Rnn[j].conj().T)
        if gap.size and gap.max() > worst:
            m, n = np.unravel_index(int(gap.argmax()), gap.shape)
            worst, where = float(gap.max()), f"R = {r}, orbitals {int(m) + 1} and {int(n) + 1}"
    if worst > HERMITICITY_TOLERANCE:
        kind = "Hermitian" if sign > 0 else "anti-Hermitian"
        raise ModelError(f"{name}: not {kind}: differs by {worst:.3g} at {where} (allowed {HERMITICITY_TOLERANCE:g})")
