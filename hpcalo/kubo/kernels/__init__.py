"""C++ kernels of the Kubo sums (_kubo) and their NumPy twins (reference)."""
