"""Readers of Wannier90 files, one small module per format, and `assemble`, which makes a WannierModel of them."""
