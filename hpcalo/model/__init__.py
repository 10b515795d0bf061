"""Tight-binding models with operators: Wannier90, LCAO with overlap, closed-form models; k meshes and symmetry."""
