"""Numbers with units: what is understood, and that nothing in a text is ever calculated."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError
from scipy import constants

from hpcalo import units
from hpcalo.config.fields import Broadening, MagneticField, Unit


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("eV", "25 meV", 0.025),
        ("eV", "25meV", 0.025),
        ("eV", "-1.5e-3 eV", -1.5e-3),
        ("eV", ".5 Ry", 6.802846561),
        ("eV", "1e V", 1.0),
        ("K", "20 degC", 293.15),
        ("K", "20 °C", 293.15),
        ("eV", "2 mHa", 2e-3 * 27.211386246),
        ("eV", "1 Ha", 27.211386246),
        ("eV", "300 K", 300.0 * 8.617333262e-5),
        ("A/m", "100 Oe", 100.0 * 79.5774715459),
        ("A/m", "1 kOe", 79577.4715459),
        ("A/m", "800 emu/cm³", 8e5),
        ("T", "10 kG", 1.0),
        ("J/m^3", "1e6 erg/cm^3", 1e5),
        ("angstrom", "0.25 nm", 2.5),
        ("W/m/K", "1.74 W/(cm K)", 174.0),
        ("J/m^3", "1 kJ/m^3", 1000.0),
        ("J/m^3", "1 J m**-3", 1.0),
        ("degree", "3.141592653589793 rad", 180.0),
        ("1", "0.5", 0.5),
        ("1", "50 percent", 0.5),
    ],
)
def test_understood(unit, text, value):
    assert Unit(unit).convert(text) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("fs", "0.5 ps", 500.0),
        ("fs", "0.05 ps", 50.0),
        ("nm", "0.3 um", 300.0),
        ("eV", "30 meV", 0.03),
        ("J/m^3", "0.41 MJ/m^3", 4.1e5),
        ("K/nm", "1.1e9 K/m", 1.1),
        ("eV", "0.12345678901234567 eV", 0.12345678901234567),
    ],
)
def test_a_change_of_the_prefix_is_exact(unit, text, value):
    """To the last bit: the number can be looked up on the axis of a scan."""
    assert Unit(unit).convert(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "9**9**9**9 eV",
            "1 eV**9**9**9",
            "1 eV^99",
            "2*3 eV",
            "1 eV + 1 eV",
            "(1 eV)",
            "1_0 eV",
            "0x10 eV",
            "1,5 eV",
        ),
        *(
            "__import__('os') eV",
            "1 eV; 2",
            "eV",
            "",
            "1 eV[0]",
            "1 eV" * 30,
            "١ eV",
            "1 {eV}",
            "1e400 eV",
            "nan eV",
            "1",
        ),
    ],
)
def test_refused_at_once(text):
    with pytest.raises(PydanticCustomError):
        Unit("eV").convert(text)


def test_a_magnetic_field_in_tesla():
    """µ₀H = 1 T is H = 10⁷/4π A/m; a field of so many oersted has as many gauss."""
    assert MagneticField().convert("500 G") == pytest.approx(MagneticField().convert("500 Oe"), rel=1e-8)
    assert MagneticField().convert("50 mT") == pytest.approx(50e-3 * 1e7 / (4.0 * 3.141592653589793), rel=1e-8)
    assert MagneticField().convert("40 kA/m") == pytest.approx(4e4)
    assert MagneticField().convert(4e4) == 4e4
    with pytest.raises(
        PydanticCustomError, match=r"nm cannot be converted to A/m; give H as a number in A/m, .* for µ₀H, '… mT'"
    ):
        MagneticField().convert("50 nm")


def test_a_broadening_of_zero_says_where_the_intrinsic_curves_are():
    assert Broadening("eV").convert("25 meV") == 0.025
    with pytest.raises(PydanticCustomError, match=r"must be larger than 0; the intrinsic parts"):
        Broadening("eV").convert("0 meV")


def test_constants_are_those_of_codata():
    """To the last bit."""
    measured = {name: constants.physical_constants[name][0] for name in ("Bohr radius", "Bohr magneton")}
    assert (constants.e, constants.hbar, constants.k) == (units.E_CHARGE, units.HBAR_SI, units.BOLTZMANN_SI)
    assert (constants.hbar / constants.e, constants.k / constants.e) == (units.HBAR_EV_S, units.BOLTZMANN_EV)
    assert (measured["Bohr radius"], measured["Bohr magneton"]) == (units.BOHR_RADIUS, units.BOHR_MAGNETON)
    assert (constants.m_e, constants.mu_0) == (units.ELECTRON_MASS, units.MU_0)
    assert -constants.physical_constants["electron g factor"][0] == units.ELECTRON_G
