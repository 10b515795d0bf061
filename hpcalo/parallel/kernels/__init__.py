"""C++ kernels of what ranks do together: the order-independent sum (_exact)."""
