"""What the user is told of a result's accuracy: values with errors, and warnings."""
