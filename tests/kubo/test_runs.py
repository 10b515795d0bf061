"""Whole runs: shipped inputs, ranks, electron count, what a result file holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray
from places import INPUTS

from hpcalo import app
from hpcalo.engine import RunContext
from hpcalo.errors import InputError
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.hamiltonian.exchange import PAULI, odd_part
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo.responses.onsager import Onsager
from hpcalo.kubo.responses.torkance import Torkance
from hpcalo.kubo.run import run_kubo
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, VELOCITY_VELOCITY

SMALL = {
    "mnw001": ["kubo.k.grid=[2,2,1]", "kubo.energies.points=41"],
    "paper_kubo": ["kubo.k.grid=[2,2,1]", "kubo.energies.points=41"],
    "mnw001_small": ["kubo.k.grid=[6,6,1]"],
    "mnw001_coefficients": ["kubo.k.grid=[6,6,1]"],
    "rashba": [
        "kubo.k.grid=[16,16,1]",
        "kubo.quantities=['torkance', 'thermal_torkance', 'inverse_thermal_torque', 'energy_current', 'spiralization', "
        "'spiralization_derivatives', 'conductivity', 'anomalous_hall', 'nernst', 'inverse_nernst', "
        "'orbital_magnetization', 'damping', 'heat_conductivity', 'rotation_response', 'onsager', 'density_of_states', "
        "'torque_coefficients', 'orbital_coefficients']",
    ],
    "fe_ahc": ["kubo.k={grid=[6,6,6]}"],
    "fete": ["kubo.k.grid=[4,4,4]", "kubo.energies.points=81"],
}


UNDEFINED_WITHOUT_MOMENT = {"gilbert_damping", "gyromagnetic_factor", "onsager_violation"}


def kubo_inputs() -> list[str]:
    return sorted(path.stem for path in INPUTS.glob("*.toml") if "[kubo]" in path.read_text())


def run(comm, name: str, output: Path, *overrides: str) -> None:
    app.run(comm, INPUTS / f"{name}.toml", output=output, quiet=True, overrides=overrides, force=True)


@pytest.mark.parametrize("name", kubo_inputs())
def test_every_shipped_input_runs(name, comm, tmp_path):
    """On a coarse grid; the result opens in xarray with axes, units and the complete input."""
    assert name in SMALL, "give this input a coarse grid to test it with"
    output = tmp_path / f"{name}.h5"
    run(comm, name, output, *SMALL[name])
    with xarray.open_dataset(output, engine="h5netcdf") as data:
        assert data.attrs["engine"] == "kubo"
        for variable in data.data_vars.values():
            assert variable.attrs["long_name"]
            unknown = variable.name in UNDEFINED_WITHOUT_MOMENT or variable.attrs.get("hpcalo_role") == "error"
            assert unknown or np.isfinite(variable).all()
        if "energy" in data.coords:
            assert data.energy.attrs["units"] == "eV"
    with xarray.open_dataset(output, engine="h5netcdf", group="provenance") as record:
        assert "resolved_input" in record.variables or "resolved_input" in record.attrs


def test_resolved_input_reproduces_the_result(comm, tmp_path):
    """What a result says about its input is all that is needed to make it again, to the last bit."""
    first, second = tmp_path / "a.h5", tmp_path / "b.h5"
    run(comm, "rashba", first, *SMALL["rashba"])
    again = tmp_path / "again.toml"
    again.write_text(read_dataset(first).texts["resolved_input"])
    app.run(comm, again, output=second, quiet=True)
    a, b = read_dataset(first), read_dataset(second)
    for name in a.variables:
        assert a[name].tobytes() == b[name].tobytes(), name


@pytest.mark.mpi
@pytest.mark.ranks(3, 4)
@pytest.mark.parametrize("name", ["rashba", "mnw001_small"])
def test_ranks_do_not_change_a_bit(name, comm, mpi_tmp_path):
    """The result of all ranks together equals that of rank 0 alone, also with more ranks than blocks of k-points."""
    from mpi4py import MPI  # noqa: PLC0415

    overrides = SMALL[name]
    together, alone = mpi_tmp_path / "together.h5", mpi_tmp_path / "alone.h5"
    run(comm, name, together, *overrides)
    single = comm.Split(0 if comm.rank == 0 else MPI.UNDEFINED)
    if comm.rank == 0:
        source = INPUTS / f"{name}.toml"
        _, settings = app.load_input(source, overrides)
        run_kubo(settings, RunContext(single, source, alone, quiet=True))
        single.Free()
        with xarray.open_dataset(together, engine="h5netcdf") as a, xarray.open_dataset(alone, engine="h5netcdf") as b:
            assert int(a.attrs["ranks"]) == comm.size
            for variable in a.data_vars:
                assert a[variable].values.tobytes() == b[variable].values.tobytes(), variable
    comm.Barrier()


def test_five_ranks_for_three_blocks(launch, comm, tmp_path):
    """More ranks than blocks: the others share the energy axis; same bits as one rank."""
    few = (
        "kubo.k.grid=[18,18,1]",
        "kubo.k.symmetry='off'",
        "kubo.quantities=['torkance', 'thermal_torkance', 'spiralization', 'conductivity', 'density_of_states']",
    )
    command = ["run", INPUTS / "rashba.toml", *(x for one in few for x in ("--set", one)), "-q", "-o", "five.h5"]
    done = launch(5, "-m", "hpcalo", *map(str, command), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run(comm, "rashba", tmp_path / "one.h5", *few)
    with (
        xarray.open_dataset(tmp_path / "five.h5", engine="h5netcdf") as a,
        xarray.open_dataset(tmp_path / "one.h5", engine="h5netcdf") as b,
    ):
        for variable in a.data_vars:
            assert a[variable].values.tobytes() == b[variable].values.tobytes(), variable


def test_fermi_energy_from_the_electron_count(comm, tmp_path):
    """The count at the reference energy is the model's, and the energy is where the counted bands say."""
    output = tmp_path / "count.h5"
    run(
        comm,
        "fe_ahc",
        output,
        *SMALL["fe_ahc"],
        "kubo.energies.from_electrons=true",
        'kubo.quantities=["density_of_states"]',
        "kubo.smearing=0.004",
    )
    with xarray.open_dataset(output, engine="h5netcdf") as data:
        at_zero = data.electrons.interp(energy=0.0).item()
        assert at_zero == pytest.approx(8.0, abs=0.05)
        assert data.attrs["reference_energy_eV"] == pytest.approx(12.6312, abs=0.3)
        # The density of states integrates to the electrons between two energies.
        between = data.electrons.isel(energy=-1) - data.electrons.isel(energy=0)
        total = data.density_of_states.integrate("energy")
        assert total.item() == pytest.approx(between.item(), abs=0.03)  # but for the Gaussians cut at the two ends


def test_electron_count_out_of_reach_is_said(comm, tmp_path):
    with pytest.raises(InputError, match="40 electrons per cell are not reached"):
        run(
            comm,
            "fe_ahc",
            tmp_path / "x.h5",
            *SMALL["fe_ahc"],
            "kubo.energies.from_electrons=true",
            "model.electrons=40",
        )


def test_reversed_wannier_magnet_is_reciprocal():
    """Ab-initio Wannier functions: reversal by time reversal of all matrices keeps A(n̂) = [A(−n̂)]ᵀ to rounding."""
    from kubo_runs import grid, run_sums  # noqa: PLC0415

    model = read_model(INPUTS / "models" / "fete.h5", True)
    kinds = (TORQUE_VELOCITY, TORQUE_TORQUE, VELOCITY_VELOCITY)
    axes = run_sums(
        model,
        grid(4, 4, 4),
        (model.fermi_energy or 0.0) + np.linspace(-0.6, 0.6, 61),
        broadened=kinds,
        sea=(TORQUE_VELOCITY,),
        mu=[model.fermi_energy or 0.0],
        n_hat=[model.n_hat, -model.n_hat],
    )
    assert Onsager().compute(axes)["onsager_violation"].max() < 1e-9
    even, odd, _ = Torkance().compute(axes).values()
    np.testing.assert_allclose(even[0], even[1], atol=1e-11)
    np.testing.assert_allclose(odd[0], -odd[1], atol=1e-10)


def antiferromagnet() -> WannierModel:
    """Two magnetic sites on a square lattice, opposite moments, mapped onto each other by inversion with time reversal,
    so that levels are doubly degenerate and every sum over Im W of two velocities vanishes.
    """
    hop = np.kron(np.eye(2), np.array([[0.0, 0.0], [1.0, 0.0]]))  # spin ⊗ site: from A to B in the next cell
    cells = {(0, 0, 0): np.diag([0.6, -0.6, -0.6, 0.6]) + hop + hop.T}
    for r in ((1, 0, 0), (0, 1, 0)):
        staggered = 0.2j * np.kron(PAULI[r[0]], np.diag([1.0, -1.0]))  # odd in k, opposite on the sites: even under PT
        cells[r] = hop + staggered
        cells[-r[0], -r[1], 0] = cells[r].conj().T
    H = np.array(list(cells.values()))
    crystal = replace(rashba().crystal, symbols=("Mn", "Mn"), moments=np.array([1.0, -1.0]))
    up, down = np.array([0, 1]), np.array([2, 3])
    return WannierModel(
        crystal=crystal,
        R=np.array(list(cells)),
        H_Rnn=H,
        centres=np.array([crystal.positions[i] for i in (0, 1, 0, 1)]),
        up=up,
        down=down,
        odd_Rnn=odd_part(H, up, down),
        fermi_energy=0.5,
    )


@pytest.mark.parametrize("case", ["chain", "antiferromagnet"])
@pytest.mark.parametrize("reference", [0.0, 40.0])
def test_only_missing_levels_are_called_missing(case, reference, comm, tmp_path, capsys):
    """Sums that vanish by symmetry are no sign that the energy axis lies beside the bands."""
    write_model(tmp_path / "afm.h5", antiferromagnet())
    source = {"chain": 'builtin = "chain"\nchain = {exchange = 0.0}', "antiferromagnet": 'file = "afm.h5"'}[case]
    (tmp_path / "in.toml").write_text(
        f'[model]\n{source}\n[kubo]\nquantities = ["torkance", "conductivity"]\n[kubo.k]\ngrid = [12, 1, 1]\n'
        f"[kubo.energies]\nreference = {reference}\nminimum = -2.5\nmaximum = 2.5\npoints = 51\n"
    )
    app.run(comm, tmp_path / "in.toml", output=tmp_path / "out.h5")
    assert ("no band lies between" in capsys.readouterr().err) == (reference == 40.0)
    torkance = read_dataset(tmp_path / "out.h5").variables["torkance_intrinsic"].data
    assert np.abs(torkance).max() < 1e-12
