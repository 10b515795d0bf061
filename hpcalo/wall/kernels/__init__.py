"""C++ kernels of the wall (_wall) and their NumPy twins (reference)."""
