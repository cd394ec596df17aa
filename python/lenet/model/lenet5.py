"""LeNet-5, with the parameter names of the original MindSpore model zoo."""

import mindspore as ms
import numpy as np
from mindspore import nn
from mindspore.common.initializer import Normal

from lenet.data import transform
from lenet.devices import Device

_KERNEL = 5
_CONV1_CHANNELS = 6
_CONV2_CHANNELS = 16


class LeNet5(nn.Cell):
    """Two convolutions and three dense layers.

    Input: float32 [N, 1, image_height, image_width], normalised (lenet.data.transform).
    Output: float32 [N, num_class], logits.
    """

    def __init__(
        self,
        num_class: int = 10,
        image_height: int = 32,
        image_width: int = 32,
        fused: nn.Cell | None = None,
    ) -> None:
        """`fused` computes convolution, ReLU and pooling in one; None: MindSpore's operators."""
        super().__init__()
        self.fused = fused
        features = _CONV2_CHANNELS * _pooled_size(image_height) * _pooled_size(image_width)
        # Equal to the original: only the convolutions use the default initialisation.
        self.conv1 = nn.Conv2d(1, _CONV1_CHANNELS, _KERNEL, pad_mode="valid")
        self.conv2 = nn.Conv2d(_CONV1_CHANNELS, _CONV2_CHANNELS, _KERNEL, pad_mode="valid")
        self.relu = nn.ReLU()
        self.max_pool2d = nn.MaxPool2d(kernel_size=2, stride=2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Dense(features, 120, weight_init=Normal(0.02))
        self.fc2 = nn.Dense(120, 84, weight_init=Normal(0.02))
        self.fc3 = nn.Dense(84, num_class, weight_init=Normal(0.02))

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """Returns the logits of a batch."""
        if self.fused is None:
            x = self.max_pool2d(self.relu(self.conv1(x)))
            x = self.max_pool2d(self.relu(self.conv2(x)))
        else:
            x = self.fused(x, self.conv1.weight)
            x = self.fused(x, self.conv2.weight)
        x = self.flatten(x)
        x = self.relu(self.fc1(x))
        x = self.relu(self.fc2(x))
        return self.fc3(x)


def build(image_height: int, image_width: int, fused: bool, threads: int = 0) -> LeNet5:
    """Returns a new LeNet5, whose convolution blocks are the fused kernels if `fused`.

    Args:
        image_height: height of the input, pixels.
        image_width: width of the input, pixels.
        fused: use the project's own kernels, which exist for the CPU only.
        threads: CPU threads of the fused kernels; 0: one per core.
    """
    cell = None
    if fused:
        from lenet.kernels.operators import ConvReluPool

        cell = ConvReluPool(threads)
    return LeNet5(image_height=image_height, image_width=image_width, fused=cell)


def classify(
    net: nn.Cell, pixels: np.ndarray, device: Device, batch_size: int = 1000
) -> np.ndarray:
    """Returns the logits of all images, float32 [N, 10].

    Args:
        net: LeNet5; is left in inference mode.
        pixels: uint8 [N, H, W], in the size of the network's input; N is at least 1.
        device: where to compute.
        batch_size: images per call with MindSpore.
    """
    if device.card:
        parameters = [param.asnumpy() for param in net.trainable_params()]
        return device.card.logits(pixels, transform.NORMALIZED, parameters)
    return predict_logits(net, transform.normalize(pixels)[:, np.newaxis], batch_size)


def predict_logits(net: nn.Cell, images: np.ndarray, batch_size: int = 1000) -> np.ndarray:
    """Returns the logits of all images, float32 [N, 10].

    Args:
        net: maps [batch, 1, H, W] to [batch, 10]; is left in inference mode.
        images: float32 [N, 1, H, W], see lenet.data.transform.prepare; N is at least 1.
        batch_size: images per call.
    """
    net.set_train(False)
    batch_size = min(batch_size, len(images))
    results = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        count = len(batch)
        # A smaller last batch would compile the graph again.
        padding = [(0, batch_size - count), (0, 0), (0, 0), (0, 0)]
        logits = net(ms.Tensor(np.pad(batch, padding))).asnumpy()
        results.append(logits[:count].astype(np.float32))
    return np.concatenate(results)


def _pooled_size(size: int) -> int:
    for _ in range(2):
        size = (size - _KERNEL + 1) // 2
    return size
