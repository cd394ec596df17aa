"""The kernels of cc/kernels as operators of MindSpore, for the CPU."""
