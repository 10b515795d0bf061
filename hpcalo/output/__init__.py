"""Files: parallel HDF5 results, models, checkpoints, provenance. Temporary name first, then rename."""
