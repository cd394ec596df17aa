"""LeNet-5 on MNIST with MindSpore: from IDX files to a verified model for an Ascend 310."""

from lenet import cuda

__version__ = "0.1.0"

cuda.load_before_mindspore()
