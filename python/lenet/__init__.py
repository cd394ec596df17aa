"""LeNet-5 on MNIST with MindSpore: from IDX files to a verified model for an Ascend 310."""

__version__ = "1.0.0"
