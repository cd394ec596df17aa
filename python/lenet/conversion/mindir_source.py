"""Converts a MindIR, which ATC does not read, to ONNX.

The weights are exported again by lenet.exporting, which compares the result with the network.
"""

from pathlib import Path

import numpy as np

from lenet.errors import UserError
from lenet.exporting import run
from lenet.mindir import model as mindir
from lenet.options import config
from lenet.options.programs import ExportOptions

_FLOAT = 1  # TensorProto.DataType of MindIR


def to_onnx(path: Path, height: int, width: int, folder: Path) -> Path:
    """Exports the LeNet-5 of a MindIR as ONNX and returns the ONNX file.

    Args:
        path: the MindIR.
        height: expected input height in pixels.
        width: expected input width in pixels.
        folder: folder for the ONNX file.

    Raises:
        UserError: the file is not a MindIR of //python:export, or its input size differs.
    """
    import mindspore as ms

    model = mindir.parse(path.read_bytes(), str(path))
    shape = _input_shape(model, path)
    if shape[2:] != [height, width]:
        raise UserError(
            f"{path}: the model takes images of {shape[2]}x{shape[3]}, --image_height and "
            f"--image_width are {height}x{width}"
        )
    stem = str(folder / "model")
    parameters = _parameters(model, path).items()
    entries = [{"name": name, "data": ms.Tensor(values)} for name, values in parameters]
    ms.save_checkpoint(entries, stem + ".ckpt")
    run.run_export(
        config.default_options(
            ExportOptions,
            device_target="CPU",
            image_height=height,
            image_width=width,
            ckpt_file=stem + ".ckpt",
            file_name=stem,
            file_format="ONNX",
            batch_size=shape[0],
        )
    )
    return Path(stem + ".onnx")


def _input_shape(model: mindir.ModelProto, path: Path) -> list[int]:
    inputs = model.graph.input
    shape = list(inputs[0].tensor[0].dims) if len(inputs) == 1 and inputs[0].tensor else []
    if len(shape) != 4 or shape[1] != 1 or min(shape) < 1:
        raise UserError(f"{path}: expected a LeNet with one input [N, 1, H, W], found {shape}")
    return shape


def _parameters(model: mindir.ModelProto, path: Path) -> dict[str, np.ndarray]:
    """Returns {name in a checkpoint: float32 values}; a MindIR prefixes names with "LeNet5:"."""
    result = {}
    for parameter in model.graph.parameter:
        if parameter.data_type != _FLOAT:
            raise UserError(f"{path}: {parameter.name} is not float32; use the ONNX of the model")
        try:
            values = np.frombuffer(parameter.raw_data, "<f4").reshape(list(parameter.dims))
            result[parameter.name.rpartition(":")[2]] = values.copy()
        except (TypeError, ValueError) as error:  # TypeError: the name is not UTF-8
            raise UserError(
                f"{path}: damaged parameter {parameter.name!r} ({error}); export the model again"
            ) from error
    return result
