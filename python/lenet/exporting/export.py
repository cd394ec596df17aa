"""Exports a checkpoint to MindIR, ONNX or AIR."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING

import numpy as np
from absl import logging

from lenet import devices, files
from lenet.data import idx, transform
from lenet.errors import DeviceUnavailableError, UserError
from lenet.exporting import onnx_file, verification
from lenet.model import checkpoint
from lenet.options.programs import ExportOptions

if TYPE_CHECKING:
    from mindspore import nn

INPUT_NAME = "x"
OUTPUT_NAME = "logits"  # of ONNX; MindIR names its output after the last operator
_GRAPH_NAME = "LeNet5"
_VERIFIED_IMAGES = 8  # at least; a whole number of batches

# Largest difference between logits of the file and of the checkpoint, relative to the largest
# logit. Both are computed in float32 on the CPU (measured: 1e-6); an Ascend multiplies in half
# precision, a GPU in TF32.
_TOLERANCE = {"CPU": 1e-4, "GPU": 1e-2, "Ascend": 1e-2}


def export(options: ExportOptions) -> None:
    """Writes `<file_name>.mindir` and `<file_name>_lite.mindir`, or `.onnx`, or `.air`.

    The network takes `x`, float32 [batch_size, 1, image_height, image_width], normalised
    (lenet.data.transform), and gives logits [batch_size, 10]. Equal checkpoints give equal bytes,
    except for AIR. Each file but AIR is run and compared with the checkpoint before it gets its
    name.

    Raises:
        UserError: bad checkpoint, data set or output path.
        DeviceUnavailableError: AIR without an Ascend, or a device that is not here.
        LenetError: an exported file does not compute what the checkpoint does.
    """
    path = checkpoint.newest(options.ckpt_file)
    file_name = _file_name(options)
    batches = _verification_batches(options)
    target = _target(options)
    _make_folder(file_name)
    devices.prepare_environment()

    from lenet.model.lenet5 import LeNet5

    devices.set_context(target, options.device_id)
    net = LeNet5(image_height=options.image_height, image_width=options.image_width)
    net.set_train(False)
    checkpoint.load_into(net, path)
    with tempfile.TemporaryDirectory() as folder, devices.failures_reported(target):
        logging.info("exporting %s", path)
        contents = _EXPORTERS[options.file_format](net, batches, target, folder)
    _publish({file_name + ending: content for ending, content in contents.items()})
    if options.file_format == "MINDIR":
        print(f"next: bazel run //cc:infer310 -- --mindir_path={file_name}.mindir")


def _file_name(options: ExportOptions) -> str:
    """The output without its ending, which users may have written out of habit."""
    stem, ending = os.path.splitext(options.file_name)
    stem = stem if ending.lower() == f".{options.file_format.lower()}" else options.file_name
    if not os.path.basename(stem) or os.path.isdir(stem):
        raise UserError(
            f"--file_name: expected the name of a file, without its ending, found "
            f"{options.file_name!r}"
        )
    return stem


def _target(options: ExportOptions) -> str:
    if options.file_format == "AIR":
        try:
            return devices.resolve("Ascend", options.device_id)
        except DeviceUnavailableError as error:
            raise DeviceUnavailableError(
                "--file_format=AIR: MindSpore writes AIR on an Ascend card only, and none can be "
                "used here; take MINDIR, which infer310 reads everywhere, or export on a machine "
                "where --device_target=Ascend works"
            ) from error
    return devices.resolve(options.device_target, options.device_id)


def _verification_batches(options: ExportOptions) -> list[np.ndarray]:
    """Test images as batches, float32 [batch_size, 1, H, W] each; images repeat if need be."""
    images = idx.read_split(options.data_path, "test").images
    size = options.batch_size
    count = max(1, _VERIFIED_IMAGES // size)
    chosen = images[np.arange(count * size) % min(len(images), max(_VERIFIED_IMAGES, size))]
    prepared = transform.prepare(chosen, options.image_height, options.image_width)
    return list(prepared.reshape(count, size, *prepared.shape[1:]))


def _make_folder(file_name: str) -> None:
    folder = os.path.dirname(file_name) or "."
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--file_name: cannot make the folder {folder}: {error.strerror}"
        ) from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"--file_name: no right to write to the folder {folder}")


def _reference(net: nn.Cell) -> verification.Runner:
    import mindspore as ms

    return lambda batch: net(ms.Tensor(batch)).asnumpy()


def _export_mindir(
    net: nn.Cell, batches: list[np.ndarray], target: str, folder: str
) -> dict[str, bytes]:
    import mindspore as ms

    from lenet.mindir import canonical, lite
    from lenet.mindir import model as mindir

    raw = os.path.join(folder, "raw.mindir")
    ms.export(net, ms.Tensor(batches[0]), file_name=raw, file_format="MINDIR")
    with open(raw, "rb") as file:
        model = mindir.parse(file.read(), raw)
    canonical.canonicalise(model, _GRAPH_NAME)
    contents = {".mindir": mindir.serialize(model)}
    lite.to_lite(model)
    contents["_lite.mindir"] = mindir.serialize(model)
    for ending, content in contents.items():
        path = os.path.join(folder, "model" + ending)
        files.write_atomically(path, content)
        _verify(ending, verification.mindir_runner(path), net, batches, target)
    return contents


def _export_onnx(
    net: nn.Cell, batches: list[np.ndarray], target: str, folder: str
) -> dict[str, bytes]:
    import mindspore as ms

    raw = os.path.join(folder, "raw.onnx")
    ms.onnx.export(
        net,
        ms.Tensor(batches[0]),
        file_name=raw,
        input_names=[INPUT_NAME],
        output_names=[OUTPUT_NAME],
    )
    with open(raw, "rb") as file:
        content = onnx_file.set_graph_name(file.read(), _GRAPH_NAME)
    path = os.path.join(folder, "model.onnx")
    files.write_atomically(path, content)
    _verify(".onnx", verification.onnx_runner(path), net, batches, target)
    return {".onnx": content}


def _export_air(
    net: nn.Cell, batches: list[np.ndarray], target: str, folder: str
) -> dict[str, bytes]:
    import mindspore as ms

    raw = os.path.join(folder, "raw.air")
    ms.export(net, ms.Tensor(batches[0]), file_name=raw, file_format="AIR")
    logging.info("AIR is not verified: only the Ascend tool chain (atc) can run it")
    with open(raw, "rb") as file:
        return {".air": file.read()}


_EXPORTERS = {"MINDIR": _export_mindir, "ONNX": _export_onnx, "AIR": _export_air}


def _verify(
    ending: str,
    runner: verification.Runner,
    net: nn.Cell,
    batches: list[np.ndarray],
    target: str,
) -> None:
    tolerance = _TOLERANCE[target]
    difference = verification.check_equal(ending, runner, _reference(net), batches, tolerance)
    logging.info(
        "%s: verified on %d images, logits differ by %.1g of the largest (tolerance %g)",
        ending,
        sum(map(len, batches)),
        difference,
        tolerance,
    )


def _publish(contents: dict[str, bytes]) -> None:
    """Writes all files, then gives all of them their names."""
    with contextlib.ExitStack() as stack:
        for path, content in contents.items():
            temporary = stack.enter_context(files.replacing(path))
            with open(temporary, "wb") as file:
                file.write(content)
    for path, content in contents.items():
        print(f"{path}: {len(content)} bytes")
