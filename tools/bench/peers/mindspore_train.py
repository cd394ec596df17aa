"""Trains LeNet-5 with plain MindSpore, as the original of this project does.

The recipe is Model.train on a pipeline of mindspore.dataset (MnistDataset, one map per operation,
shuffle, batch) with LossMonitor, TimeMonitor and ModelCheckpoint at their defaults.
"""

import argparse

import mindspore as ms
import numpy as np
from mindspore import dataset, nn
from mindspore.dataset import transforms, vision

from lenet import resources
from lenet.data import idx, transform
from lenet.model.lenet5 import LeNet5
from tools.bench.peers.recording import Recording

_SIZE = 32  # pixels
_SHUFFLE_BUFFER = 10000
_EVALUATION_BATCH = 1000
_STEPS_A_CHECKPOINT = 1875


def main() -> None:
    """Runs the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="JSON file to write")
    parser.add_argument("--max_steps", type=int, required=True, help="0: one epoch")
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--momentum", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    ms.set_seed(options.seed)
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    net = LeNet5()
    recording = Recording()
    _train(net, options, recording)
    recording.write(options.output, _accuracy(net), {"mindspore": ms.__version__})


def _train(net: nn.Cell, options: argparse.Namespace, recording: Recording) -> None:
    data = _pipeline(options.batch_size)
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    optimizer = nn.Momentum(net.trainable_params(), options.lr, options.momentum)
    model = ms.Model(net, loss, optimizer, metrics={"Accuracy": nn.Accuracy()})
    config = ms.train.CheckpointConfig(_STEPS_A_CHECKPOINT, keep_checkpoint_max=10)
    callbacks = [
        ms.train.TimeMonitor(data.get_dataset_size()),
        ms.train.ModelCheckpoint("checkpoint_lenet", ".", config),
        ms.train.LossMonitor(),
        _Times(recording, options.max_steps),
    ]
    model.train(1, data, callbacks=callbacks)


class _Times(ms.train.Callback):
    """Callback that records each step and stops the run after `max_steps`."""

    def __init__(self, recording: Recording, max_steps: int) -> None:
        super().__init__()
        self._recording = recording
        self._max_steps = max_steps
        self._done = 0

    def on_train_epoch_begin(self, run_context: ms.train.RunContext) -> None:
        self._recording.start_epoch()

    def on_train_step_end(self, run_context: ms.train.RunContext) -> None:
        loss = run_context.original_args().net_outputs
        self._recording.end_step(float(loss.asnumpy()))
        self._done += 1
        if self._done == self._max_steps:
            run_context.request_stop()

    def on_train_epoch_end(self, run_context: ms.train.RunContext) -> None:
        if not self._max_steps:
            self._recording.end_epoch()


def _pipeline(batch_size: int) -> dataset.Dataset:
    data = dataset.MnistDataset(_folder())
    data = data.map(transforms.TypeCast(ms.int32), "label", num_parallel_workers=1)
    operations = (
        vision.Resize((_SIZE, _SIZE), vision.Inter.LINEAR),
        vision.Rescale(1 / 255, 0.0),
        vision.Rescale(1 / transform.STD, -transform.MEAN / transform.STD),
        vision.HWC2CHW(),
    )
    for operation in operations:
        data = data.map(operation, "image", num_parallel_workers=1)
    return data.shuffle(_SHUFFLE_BUFFER).batch(batch_size, drop_remainder=True)


def _folder() -> str:
    """Returns the folder of the training set, in which mindspore.dataset finds the files."""
    return str(resources.path("Data/train/train-images.idx3-ubyte", "mnist").parent)


def _accuracy(net: nn.Cell) -> float:
    test = idx.read_split("", "test")
    images = transform.prepare(test.images, _SIZE, _SIZE)
    net.set_train(False)
    logits = [
        net(ms.Tensor(batch)).asnumpy()
        for batch in np.split(images, len(images) // _EVALUATION_BATCH)
    ]
    return float((np.concatenate(logits).argmax(1) == test.labels).mean())


if __name__ == "__main__":
    main()
