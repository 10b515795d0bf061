"""Raw integrals to named quantities with unit, axes, parity and source equation."""
