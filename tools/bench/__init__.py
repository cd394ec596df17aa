"""Benchmarks of this project against its peers."""
