"""Input of the wall engine: spinor Boltzmann equation (SBE) coupled to the Landau-Lifshitz-Gilbert equation (LLG).

One table per concern; every number carries its unit. What is non-physical in a single value is refused here, what
depends on several values (mesh against mean free path, wall against wire) in `hpcalo.wall.validity`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, field_validator, model_validator

from hpcalo.config.common import Execution
from hpcalo.config.fields import MagneticField, Section, Unit
from hpcalo.wall.electronic_structure import ElectronicStructure

Positive = Field(gt=0)
Vector = tuple[float, float, float]


def _tuple(value: Any) -> Any:
    return (
        tuple(float(x) if isinstance(x, int) and not isinstance(x, bool) else x for x in value)
        if isinstance(value, list)
        else value
    )


class WallSection(Section):
    """What is calculated, with which model."""

    model: Literal["consistent", "paper"] = Field(
        default="consistent",
        description="consistent: conserving moment-convention model; paper: PRB 106, 054432 as published",
    )
    mode: Literal["quasi-static", "time-dependent", "steady"] = Field(
        default="quasi-static",
        description="quasi-static: steady SBE for each magnetization, LLG in time; time-dependent: SBE and LLG "
        "stepped together; steady: torques on the initial magnetization only",
    )
    title: str = Field(default="", description="title of the run, kept in the result")
    continue_from: str | None = Field(
        default=None,
        min_length=1,
        description="result file, relative to the input file's folder, whose last written state the run starts from "
        "(same wire, momentum mesh and mode)",
    )


class Electrons(Section):
    """Conduction electrons: two parabolic bands split by J_ex along the magnetization, relaxation-time collisions."""

    fermi_energy: Annotated[float, Unit("eV"), Positive] = Field(
        default=0.14, description="chemical potential above the mean of both band bottoms"
    )
    exchange_splitting: Annotated[float, Unit("eV"), Field(ge=0)] = Field(
        default=0.106, description="J_ex: distance of the two bands"
    )
    mass: Annotated[float, Unit("1"), Field(gt=0, description="effective mass / electron mass")] = 1.0
    relaxation_time: Annotated[float, Unit("fs"), Positive] = Field(
        default=1.0, description="tau: momentum relaxation of charge and spin"
    )
    spin_flip_time: Annotated[float, Unit("fs"), Positive] = Field(
        default=1000.0, description="tau_sf: decay of the spin accumulation"
    )
    conductivity: Annotated[float, Unit("S/m"), Positive] | None = Field(
        default=None,
        description="if given, the carrier density is multiplied (equal bands) until the bulk conductivity is this",
    )
    g_factor: Annotated[float, Unit("1"), Positive] = Field(default=2.0, description="g of the moments in g mu_B")
    spin_torque: bool = Field(
        default=True,
        description="spin-transfer torque of the conduction electrons on M; false: their equation is not solved and M "
        "moves under fields and spin-orbit torques alone",
    )
    force: bool = Field(default=True, description="spin-dependent force (J/2) M'.d_p on the deviation from equilibrium")
    gradient_source: Annotated[
        float, Unit("1"), Field(ge=0, le=1, description="lambda: weight of the O(J^3) equilibrium gradient source")
    ] = 0.0


class Momentum(Section):
    """Momentum mesh: cells centred at (j + 1/2) dp for 0 < p < cutoff; both signs of p by parity."""

    points: int = Field(default=24, ge=4, le=4096, description="cells for p > 0")
    cutoff: Annotated[float, Unit("1"), Field(gt=1, le=1e6, description="largest momentum / Fermi momentum")] = 1.8


class ThermalLaw(Section):
    """Temperature dependence: m(T) = 1 - (T/T_C)^(3/2); M_s = M_s0 m, A = A0 m^a, K = K0 m^k (0: constant)."""

    curie_temperature: Annotated[float, Unit("K"), Positive] = Field(default=850.0, description="T_C")
    stiffness_exponent: Annotated[float, Unit("1"), Field(ge=0)] = Field(default=1.8, description="a of A = A0 m^a")
    anisotropy_exponent: Annotated[float, Unit("1"), Field(ge=0)] = Field(default=3.0, description="k of K = K0 m^k")


class Magnet(Section):
    """Ferromagnet: easy axis z, hard axis y, wire along x. Energy density A|M'|^2 - K M_z^2 + K_hard M_y^2 + ..."""

    saturation_magnetization: Annotated[float, Unit("A/m"), Positive] = Field(default=8e5, description="M_s")
    exchange_stiffness: Annotated[float, Unit("J/m"), Positive] = Field(
        default=1.3e-11, description="A of the energy density A |M'|^2"
    )
    anisotropy: Annotated[float, Unit("J/m^3"), Field(ge=0, description="uniaxial, easy axis z")] = 5.2e5
    hard_anisotropy: Annotated[float, Unit("J/m^3"), Field(ge=0, description="hard axis y")] = 0.0
    demagnetization: Vector = Field(
        default=(0.0, 0.0, 0.0), description="local factors N_x, N_y, N_z; H_d = -N_i M_s M_i"
    )
    interfacial_dmi: Annotated[float, Unit("J/m^2")] = Field(default=0.0, description="D of D (M_z M_x' - M_x M_z')")
    bulk_dmi: Annotated[float, Unit("J/m^2")] = Field(default=0.0, description="D of D M.(curl M)")
    damping: Annotated[float, Unit("1"), Field(ge=0)] = Field(default=0.2, description="Gilbert alpha")
    gyromagnetic_ratio: Annotated[float, Unit("m/A/s"), Positive] = Field(
        default=2.21e5, description="gamma in dM/dt = -gamma M x H, H in A/m"
    )
    thermal: ThermalLaw | None = Field(default=None, description="temperature dependence of M_s, A, K (default: none)")

    _lists = field_validator("demagnetization", mode="before")(_tuple)

    @model_validator(mode="after")
    def _factors(self) -> Magnet:
        if any(n < 0 for n in self.demagnetization) or sum(self.demagnetization) > 1 + 1e-12:
            raise ValueError("demagnetization: factors must be >= 0 and their sum <= 1")
        return self


class Wire(Section):
    """The x mesh: `cells` nodes of equal spacing; equilibrium reservoirs one spacing beyond both ends."""

    length: Annotated[float, Unit("nm"), Positive] = Field(
        default=100.0, description="distance of the first and the last node"
    )
    cells: int = Field(default=401, ge=3, le=10_000_000, description="number of nodes")
    follow: bool = Field(default=False, description="co-moving window: keep the wall at the centre by whole cells")


class Texture(Section):
    """Magnetization at the start."""

    kind: Literal["wall", "uniform", "half-circle", "spiral"] = Field(
        default="wall",
        description="wall: tanh profile from +z (left) to -z; half-circle: (cos th, 0, sin th), th = pi/2 - pi s over "
        "`width` at the centre; spiral: uniform rotation about x; uniform: `direction`",
    )
    width: Annotated[float, Unit("nm"), Positive] | None = Field(
        default=None, description="wall parameter D (default sqrt(A/K)); half-circle: full width; spiral: period"
    )
    centre: Annotated[float, Unit("nm")] | None = Field(default=None, description="default: the middle of the wire")
    angle: Annotated[float, Unit("degree")] = Field(default=0.0, description="in-wall angle from x towards y")
    direction: Vector = Field(default=(0.0, 0.0, 1.0), description="of a uniform magnetization; normalized")
    relax: bool = Field(
        default=False,
        description="relax the profile without drive and field before the run: it then does not ring at the start (a "
        "tanh wall is off by (spacing/D)^2), but its width and angle are those of rest and not the given ones",
    )

    _lists = field_validator("direction", mode="before")(_tuple)

    @model_validator(mode="after")
    def _nonzero(self) -> Texture:
        if not any(self.direction):
            raise ValueError("direction: must not be the zero vector")
        return self


Strength = Annotated[float, MagneticField()]


class Zeeman(Section):
    """A magnetic field H(x, t) = field cos(2 pi frequency t + phase) exp(-(x - centre)^2 / (2 width^2))
    exp(-(t - pulse_centre)^2 / (2 pulse_width^2))."""

    field: tuple[Strength, Strength, Strength] = Field(description="amplitude; a text may give it in tesla: '20 mT'")
    frequency: Annotated[float, Unit("GHz"), Field(ge=0)] = Field(default=0.0, description="0: constant field")
    phase: Annotated[float, Unit("degree")] = Field(default=0.0, description="at t = 0")
    centre: Annotated[float, Unit("nm")] = Field(default=0.0, description="of the envelope")
    width: Annotated[float, Unit("nm"), Positive] | None = Field(default=None, description="default: uniform")
    pulse_centre: Annotated[float, Unit("ns")] = Field(default=0.0, description="time at which a pulse is largest")
    pulse_width: Annotated[float, Unit("ns"), Positive] | None = Field(
        default=None, description="standard deviation of a pulse in time; default: always on"
    )

    _lists = field_validator("field", mode="before")(_tuple)

    @model_validator(mode="after")
    def _pulse(self) -> Zeeman:
        if self.pulse_width is None and self.pulse_centre != 0.0:
            raise ValueError("pulse_centre: is that of a pulse; give pulse_width, too")
        return self


class Drive(Section):
    """Temperature and its gradient, the electrical circuit, magnetic fields."""

    temperature: Annotated[float, Unit("K"), Positive] = Field(default=100.0, description="T in the middle of the wire")
    gradient: Annotated[float, Unit("K/nm")] = Field(default=0.0, description="kappa: T(x) = temperature + kappa x")
    profile: Literal["uniform", "ramp"] = Field(
        default="uniform",
        description="temperature of the equilibrium that is perturbed: uniform (linear response) or the ramp itself",
    )
    ramp_length: Annotated[float, Unit("nm"), Positive] | None = Field(
        default=None,
        description="ramp: T(x) varies only over this length about the wire's middle (default: the whole wire)",
    )
    circuit: Literal["field", "current", "open"] = Field(
        default="field", description="field: E given; current: charge current given; open: no charge current"
    )
    electric_field: Annotated[float, Unit("V/m")] = Field(
        default=0.0, description="E along x, for circuit = 'field'; negative: electrons are pushed to +x"
    )
    current_density: Annotated[float, Unit("A/m^2")] = Field(
        default=0.0, description="charge current along x, for circuit = 'current'"
    )
    zeeman: tuple[Zeeman, ...] = Field(default=(), description="applied magnetic fields, added")

    @field_validator("zeeman", mode="before")
    @classmethod
    def _table_list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _circuit(self) -> Drive:
        if self.circuit != "field" and self.electric_field != 0.0:
            raise ValueError(f"electric_field: the circuit '{self.circuit}' determines the field; leave it out")
        if self.circuit != "current" and self.current_density != 0.0:
            raise ValueError(f"current_density: needs circuit = 'current', not '{self.circuit}'")
        return self


MOST_FRAMES = 1_000_000


class Time(Section):
    """Time integration. PETSc's own options `-hpcalo_wall_ts_...` are honoured on top of these."""

    end: Annotated[float, Unit("ns"), Positive] = Field(default=1.0, description="simulated time")
    output_every: Annotated[float, Unit("ns"), Positive] = Field(
        default=0.05, description="distance of the output times, which are hit exactly"
    )
    integrator: Literal["rk", "bdf", "arkimex", "rosw", "cn"] = Field(
        default="rk", description="rk: adaptive Dormand-Prince (quasi-static); arkimex, bdf, rosw: implicit"
    )
    tolerance: Annotated[float, Unit("1"), Field(ge=1e-14, lt=0.1)] = Field(
        default=1e-10,
        description="relative and absolute tolerance of the step-size control; without it 1e-10 for rk, whose steps "
        "stability limits anyway, and 1e-7 for the others",
    )
    first_step: Annotated[float, Unit("fs"), Positive] = Field(
        default=10.0, description="first step, or every step with fixed_step"
    )
    fixed_step: bool = Field(default=False, description="no step-size control: `first_step` throughout")
    refresh: Literal["stage", "step", "interval"] = Field(
        default="interval", description="when the quasi-static spin accumulation is solved again"
    )
    refresh_interval: Annotated[float, Unit("fs"), Positive] = Field(
        default=1000.0, description="for refresh = 'interval'"
    )
    refresh_angle: Annotated[float, Unit("1"), Positive] = Field(
        default=0.01, description="solve again, too, once any spin has turned by this (radian)"
    )

    @model_validator(mode="before")
    @classmethod
    def _tolerance(cls, data: Any) -> Any:
        if isinstance(data, dict) and "tolerance" not in data and data.get("integrator", "rk") != "rk":
            return {**data, "tolerance": 1e-7}
        return data

    @model_validator(mode="after")
    def _frames(self) -> Time:
        if self.end / self.output_every > MOST_FRAMES:
            raise ValueError(
                f"output_every: {self.output_every:g} ns in {self.end:g} ns are {self.end / self.output_every:.3g} "
                f"output times; {MOST_FRAMES:,} are allowed"
            )
        return self


class Solver(Section):
    """Steady SBE. PETSc's own options come on top: [solver.petsc] here, or `-hpcalo_wall_...` in PETSC_OPTIONS."""

    method: Literal["krylov", "direct"] = Field(
        default="krylov",
        description="krylov: FGMRES with sweep and spin diffusion; direct: LU of the assembled matrix (MUMPS)",
    )
    tolerance: Annotated[float, Unit("1"), Field(ge=1e-14, lt=1e-2)] = Field(
        default=1e-10, description="relative residual of the Krylov solver"
    )
    iterations: int = Field(default=1000, ge=1, description="Krylov iterations after which the solve has failed")
    accelerate: bool = Field(
        default=True, description="spin-diffusion (DSA) preconditioner; off only to measure its use"
    )
    petsc: dict[str, bool | int | float | str] = Field(
        default={}, description="PETSc options without the prefix hpcalo_wall_: ts_rk_type = '3bs'"
    )


class Paper(Section):
    """Free choices of the published procedure (model = 'paper'). The defaults are the printed ones, taken together;
    what the default model has instead of each, and which go together: docs/theory/wall-published.md.
    """

    convention: Literal["printed", "moment", "spin"] = Field(
        default="printed",
        description="what G is, and with it the signs of u_x, g0 and the torque. printed: the paper's mixture, u_x and "
        "g0 of the electron spin with energy +(J/2) M.sigma, the torque of the moment; moment: energy -(J/2) M.sigma "
        "throughout, so that u_x = -velocity and g0 > 0; spin: the same physics as moment with G the electron spin",
    )
    window: tuple[float, float] = Field(default=(0.9, 1.1), description="momentum window / Fermi momentum")
    equilibrium: Literal["cosM", "M", "+gM", "-gM", "+gz", "-gz"] = Field(
        default="cosM",
        description="<G>: cosM: cos(J x / hbar v) M; M (both -M for convention = 'spin'); +-gM: +-g0 M; +-gz: +-g0 z, "
        "with g0 half the difference of the convention's two bands, negative for printed and spin",
    )
    velocity: Annotated[float, Unit("m/s")] = Field(
        default=1.93e5, description="u_x as printed, (dJ/dp)/2; 0 for a constant J"
    )
    force: bool = Field(
        default=False,
        description="the force of the band energy's change along the wall, -(J/2) M'.d_p G in (5) and -(J/2) M' d_p F "
        "in (6), with the sign of the convention; J grows with p as u_x demands and is J_ex at the Fermi momentum",
    )
    gradient_source: Annotated[
        float,
        Unit("1"),
        Field(
            ge=0,
            le=1,
            description="lambda: weight of what the equilibrium's turn along the wall drives; 1 as printed, 0 as in "
            "the default model",
        ),
    ] = 1.0
    collision: Literal["paper", "bgk3d"] = Field(
        default="paper",
        description="paper: Eq. (4), F relaxes to <F> in tau and G to <G> in tau_sf; bgk3d: those of the default "
        "model, which keep charge and spin, for distributions integrated over p_perp (with <G> = +-g0 M or +-g0 z)",
    )
    torque: Literal["m", "divergence", "centred"] = Field(
        default="m",
        description="m: from M x m; divergence: from Eq. (17) with the differences of the kinetic equation itself, the "
        "same to round-off; centred: from Eq. (17) with central differences of j_s and M",
    )
    torque_sign: Literal[-1, 1] = Field(
        default=-1, description="sign of (J/hbar) M x m in the LLG, m the moment's; -1 as in Eq. (26)"
    )
    normalization: Annotated[float, Unit("1"), Positive] | None = Field(
        default=None,
        description="C: magnetization per unit of m; default g mu_B n(3D)/(2 M_s), for collision = 'bgk3d' g mu_B/M_s",
    )
    effective_field: Literal["cM0", "full"] = Field(
        default="cM0",
        description="H of the LLG: cM0: c M(x, 0) as published; full: exchange, anisotropies, demagnetization, DMI and "
        "applied fields of [magnet] and drive.zeeman on the box with free ends, stepped implicitly",
    )
    field: Annotated[
        float, Unit("1"), Field(ge=0, description="c of effective_field = 'cM0', in units of (J/hbar) C max|m|")
    ] = 0.0
    alpha_form: Literal["unit", "literal"] = Field(
        default="unit", description="unit: Gilbert damping alpha M x dM/dt; literal: alpha / M_s with M_s in A/m"
    )
    cells: int = Field(default=101, ge=5, description="nodes of the box")
    points: int = Field(default=24, ge=2, description="momenta of the window")
    step: Annotated[float, Unit("1"), Positive] = Field(default=0.25, description="in hbar / (J C max|m|)")
    steps: int = Field(default=80, ge=1, description="time steps")
    method: Literal["direct", "krylov"] = Field(
        default="direct",
        description="of the kinetic equation with the force or bgk3d (otherwise it is solved in one pass): direct: "
        "elimination node by node, (4 points)^2 numbers each; krylov: GMRES, for boxes of some ten mean free paths",
    )
    tolerance: Annotated[float, Unit("1"), Field(ge=1e-14, lt=1e-2)] = Field(
        default=1e-12, description="relative residual of method = 'krylov'"
    )
    iterations: int = Field(default=1000, ge=1, description="of method = 'krylov', after which it has failed")

    @field_validator("window", mode="before")
    @classmethod
    def _window(cls, value: Any) -> Any:
        return _tuple(value)

    @model_validator(mode="after")
    def _ordered(self) -> Paper:
        if not self.window[0] < self.window[1]:
            raise ValueError("window: the lower bound must be below the upper one")
        return self

    @model_validator(mode="after")
    def _fit(self) -> Paper:
        if self.collision == "bgk3d" and self.equilibrium in {"cosM", "M"}:
            raise ValueError(
                f"equilibrium: '{self.equilibrium}' has no place among distributions integrated over p_perp; "
                "collision = 'bgk3d' takes +gM, -gM, +gz, -gz"
            )
        if self.gradient_source != 1.0 and self.equilibrium in {"+gz", "-gz"}:
            raise ValueError(
                f"gradient_source: the equilibrium '{self.equilibrium}' does not turn along the wall; leave it out"
            )
        if self.torque == "centred" and self.gradient_source != 1.0:
            raise ValueError("torque: 'centred' is Eq. (17), which holds for gradient_source = 1 only")
        if self.effective_field == "full" and self.field != 0.0:
            raise ValueError("field: is the c of effective_field = 'cM0'; leave it out for 'full'")
        if self.method == "krylov" and not self.coupled:
            raise ValueError("method: without force and with collision = 'paper' nothing is iterated; leave it out")
        for key in ("tolerance", "iterations") if self.method == "direct" else ():
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key}: is of method = 'krylov'; leave it out")
        return self

    @property
    def coupled(self) -> bool:
        """Whether a momentum is coupled to more than the one before it, so that the steady equation is iterated."""
        return self.force or self.collision == "bgk3d"


class MonitorEntry(Section):
    """One group of results and how often it is written."""

    name: Literal["magnetization", "electrons", "torques", "wall", "energies", "heat"] = Field(
        description="group of results; heat: heat and DMI energy currents of the moving wall, needs "
        "[electronic_structure]"
    )
    every: int = Field(default=1, ge=1, description="at every n-th output time (and at the start)")


class Output(Section):
    """What is written. Results with the same `every` share a time axis (`time`, or `time_n` for every n-th)."""

    file: str | None = Field(
        default=None, description="result file below the current folder (default: the input's name)"
    )
    monitors: tuple[MonitorEntry, ...] = Field(
        default=tuple(MonitorEntry(name=n) for n in ("magnetization", "electrons", "torques", "wall", "energies")),
        description="groups of results and how often they are written (with [electronic_structure] also heat)",
    )

    @field_validator("monitors", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _once(self) -> Output:
        names = [m.name for m in self.monitors]
        if len(set(names)) != len(names):
            raise ValueError("monitors: each name once")
        return self


class Sweep(Section):
    """Repeats the calculation for each value of one input key; ranks are split into groups, one point a group, and all
    points are in one result. A value that the schema or the checks refuse stops the run before anything is computed. A
    point that fails while it is computed is recorded in `error`, and the others go on; where all fail, or something
    else in the input is refused (an unknown option of the solver), the run ends with that error and without a result.
    Points with a shorter axis (time.end, wire.cells) end with NaN, and `time_length` or `x_length` tells where; places
    that differ are in `x_of_point`. Defaults that depend on other keys are those of the input without the sweep.
    """

    key: str = Field(
        validation_alias=AliasChoices("key", "parameter"),
        description="any key of the input, for example drive.gradient; in lists a number from 0 says which item: "
        "drive.zeeman.0.frequency, texture.direction.2. Not wall.model, output.file, output.monitors.N.every, "
        "[execution]",
    )
    values: tuple[bool | float | int | str | tuple[bool | float | int | str, ...], ...] = Field(
        min_length=1, description="the values, one point each; of a vector, lists: [[0, 0, 1], [0, 1, 0]]"
    )
    groups: int | None = Field(
        default=None, ge=1, description="groups of ranks (default: as many as ranks or values allow)"
    )

    @field_validator("values", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        flat = [x for v in value for x in (v if isinstance(v, list | tuple) else (v,))]
        if not all(isinstance(x, bool | int | float | str) for x in flat):
            raise ValueError("each value must be a number, a text, true, false or a list of these")
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)


class WallInput(Section):
    """The whole input file of a wall calculation."""

    wall: WallSection = WallSection()
    electrons: Electrons = Electrons()
    momentum: Momentum = Momentum()
    magnet: Magnet = Magnet()
    wire: Wire = Wire()
    texture: Texture = Texture()
    drive: Drive = Drive()
    time: Time = Time()
    solver: Solver = Solver()
    paper: Paper = Paper()
    electronic_structure: ElectronicStructure | None = None
    output: Output = Output()
    execution: Execution = Execution()
    sweep: Sweep | None = None

    @model_validator(mode="before")
    @classmethod
    def _heat_by_default(cls, data: Any) -> Any:
        """With an electronic structure the group 'heat' is one of those that are written if none is named."""
        if not isinstance(data, dict) or data.get("electronic_structure") is None:
            return data
        output = data.get("output", {})
        if isinstance(output, dict) and "monitors" not in output:
            groups = [{"name": m.name, "every": m.every} for m in Output().monitors]
            return {**data, "output": {**output, "monitors": [*groups, {"name": "heat"}]}}
        return data

    @model_validator(mode="after")
    def _heat_needs_coefficients(self) -> WallInput:
        if self.electronic_structure is None and any(m.name == "heat" for m in self.output.monitors):
            raise ValueError("output.monitors: 'heat' needs the table [electronic_structure]")
        return self
