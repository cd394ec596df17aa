"""Accuracy of the results of infer310."""
