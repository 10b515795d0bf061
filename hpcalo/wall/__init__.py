"""Engine (b), wall: spinor Boltzmann equation, Landau-Lifshitz-Gilbert equation, their coupling and PETSc solvers."""
