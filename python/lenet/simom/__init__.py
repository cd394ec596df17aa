"""Model files for the simulator of AscendCL, for tests."""
