"""Writes a network in each export format and verifies the result."""

import os
from collections.abc import Callable
from pathlib import Path

import mindspore as ms
import numpy as np
from absl import logging
from mindspore import nn

from lenet.errors import LenetError
from lenet.exporting import onnx_file
from lenet.mindir import canonical, lite
from lenet.mindir import model as mindir

_GRAPH_NAME = "LeNet5"
_INPUT_NAME = "x"
_OUTPUT_NAME = "logits"  # in ONNX; MindIR names its output after the last operator

# Maximum difference between the logits of a file and of the checkpoint, relative to the largest
# logit. On the CPU, both are computed in float32 (measured: 1e-6); an Ascend multiplies in float16,
# a GPU in TF32.
TOLERANCE = {"CPU": 1e-4, "Ascend": 1e-2}

# Maps float32 [batch, 1, H, W] to logits [batch, 10].
Runner = Callable[[np.ndarray], np.ndarray]
Batches = list[np.ndarray]
Files = dict[str, bytes]  # contents by suffix


def _export_mindir(net: nn.Cell, batches: Batches, tolerance: float, folder: Path) -> Files:
    raw = folder / "raw.mindir"
    ms.export(net, ms.Tensor(batches[0]), file_name=str(raw), file_format="MINDIR")
    model = mindir.parse(raw.read_bytes(), str(raw))
    canonical.canonicalise(model, _GRAPH_NAME)
    contents = {".mindir": mindir.serialize(model)}
    lite.to_lite(model)
    contents["_lite.mindir"] = mindir.serialize(model)
    for suffix, content in contents.items():
        path = folder / f"model{suffix}"
        path.write_bytes(content)
        verify(suffix, mindir_runner(path), net, batches, tolerance)
    return contents


def _export_onnx(net: nn.Cell, batches: Batches, tolerance: float, folder: Path) -> Files:
    path = folder / "model.onnx"
    ms.onnx.export(
        net,
        ms.Tensor(batches[0]),
        file_name=str(path),
        input_names=[_INPUT_NAME],
        output_names=[_OUTPUT_NAME],
    )
    content = onnx_file.set_graph_name(path.read_bytes(), _GRAPH_NAME)
    path.write_bytes(content)
    verify(".onnx", onnx_runner(path), net, batches, tolerance)
    return {".onnx": content}


def _export_air(net: nn.Cell, batches: Batches, tolerance: float, folder: Path) -> Files:
    path = folder / "model.air"
    ms.export(net, ms.Tensor(batches[0]), file_name=str(path), file_format="AIR")
    logging.info("AIR is not verified: only the Ascend tool chain (atc) can read it")
    return {".air": path.read_bytes()}


EXPORTERS = {"MINDIR": _export_mindir, "ONNX": _export_onnx, "AIR": _export_air}


def mindir_runner(path: Path) -> Runner:
    """Returns a function that runs a MindIR in MindSpore, on the device of its context."""
    cell = nn.GraphCell(ms.load(str(path)))
    return lambda batch: cell(ms.Tensor(batch)).asnumpy()


def onnx_runner(path: Path) -> Runner:
    """Returns a function that runs an ONNX file in onnxruntime, on the CPU."""
    # onnxruntime reads it at its import; without it, it writes a device id to ~/.cache.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # enough for a few images
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def verify(suffix: str, runner: Runner, net: nn.Cell, batches: Batches, tolerance: float) -> None:
    """Compares the logits of a file and of a network on all batches.

    Args:
        suffix: suffix of the file, for messages.
        runner: runs the file.
        net: network that was exported.
        batches: float32 [batch, 1, H, W] each.
        tolerance: maximum difference, relative to the largest logit.

    Raises:
        LenetError: another shape, or a larger difference.
    """
    largest = 0.0
    for batch in batches:
        expected = net(ms.Tensor(batch)).asnumpy()
        found = runner(batch)
        if found.shape != expected.shape:
            raise LenetError(
                f"{suffix}: expected an output of shape {expected.shape}, found {found.shape}"
            )
        difference = float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))
        if not difference <= tolerance:  # also true for NaN
            raise LenetError(
                f"{suffix}: its logits differ from the checkpoint's by {difference:.2g} of the "
                f"largest, expected at most {tolerance:g}; nothing was written"
            )
        largest = max(largest, difference)
    logging.info(
        "%s: verified on %d images, logits differ by %.1g of the largest (tolerance %g)",
        suffix,
        sum(map(len, batches)),
        largest,
        tolerance,
    )
