"""Runs an exported file and compares it with the network that it came from."""

import os
from collections.abc import Callable

import numpy as np

from lenet.errors import LenetError

Runner = Callable[[np.ndarray], np.ndarray]  # float32 [batch, 1, H, W] to logits [batch, 10]


def mindir_runner(path: str) -> Runner:
    """Runs the MindIR at `path` in MindSpore, on the device of its context."""
    import mindspore as ms
    from mindspore import nn

    cell = nn.GraphCell(ms.load(path))
    return lambda batch: cell(ms.Tensor(batch)).asnumpy()


def onnx_runner(path: str) -> Runner:
    """Runs the ONNX file at `path` in onnxruntime, on the CPU."""
    # Read at the import: without it onnxruntime keeps a device id and a database in ~/.cache.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # it is a few images
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def check_equal(
    what: str, runner: Runner, reference: Runner, batches: list[np.ndarray], tolerance: float
) -> float:
    """Compares logits on all `batches`; returns the largest difference, relative to the largest.

    Raises:
        LenetError: another shape, or a difference above `tolerance`; the message names `what`.
    """
    largest = 0.0
    for batch in batches:
        expected = reference(batch)
        found = runner(batch)
        if found.shape != expected.shape:
            raise LenetError(
                f"{what}: expected an output of shape {expected.shape}, found {found.shape}"
            )
        scale = max(1.0, float(np.abs(expected).max()))
        difference = float(np.abs(found - expected).max()) / scale
        if not difference <= tolerance:  # NaN differs
            raise LenetError(
                f"{what}: its logits differ from the checkpoint's by {difference:.2g} of the "
                f"largest, expected at most {tolerance:g}; nothing was written"
            )
        largest = max(largest, difference)
    return largest
