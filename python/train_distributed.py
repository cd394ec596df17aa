"""Trains LeNet-5 on MNIST by several workers, each with its own card, or share of the CPU.

Takes all flags of train. A step is over --worker_num times --batch_size images, gradients are
averaged, and checkpoints are those of train. Ctrl-C saves a checkpoint, --resume continues.
"""

from lenet import cli
from lenet.cloud import modelarts
from lenet.options.programs import TrainDistributedOptions
from lenet.training import launch


def main(options: TrainDistributedOptions) -> None:
    launch.launch(options)


if __name__ == "__main__":
    cli.run(TrainDistributedOptions, modelarts.train(main))
