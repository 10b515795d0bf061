"""Checks of a wall result from its numbers alone; `report` collects them."""
