"""Defines the images and the learning rate of each training step."""

import numpy as np

from lenet.errors import UserError
from lenet.options.programs import TrainOptions


class Schedule:
    """The steps of a training run.

    Attributes:
        batch_size: images per step, over all workers.
        steps_per_epoch: steps per epoch.
        total: steps of all epochs, over which the learning rate decays.
        last: number of the last step; --max_steps may stop before `total`.
    """

    def __init__(self, options: TrainOptions, images: int, workers: int) -> None:
        """Plans a run on `images` training images.

        Raises:
            UserError: the batch is larger than the training set.
        """
        self.batch_size = options.batch_size * workers
        self.steps_per_epoch = images // self.batch_size
        if self.steps_per_epoch == 0:
            each = "" if workers == 1 else f"{images // workers} for each of {workers} workers, "
            raise UserError(
                f"--batch_size={options.batch_size}: expected at most {each}the {images} images of "
                "the training set"
            )
        self._images = images
        self._options = options
        self.total = options.epoch_size * self.steps_per_epoch
        self.last = min(self.total, options.max_steps or self.total)

    def position(self, done: int) -> tuple[int, int]:
        """Returns (epoch, step in the epoch), both from 1, of step number `done`, from 1."""
        epoch, step = divmod(done - 1, self.steps_per_epoch)
        return epoch + 1, step + 1

    def order(self, epoch: int) -> np.ndarray:
        """Returns the image indices of an epoch; see image_order()."""
        return image_order(self._images, self.batch_size, self._options.seed, epoch)

    def rates(self, first: int, steps: int) -> np.ndarray:
        """Returns the learning rates of `steps` steps after `first` completed ones."""
        options = self._options
        return learning_rates(options.lr, options.lr_decay, self.total, first, steps)


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
