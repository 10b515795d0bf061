"""C++ hot loops (one extension per engine) and their NumPy twins, which state what each kernel computes."""
