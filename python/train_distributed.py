"""Trains LeNet-5 on MNIST with several workers, each on its own card or share of the CPU.

Accepts all flags of train. A step uses --worker_num times --batch_size images, and gradients are
averaged. Checkpoints have the format of train. Ctrl-C saves a checkpoint; --resume continues.
"""

from lenet import cli
from lenet.cloud import modelarts
from lenet.options.programs import TrainDistributedOptions
from lenet.training.launch import run_workers


def main() -> None:
    """Runs the program with the command line."""
    cli.run(TrainDistributedOptions, modelarts.train(run_workers))


if __name__ == "__main__":
    main()
