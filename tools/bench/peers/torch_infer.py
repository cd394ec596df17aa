"""Runs the trained LeNet-5 over the test set with eager PyTorch."""

import argparse

import numpy as np
import torch

from tools.bench.peers import latency
from tools.bench.peers.torch_lenet import LeNet5


def main() -> None:
    """Runs the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="JSON file to write")
    parser.add_argument("--model", required=True, help="parameters by name, .npz")
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = LeNet5().eval()
    with np.load(options.model) as arrays:
        names = [name for name, _ in net.named_parameters()]
        net.load_state_dict({name: torch.from_numpy(arrays[name]) for name in names})
    batches = latency.images(options.batch_size)
    with torch.inference_mode():
        times, classes = latency.measure(
            lambda batch: net(torch.from_numpy(batch)).numpy(), batches
        )
    latency.write(options.output, times, classes, {"torch": torch.__version__})


if __name__ == "__main__":
    main()
