"""Trains LeNet-5 on MNIST and evaluates it on the test set.

Writes checkpoints and metrics.json into --ckpt_path. Ctrl-C saves a checkpoint; --resume
continues from the newest one as if the run had not been interrupted.
"""

from lenet import cli
from lenet.cloud import modelarts
from lenet.options.programs import TrainOptions
from lenet.training import launch, workers
from lenet.training.run import run_training


def _train(options: TrainOptions) -> None:
    """Trains in this process, or starts the workers of --distribute --device_num."""
    if options.distribute and not workers.started():
        launch.run_workers(launch.with_device_num(options))
    else:
        run_training(options)


def main() -> None:
    """Runs the program with the command line."""
    cli.run(TrainOptions, modelarts.train(_train))


if __name__ == "__main__":
    main()
