"""What joins the two engines: coefficients of a Kubo result drive the wall, heat and DMI currents come back."""
