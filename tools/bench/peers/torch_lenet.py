"""LeNet-5 in PyTorch, with the initial distributions of lenet.model."""

import torch
from torch import nn
from torch.nn import functional


class LeNet5(nn.Module):
    """LeNet-5 with MindSpore's parameter names: float32 [N, 1, 32, 32] to float32 [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        # Weights of convolutions and all biases: PyTorch's defaults are MindSpore's.
        self.conv1 = nn.Conv2d(1, 6, 5, bias=False)
        self.conv2 = nn.Conv2d(6, 16, 5, bias=False)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)
        for layer in (self.fc1, self.fc2, self.fc3):
            nn.init.normal_(layer.weight, std=0.02)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns the logits of a batch."""
        values = functional.max_pool2d(functional.relu(self.conv1(images)), 2)
        values = functional.max_pool2d(functional.relu(self.conv2(values)), 2)
        values = functional.relu(self.fc1(values.flatten(1)))
        return self.fc3(functional.relu(self.fc2(values)))
