"""Evaluation of a checkpoint on the test set."""
