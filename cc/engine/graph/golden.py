"""Writes small networks as MindIR, and beside each what MindSpore computes with it.

For each network <name>: <name>.mindir, and <name>.bin with an input batch and the output, float32
little-endian, for the C++ tests. Between them the networks use every operator that the engine
`native` implements, in the forms that MindSpore writes.
"""

import argparse
import os
import tempfile

import numpy as np

from lenet import devices

devices.prepare_environment()

import mindspore as ms  # noqa: E402
from mindspore import Parameter, Tensor, nn, ops  # noqa: E402

from lenet.mindir import canonical, lite  # noqa: E402
from lenet.mindir import model as mindir  # noqa: E402


class Vgg(nn.Cell):
    """Padded convolutions with biases; dense layers with and without."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.SequentialCell(
            nn.Conv2d(3, 10, 3, pad_mode="same", has_bias=True),
            nn.ReLU(),
            nn.Conv2d(10, 7, 3, pad_mode="pad", padding=1, has_bias=True),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(7, 9, (1, 4), pad_mode="valid", has_bias=True),
            nn.MaxPool2d(3, 2, pad_mode="same"),
        )
        self.classifier = nn.SequentialCell(
            nn.Flatten(),
            nn.Dense(9 * 5 * 3, 33),
            nn.ReLU(),
            nn.Dense(33, 11, has_bias=False),
        )

    def construct(self, x):
        return self.classifier(self.features(x))


class Residual(nn.Cell):
    """Convolutions with stride, a sum of two branches, average pools, softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, stride=2, pad_mode="same")
        self.branch = nn.Conv2d(6, 6, 5, pad_mode="pad", padding=(1, 3, 2, 2), has_bias=True)
        self.wide = nn.AvgPool2d(3, 1, pad_mode="same")
        self.half = nn.AvgPool2d((2, 3), (2, 1))
        self.dense = nn.Dense(6 * 4 * 6, 7)
        self.shift = Parameter(Tensor(np.zeros(7, np.float32)), name="shift")
        self.softmax = nn.Softmax()

    def construct(self, x):
        x = self.stem(x)
        x = ops.relu(x + ops.relu(self.branch(x)))
        x = self.half(self.wide(x))
        x = ops.reshape(x, (x.shape[0], -1))
        return self.softmax(self.dense(x) + self.shift)


class Grouped(nn.Cell):
    """Groups and dilation; constants that are broadcast; softmax over channels; Dense by ops."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(4, 8, 3, group=4, stride=(1, 2), pad_mode="pad", padding=2)
        self.dilated = nn.Conv2d(8, 6, 3, group=2, dilation=(2, 1), pad_mode="same")
        self.channel = Parameter(Tensor(np.zeros(4, np.float32)), name="channel")
        self.rows = Parameter(Tensor(np.zeros((6, 1, 6), np.float32)), name="rows")
        self.softmax = nn.Softmax(axis=1)
        self.weight = Parameter(Tensor(np.zeros((5, 6), np.float32)), name="weight")
        self.bias = Parameter(Tensor(np.zeros(5, np.float32)), name="bias")
        self.matmul = ops.MatMul()
        self.last = Parameter(Tensor(np.zeros((6 * 11 * 5, 10), np.float32)), name="last")

    def construct(self, x):
        x = x + ops.reshape(self.channel, (1, 4, 1, 1))
        x = self.dilated(self.depthwise(x))
        x = self.softmax(x + self.rows) + 0.25
        x = ops.dense(x, self.weight, self.bias)
        return self.matmul(ops.flatten(x), self.last)


class LeNet(nn.Cell):
    """The network of this project, for images of another size."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.SequentialCell(
            nn.Conv2d(1, 6, 5, pad_mode="valid"),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(6, 16, 5, pad_mode="valid"),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
            nn.Flatten(),
            nn.Dense(16 * 4 * 6, 120, activation="relu"),
            nn.Dense(120, 84, activation="relu"),
            nn.Dense(84, 10),
        )

    def construct(self, x):
        return self.layers(x)


# Name, network, shape of the input.
_NETWORKS = [
    ("vgg_1", Vgg, (1, 3, 20, 18)),
    ("vgg_4", Vgg, (4, 3, 20, 18)),
    ("residual_1", Residual, (1, 1, 17, 16)),
    ("residual_4", Residual, (4, 1, 17, 16)),
    ("grouped_3", Grouped, (3, 4, 9, 9)),
    ("lenet_1", LeNet, (1, 1, 29, 37)),
    ("lenet_50", LeNet, (50, 1, 29, 37)),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    folder = parser.parse_args().folder
    devices.set_context("CPU")
    for name, network, shape in _NETWORKS:
        _write(os.path.join(folder, name), network(), shape)


def _write(stem: str, net: nn.Cell, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed=7)
    net.set_train(False)
    for parameter in net.trainable_params():
        fan_in = max(1, np.prod(parameter.shape[1:], dtype=int))
        values = rng.normal(0, fan_in**-0.5, parameter.shape).astype(np.float32)
        parameter.set_data(Tensor(values))
    batch = rng.normal(0, 1, shape).astype(np.float32)
    with open(f"{stem}.bin", "wb") as file:
        file.write(batch.tobytes())
        file.write(net(Tensor(batch)).asnumpy().astype("<f4").tobytes())
    model = _export(net, batch)
    canonical.canonicalise(model, "Network")
    _save(f"{stem}.mindir", model)
    if os.path.basename(stem) == "vgg_1":  # MindIR of version 1
        lite.to_lite(model)
        _save(f"{stem}_lite.mindir", model)


def _export(net: nn.Cell, batch: np.ndarray) -> mindir.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "raw.mindir")
        ms.export(net, Tensor(batch), file_name=path, file_format="MINDIR")
        with open(path, "rb") as file:
            return mindir.parse(file.read(), path)


def _save(path: str, model: mindir.ModelProto) -> None:
    with open(path, "wb") as file:
        file.write(mindir.serialize(model))


if __name__ == "__main__":
    main()
