"""Converts a checkpoint into the reference of the inference benchmark.

Arguments: the checkpoint; the .npz file to write with the parameters by name; the file to write
with the class that MindSpore's own operators give each test image, one byte per image.
"""

import sys

import mindspore as ms
import numpy as np

from lenet import devices
from lenet.data import idx, transform
from lenet.model.lenet5 import LeNet5, predict_logits

_SIZE = 32  # pixels


def main() -> None:
    """Runs the program."""
    checkpoint_path, parameters_path, classes_path = sys.argv[1:]
    devices.set_context("CPU")
    net = LeNet5()
    ms.load_checkpoint(checkpoint_path, net, strict_load=False)
    images = transform.prepare(idx.read_split("", "test").images, _SIZE, _SIZE)
    logits = predict_logits(net, images)
    np.savez(parameters_path, **{param.name: param.asnumpy() for param in net.get_parameters()})
    logits.argmax(1).astype(np.uint8).tofile(classes_path)


if __name__ == "__main__":
    main()
