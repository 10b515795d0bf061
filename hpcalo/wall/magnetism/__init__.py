"""Magnetization: energy terms, torques, textures."""
