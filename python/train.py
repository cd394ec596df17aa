"""Trains LeNet-5 on MNIST and evaluates it on the test set.

Writes checkpoints and metrics.json into --ckpt_path. Ctrl-C saves a checkpoint; --resume
continues from the newest one as if the run had never been interrupted.
"""

from lenet import cli
from lenet.cloud import modelarts
from lenet.options.programs import TrainOptions
from lenet.training import launch, train, workers


def main(options: TrainOptions) -> None:
    if options.distribute and not workers.started():
        launch.launch(launch.with_device_num(options))
    else:
        train.train_and_evaluate(options)


if __name__ == "__main__":
    cli.run(TrainOptions, modelarts.train(main))
