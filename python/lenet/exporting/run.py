"""Exports a checkpoint to MindIR, ONNX or AIR."""

from __future__ import annotations

import pathlib
import tempfile

import numpy as np
from absl import logging

from lenet import devices, files, memory
from lenet.data import idx, transform
from lenet.devices import Device
from lenet.errors import DeviceUnavailableError, UserError
from lenet.model import checkpoint
from lenet.options.programs import ExportOptions

_MODEL_COPIES = 5  # at most, in the temporary folder
_VERIFIED_IMAGES = 8  # at least; a whole number of batches


def run_export(options: ExportOptions) -> list[pathlib.Path]:
    """Writes `<file_name>.mindir` and `<file_name>_lite.mindir`, or `.onnx`, or `.air`.

    The network takes `x`, float32 [batch_size, 1, image_height, image_width], normalised
    (lenet.data.transform), and returns logits [batch_size, 10]. Equal checkpoints give equal
    bytes, except for AIR. Each file except AIR is run and compared with the checkpoint before it
    gets its name. Returns the paths.

    Raises:
        UserError: invalid checkpoint, data set or output path.
        DeviceUnavailableError: AIR without an Ascend, or the device is not available.
        LenetError: an exported file does not compute what the checkpoint does.
    """
    path = checkpoint.newest(options.ckpt_file)
    output = _output(options)
    memory.require(
        "--batch_size, --image_height and --image_width",
        80 * options.batch_size * options.image_height * options.image_width,
    )
    batches = _verification_batches(options)
    device = _device(options)
    files.make_folder("file_name", output.parent)
    devices.set_context(device.name, options.device_id)

    from lenet.exporting import formats
    from lenet.model.lenet5 import LeNet5

    net = LeNet5(image_height=options.image_height, image_width=options.image_width)
    net.set_train(False)
    checkpoint.load_into(net, path)
    with tempfile.TemporaryDirectory() as folder, devices.failures_reported(device):
        logging.info("exporting %s", path)
        files.require_space(folder, _MODEL_COPIES * sum(p.nbytes for p in net.get_parameters()))
        export = formats.EXPORTERS[options.file_format]
        contents = export(net, batches, formats.TOLERANCE[device.name], pathlib.Path(folder))
    files.write_all({f"{output}{suffix}": content for suffix, content in contents.items()})
    for suffix, content in contents.items():
        print(f"{output}{suffix}: {len(content)} bytes")
    if options.file_format == "MINDIR":
        print(f"next: bazel run //cc:infer310 -- --mindir_path={output}.mindir")
    return [pathlib.Path(f"{output}{suffix}") for suffix in contents]


def _output(options: ExportOptions) -> pathlib.Path:
    """Returns the output path without the suffix of the format, if the user has written one."""
    output = pathlib.Path(options.file_name)
    if output.suffix.lower() == f".{options.file_format.lower()}":
        output = output.with_suffix("")
    if not output.name or output.is_dir():
        raise UserError(
            "--file_name: expected the name of a file, without its ending, found "
            f"{options.file_name!r}"
        )
    return output


def _device(options: ExportOptions) -> Device:
    if options.file_format != "AIR":
        found = devices.resolve(options.device_target, options.device_id, fused_kernels=True)
        return Device("CPU" if found == "GPU" else found)  # the files are the same
    try:
        return Device(devices.resolve("Ascend", options.device_id))
    except DeviceUnavailableError as error:
        raise DeviceUnavailableError(
            "--file_format=AIR: MindSpore writes AIR only on an Ascend card, and none was found; "
            "use MINDIR, which infer310 reads everywhere, or export on a machine where "
            "--device_target=Ascend works"
        ) from error


def _verification_batches(options: ExportOptions) -> list[np.ndarray]:
    """Returns test or random images, float32 [batch_size, 1, H, W] each; few images repeat."""
    shape = (_VERIFIED_IMAGES, idx.IMAGE_SIZE, idx.IMAGE_SIZE)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if options.data_path:
        images = idx.read_split(options.data_path, "test").images
    size = options.batch_size
    count = max(1, _VERIFIED_IMAGES // size)
    chosen = images[np.arange(count * size) % min(len(images), max(_VERIFIED_IMAGES, size))]
    prepared = transform.prepare(chosen, options.image_height, options.image_width)
    return list(prepared.reshape(count, size, *prepared.shape[1:]))
