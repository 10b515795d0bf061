"""What a run says of the accuracy of its result: values with errors, and warnings."""
