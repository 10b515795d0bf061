"""What the figures of both engines share."""
