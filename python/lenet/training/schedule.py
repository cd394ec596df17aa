"""Defines the images and the learning rate of each training step."""

import functools
import math

import numpy as np

from lenet.errors import UserError
from lenet.options.programs import TrainOptions
from lenet.training.workers import Workers


class Schedule:
    """The steps of a training run.

    Attributes:
        batch_size: images per step, over all workers.
        steps_per_epoch: steps per epoch.
        total: steps of all epochs, over which the learning rate decays.
        last: number of the last step; --max_steps may stop before `total`.
    """

    def __init__(self, options: TrainOptions, images: int, workers: Workers) -> None:
        """Plans a run on `images` training images.

        Raises:
            UserError: the batch is larger than the training set.
        """
        self.batch_size = options.batch_size * workers.size
        self.steps_per_epoch = images // self.batch_size
        if self.steps_per_epoch == 0:
            size = workers.size
            each = "" if size == 1 else f"{images // size} for each of {size} workers, "
            raise UserError(
                f"--batch_size={options.batch_size}: expected at most {each}the {images} images of "
                "the training set"
            )
        self._images = images
        self._options = options
        self._workers = workers
        self.total = options.epoch_size * self.steps_per_epoch
        self.last = min(self.total, options.max_steps or self.total)

    def position(self, done: int) -> tuple[int, int]:
        """Returns (epoch, step in the epoch), both from 1, of step number `done`, from 1."""
        epoch, step = divmod(done - 1, self.steps_per_epoch)
        return epoch + 1, step + 1

    def order(self, first: int, steps: int) -> np.ndarray:
        """Returns the indices of this worker's images, int64 [steps, batch / workers].

        `steps` steps of one epoch follow `first` completed ones; see image_order().
        """
        epoch, start = divmod(first, self.steps_per_epoch)
        whole = image_order(self._images, self.batch_size, self._options.seed, epoch + 1)
        return self._workers.share(whole[start : start + steps])

    def steps_to_pause(self, first: int) -> int:
        """Returns the steps after `first` completed ones to the end of an epoch or a checkpoint."""
        periods = (self.steps_per_epoch, self._options.save_checkpoint_steps)
        return min(*(period - first % period for period in periods), self.last - first)

    def launch_size(self, first: int, most: int) -> int:
        """Returns the most steps per launch, at most `most`, so that launches end at each pause.

        Pauses are those of steps_to_pause, and the end of the run.
        """
        save = self._options.save_checkpoint_steps
        common = math.gcd(first, self.last, self.steps_per_epoch, save if save < self.last else 0)
        return max(size for size in range(1, most + 1) if common % size == 0)

    def rates(self, first: int, steps: int) -> np.ndarray:
        """Returns the learning rates of `steps` steps after `first` completed ones."""
        options = self._options
        return learning_rates(options.lr, options.lr_decay, self.total, first, steps)


@functools.lru_cache(maxsize=2)
def image_order(images: int, batch_size: int, seed: int, epoch: int) -> np.ndarray:
    """Returns the image indices of an epoch (from 1), int64 [steps, batch_size].

    Images that do not fill a batch are left out. The order depends only on the arguments, so that
    a resumed run continues with the same images.
    """
    steps = images // batch_size
    shuffled = np.random.default_rng((seed, epoch)).permutation(images)
    return shuffled[: steps * batch_size].reshape(steps, batch_size)


def learning_rates(lr: float, decay: str, total: int, first: int, steps: int) -> np.ndarray:
    """Returns learning rates, float32 [steps].

    Args:
        lr: learning rate of the first step of the run.
        decay: "none", or "cosine": half a cosine from `lr` to nearly 0 over `total` steps
            (Loshchilov and Hutter, "SGDR", 2017, equation 5 without restarts).
        total: steps of the whole run.
        first: index of the first step, from 0.
        steps: number of steps.
    """
    if decay == "none":
        return np.full(steps, lr, np.float32)
    done = np.arange(first, first + steps) / total
    return (lr * (1 + np.cos(np.pi * done)) / 2).astype(np.float32)
