"""One module per format of other programs."""
