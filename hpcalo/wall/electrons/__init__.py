"""Transport along the wire: moments, torques, the electrical circuit."""
