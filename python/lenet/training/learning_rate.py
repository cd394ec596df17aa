"""The learning rate of each step."""

import numpy as np


def rates(lr: float, decay: str, total: int, first: int, steps: int) -> np.ndarray:
    """Learning rates, float32 [steps], of the steps from `first`, counted from 0.

    Args:
        lr: at the start.
        decay: "none", or "cosine": half a cosine from `lr` to nearly 0 over `total` steps
            (Loshchilov and Hutter, "SGDR", 2017, equation 5 without restarts).
        total: steps of the whole run.
        first: of the steps asked for.
        steps: how many.
    """
    if decay == "none":
        return np.full(steps, lr, np.float32)
    done = np.arange(first, first + steps) / total
    return (lr * (1 + np.cos(np.pi * done)) / 2).astype(np.float32)
