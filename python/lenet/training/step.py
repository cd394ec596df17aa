"""One training step as a compiled graph: forward, loss, gradients, update."""

import mindspore as ms
import numpy as np
from mindspore import amp, nn

from lenet.model.lenet5 import LeNet5


class Step:
    """Trains a network batch by batch.

    Attributes:
        cell: all parameters, of the network and of the optimizer; what a checkpoint holds.
    """

    def __init__(self, net: LeNet5, lr: float, momentum: float, device_target: str) -> None:
        loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
        optimizer = nn.Momentum(net.trainable_params(), lr, momentum)
        level = "O2" if device_target == "Ascend" else "O0"
        self.cell = amp.build_train_network(net, optimizer, loss, level=level)
        self.cell.set_train()
        # The learning rate and the momentum of a resumed run are those of its command line.
        own = {param.name for param in net.get_parameters()} | {"learning_rate", "momentum"}
        self._state = [param for param in self.cell.get_parameters() if param.name not in own]

    def __call__(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Trains on float32 [N, 1, H, W] and int32 [N] labels; the mean loss before the update."""
        return float(self.cell(ms.Tensor(images), ms.Tensor(labels)).asnumpy())

    def load_state(self, found: dict[str, ms.Parameter]) -> list[str]:
        """Takes the state of the optimizer from a checkpoint; names what it does not hold."""
        missing = []
        for param in self._state:
            value = found.get(param.name)
            if value is None or value.shape != param.shape:
                missing.append(param.name)
            else:
                param.set_data(ms.Tensor(value.asnumpy(), param.dtype))
        return missing
