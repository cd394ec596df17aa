"""From the results of infer310 to the accuracy."""
