"""LeNet-5, with the parameter names of the original MindSpore model zoo."""

import mindspore as ms
from mindspore import nn
from mindspore.common.initializer import Normal

_KERNEL = 5
_CONV1_CHANNELS = 6
_CONV2_CHANNELS = 16


class LeNet5(nn.Cell):
    """Two convolutions and three dense layers.

    Input: float32 [N, num_channel, image_height, image_width], normalised (lenet.data.transform).
    Output: float32 [N, num_class], logits.
    """

    def __init__(
        self,
        num_class: int = 10,
        num_channel: int = 1,
        image_height: int = 32,
        image_width: int = 32,
        fused: nn.Cell | None = None,
    ) -> None:
        """`fused` runs convolution, ReLU and pool as one; None: MindSpore's operators."""
        super().__init__()
        self.fused = fused
        features = _CONV2_CHANNELS * _after_pools(image_height) * _after_pools(image_width)
        # As in the original, the convolutions begin with MindSpore's default, the dense layers not.
        self.conv1 = nn.Conv2d(num_channel, _CONV1_CHANNELS, _KERNEL, pad_mode="valid")
        self.conv2 = nn.Conv2d(_CONV1_CHANNELS, _CONV2_CHANNELS, _KERNEL, pad_mode="valid")
        self.relu = nn.ReLU()
        self.max_pool2d = nn.MaxPool2d(kernel_size=2, stride=2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Dense(features, 120, weight_init=Normal(0.02))
        self.fc2 = nn.Dense(120, 84, weight_init=Normal(0.02))
        self.fc3 = nn.Dense(84, num_class, weight_init=Normal(0.02))

    def construct(self, x: ms.Tensor) -> ms.Tensor:
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


def _after_pools(size: int) -> int:
    for _ in range(2):
        size = (size - _KERNEL + 1) // 2
    return size
