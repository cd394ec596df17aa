"""Trains LeNet-5 with PyTorch; all data are prepared tensors in the device's memory."""

import argparse
import functools

import numpy as np
import torch
from torch.nn import functional

from lenet.data import idx, transform
from tools.bench.peers.recording import Recording
from tools.bench.peers.torch_lenet import LeNet5

_SIZE = 32  # pixels
_EVALUATION_BATCH = 1000


def main() -> None:
    """Runs the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="JSON file to write")
    parser.add_argument(
        "--compiled", action="store_true", help="use torch.compile for forward and loss"
    )
    parser.add_argument("--device_target", choices=("CPU", "GPU"), default="CPU")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--max_steps", type=int, required=True, help="steps per epoch; 0: no limit")
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--momentum", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    recording = Recording()
    accuracy = _train(options, recording)
    recording.write(options.output, accuracy, {"torch": torch.__version__})


def _train(options: argparse.Namespace, recording: Recording) -> float:
    device = "cuda" if options.device_target == "GPU" else "cpu"
    images, labels = _tensors("train", device)
    test = _tensors("test", device)
    net = LeNet5().to(device)
    # The fastest of PyTorch's three ways to update parameters (for-loop, foreach, fused).
    optimizer = torch.optim.SGD(net.parameters(), options.lr, options.momentum, fused=True)
    forward = functools.partial(_loss, net)
    if options.compiled:
        forward = torch.compile(forward)
    steps = len(labels) // options.batch_size
    accuracy = 0.0
    for _ in range(options.epochs):
        net.train()
        recording.start_epoch()
        order = torch.randperm(len(labels))[: steps * options.batch_size].to(device)
        for chosen in order.view(steps, -1)[: options.max_steps or None]:
            optimizer.zero_grad(set_to_none=True)
            loss = forward(images[chosen], labels[chosen])
            loss.backward()
            optimizer.step()
            recording.end_step(loss.item())
        recording.end_epoch()
        accuracy = _accuracy(net, *test)
        recording.evaluated(accuracy)
    return accuracy


def _tensors(split: idx.SplitName, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns normalised images, float32 [N, 1, 32, 32], and labels, int64 [N]."""
    data = idx.read_split("", split)
    images = transform.prepare(data.images, _SIZE, _SIZE)
    labels = data.labels.astype(np.int64)
    return torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)


def _loss(net: LeNet5, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(net(images), labels)


def _accuracy(net: LeNet5, images: torch.Tensor, labels: torch.Tensor) -> float:
    net.eval()
    with torch.inference_mode():
        batches = zip(images.split(_EVALUATION_BATCH), labels.split(_EVALUATION_BATCH), strict=True)
        right = sum(int((net(batch).argmax(1) == truth).sum()) for batch, truth in batches)
    return right / len(labels)


if __name__ == "__main__":
    main()
