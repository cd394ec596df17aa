"""In which order a training run sees the images."""

import numpy as np


def order(images: int, batch_size: int, seed: int, epoch: int) -> np.ndarray:
    """Indices int64 [steps, batch_size] of an epoch (from 1); what fills no batch is left out.

    It depends on the arguments alone, so that a resumed run goes on as if never interrupted.
    """
    steps = images // batch_size
    shuffled = np.random.default_rng((seed, epoch)).permutation(images)
    return shuffled[: steps * batch_size].reshape(steps, batch_size)
