"""The kernels of cc/kernels as MindSpore operators for the CPU."""
