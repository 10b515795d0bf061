"""The published model and procedure of PRB 106, 054432."""
