"""Writes small networks as MindIR, with MindSpore's output, for the C++ tests.

For each network: `<name>.mindir`, and `<name>.bin` with one input batch and its output as
little-endian float32. Together the networks use every operator that the engine `native` supports,
in the forms that MindSpore writes. The expected output of a network that ends with an argmax is its
logits.
"""

import argparse
import pathlib
import tempfile

import numpy as np

from lenet import devices

devices.prepare_environment()

import mindspore as ms  # noqa: E402 (after prepare_environment)
from mindspore import Parameter, Tensor, mint, nn, ops  # noqa: E402

from lenet.mindir import canonical, lite  # noqa: E402
from lenet.mindir import model as mindir  # noqa: E402


def _zeros(name: str, *shape: int) -> Parameter:
    return Parameter(Tensor(np.zeros(shape, np.float32)), name=name)


class Vgg(nn.SequentialCell):
    """Padded convolutions with biases; dense layers with and without bias."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 10, 3, pad_mode="same", has_bias=True),
            nn.ReLU(),
            nn.Conv2d(10, 7, 3, pad_mode="pad", padding=1, has_bias=True),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(7, 9, (1, 4), pad_mode="valid", has_bias=True),
            nn.MaxPool2d(3, 2, pad_mode="same"),
            nn.Flatten(),
            nn.Dense(9 * 5 * 3, 33),
            nn.ReLU(),
            nn.Dense(33, 11, has_bias=False),
        )


class Residual(nn.Cell):
    """Strided convolutions, a sum of two branches, average pools, softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, stride=2, pad_mode="same")
        self.branch = nn.Conv2d(6, 6, 5, pad_mode="pad", padding=(1, 3, 2, 2), has_bias=True)
        self.wide = nn.AvgPool2d(3, 1, pad_mode="same")
        self.half = nn.AvgPool2d((2, 3), (2, 1))
        self.dense = nn.Dense(6 * 4 * 6, 7)
        self.shift = _zeros("shift", 7)
        self.softmax = nn.Softmax()

    def construct(self, x: Tensor) -> Tensor:
        """Returns [N, 7] for images [N, 1, 17, 16]."""
        x = self.stem(x)
        x = ops.relu(x + ops.relu(self.branch(x)))
        x = self.half(self.wide(x))
        x = ops.reshape(x, (x.shape[0], -1))
        return self.softmax(self.dense(x) + self.shift)


class Grouped(nn.Cell):
    """Groups, dilation, broadcast constants, softmax over channels, `ops.dense`."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(4, 8, 3, group=4, stride=(1, 2), pad_mode="pad", padding=2)
        self.dilated = nn.Conv2d(8, 6, 3, group=2, dilation=(2, 1), pad_mode="same")
        self.channel = _zeros("channel", 4)
        self.rows = _zeros("rows", 6, 1, 6)
        self.softmax = nn.Softmax(axis=1)
        self.weight = _zeros("weight", 5, 6)
        self.bias = _zeros("bias", 5)
        self.matmul = ops.MatMul()
        self.last = _zeros("last", 6 * 11 * 5, 10)

    def construct(self, x: Tensor) -> Tensor:
        """Returns [N, 10] for images [N, 4, 9, 9]."""
        x = x + ops.reshape(self.channel, (1, 4, 1, 1))
        x = self.dilated(self.depthwise(x))
        x = self.softmax(x + self.rows) + 0.25
        x = ops.dense(x, self.weight, self.bias)
        return self.matmul(ops.flatten(x), self.last)


class LeNet(nn.SequentialCell):
    """LeNet-5 for images of another size."""

    def __init__(self) -> None:
        super().__init__(
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


class Tanh(nn.Cell):
    """LeNet-5 of 1998, with probabilities as logarithms."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.SequentialCell(
            nn.Conv2d(1, 6, 5, pad_mode="pad", padding=2, has_bias=True),
            nn.Tanh(),
            nn.AvgPool2d(2, 2),
            nn.Conv2d(6, 16, 5, pad_mode="valid", has_bias=True),
            nn.Sigmoid(),
            nn.AvgPool2d(2, 2),
        )
        self.classifier = nn.SequentialCell(
            nn.Dense(400, 120, activation="tanh"), nn.Dense(120, 10), nn.LogSoftmax()
        )

    def construct(self, x: Tensor) -> Tensor:
        """Returns [N, 10] for images [N, 1, 28, 28]."""
        x = self.features(x)
        return self.classifier(x.view(x.shape[0], -1))


class Normalised(nn.Cell):
    """Batch normalisation in each place, and other activation functions."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.SequentialCell(
            nn.BatchNorm2d(1),
            nn.Conv2d(1, 8, 3, stride=2, has_bias=True),
            nn.BatchNorm2d(8),
            nn.ReLU6(),
            nn.Conv2d(8, 8, 3, group=8, pad_mode="same"),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(),
            nn.BatchNorm2d(8),
            nn.ELU(),
            nn.SiLU(),
            nn.Mish(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dense = nn.Dense(8, 26)
        self.normal = nn.BatchNorm1d(26)
        self.gelu = nn.GELU()
        self.swish = nn.HSwish()

    def construct(self, x: Tensor) -> Tensor:
        """Returns [N, 26] for images [N, 1, 28, 28]."""
        x = self.features((x - 0.1307) / 0.3081)
        x = self.pool(x).squeeze(3).squeeze(2) + x.mean((2, 3)) * 2 + mint.mean(x, (2, 3))
        return mint.nn.functional.log_softmax(self.swish(self.gelu(self.normal(self.dense(x)))), 1)


class Classes(nn.Cell):
    """A multilayer perceptron that returns the class."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.SequentialCell(nn.Dense(784, 30, activation="relu"), nn.Dense(30, 12))

    def construct(self, x: Tensor) -> Tensor:
        """Returns int64 [N] for images [N, 1, 28, 28]."""
        return self.logits(mint.flatten(x, 1)).argmax(1)


class Branches(nn.Cell):
    """Operators that MindSpore Lite 2.0 can compute, too."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.SequentialCell(
            nn.Conv2d(1, 4, 3, has_bias=True), nn.BatchNorm2d(4), nn.ReLU6(), nn.AvgPool2d(2, 2)
        )
        self.right = nn.SequentialCell(
            nn.Conv2d(1, 6, 5, stride=2), nn.LeakyReLU(), nn.ELU(), nn.Dropout(p=0.5)
        )
        self.gate = nn.SequentialCell(nn.Dense(10, 10), nn.Sigmoid())
        self.head = nn.SequentialCell(nn.AvgPool2d(7, 7), nn.Flatten(), nn.Dense(40, 27))
        self.softmax = nn.Softmax()

    def construct(self, x: Tensor) -> Tensor:
        """Returns [N, 27] for images [N, 1, 28, 28]."""
        x = ops.cat((self.left(x), self.right(x)), 1)
        gate = self.gate(x.mean((2, 3)))
        return self.softmax(self.head(x * gate.view(x.shape[0], 10, 1, 1)))


class Mixed(nn.Cell):
    """Padded and adaptive pools; operators of two tensors; functions."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.SequentialCell(
            nn.ZeroPad2d((1, 0, 2, 1)),
            nn.Pad(((0, 0), (0, 0), (1, 2), (0, 1))),
            nn.Conv2d(1, 6, 3, pad_mode="valid"),
            nn.MaxPool2d(3, 2, pad_mode="pad", padding=1),
            nn.PReLU(6),
            nn.AvgPool2d(3, 2, pad_mode="pad", padding=1, ceil_mode=True),
        )
        self.excluded = nn.AvgPool2d(3, 1, pad_mode="pad", padding=1, count_include_pad=False)
        self.largest = nn.AdaptiveMaxPool2d(1)
        self.gate = nn.HSigmoid()
        self.tiles = nn.AdaptiveAvgPool2d((3, 2))
        self.dense = nn.Dense(18 * 8, 20)
        self.selu = nn.SeLU()
        self.celu = nn.CELU()
        self.softsign = nn.Softsign()
        self.gelu = nn.GELU(approximate=False)

    def construct(self, x: Tensor) -> Tensor:
        """Returns [N, 20] for images [N, 1, 28, 28]."""
        x = self.features(x)
        x = self.gate(self.largest(x)) * x
        x = ops.cat((x, self.excluded(x), 1 - ops.max_pool2d(x, 3, 1, 1)), 1)
        x = ops.clamp(x, -0.5, 2.0) - ops.abs(x) / (ops.exp(-x) + 1.5)
        rest = ops.maximum(ops.amax(x, (2, 3)), -0.2), ops.minimum(x.sum((2, 3)), 0.3)
        x = self.dense(ops.cat((self.tiles(x).flatten(start_dim=1), *rest), 1))
        y = self.softsign(self.selu(x)) + self.celu(x) - self.gelu(x)
        return y + ops.sqrt(ops.square(x) + 1)


class KeptClasses(Classes):
    """The index of the maximum as another shape and type."""

    def construct(self, x: Tensor) -> Tensor:
        """Returns int32 [N, 1] for images [N, 1, 28, 28]."""
        logits = self.logits(ops.flatten(x))
        return ops.max(logits, 1)[1].astype(ms.int32).expand_dims(1)


# Name, network, shape of the input.
_NETWORKS = [
    ("vgg_1", Vgg, (1, 3, 20, 18)),
    ("vgg_4", Vgg, (4, 3, 20, 18)),
    ("residual_1", Residual, (1, 1, 17, 16)),
    ("residual_4", Residual, (4, 1, 17, 16)),
    ("grouped_3", Grouped, (3, 4, 9, 9)),
    ("lenet_1", LeNet, (1, 1, 29, 37)),
    ("lenet_50", LeNet, (50, 1, 29, 37)),
    ("tanh_3", Tanh, (3, 1, 28, 28)),
    ("normalised_2", Normalised, (2, 1, 28, 28)),
    ("classes_5", Classes, (5, 1, 28, 28)),
    ("kept_5", KeptClasses, (5, 1, 28, 28)),
    ("branches_2", Branches, (2, 1, 28, 28)),
    ("mixed_3", Mixed, (3, 1, 28, 28)),
]
# These leave the batch open.
_DYNAMIC = ("tanh_3", "classes_5")


def _write(stem: pathlib.Path, net: nn.Cell, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed=7)
    net.set_train(False)
    for parameter in net.get_parameters():
        fan_in = max(1, np.prod(parameter.shape[1:], dtype=int))
        values = rng.normal(0, fan_in**-0.5, parameter.shape).astype(np.float32)
        if "variance" in parameter.name:
            values = values**2 + np.float32(0.1)
        parameter.set_data(Tensor(values))
    batch = rng.normal(0, 1, shape).astype(np.float32)
    if isinstance(net, Classes):
        output = net.logits(Tensor(batch.reshape(len(batch), -1))).asnumpy()
    else:
        output = net(Tensor(batch)).asnumpy()
    output = output.astype("<f4")
    example = Tensor(batch)
    if stem.name in _DYNAMIC:
        example = Tensor(shape=[None, *shape[1:]], dtype=ms.float32)
    stem.with_suffix(".bin").write_bytes(batch.tobytes() + output.tobytes())
    with tempfile.TemporaryDirectory() as folder:
        raw = pathlib.Path(folder, "raw.mindir")
        ms.export(net, example, file_name=str(raw), file_format="MINDIR")
        model = mindir.parse(raw.read_bytes(), str(raw))
    canonical.canonicalise(model, "Network")
    stem.with_suffix(".mindir").write_bytes(mindir.serialize(model))
    if stem.name == "vgg_1":  # a MindIR of version 1
        lite.to_lite(model)
        stem.with_name("vgg_1_lite.mindir").write_bytes(mindir.serialize(model))


def main() -> None:
    """Writes all networks into the folder of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    devices.set_context("CPU")
    for name, network, shape in _NETWORKS:
        _write(folder / name, network(), shape)


if __name__ == "__main__":
    main()
