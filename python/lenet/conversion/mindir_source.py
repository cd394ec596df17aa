"""A MindIR, which ATC does not read, as the ONNX of the same network.

The weights are taken out of the MindIR and exported by lenet.exporting, which compares what it
wrote with the network.
"""

import os

import numpy as np

from lenet.errors import UserError
from lenet.exporting import export
from lenet.mindir import model as mindir
from lenet.options import config
from lenet.options.programs import ExportOptions

_FLOAT = 1  # TensorProto.DataType of MindIR


def to_onnx(path: str, height: int, width: int, folder: str) -> str:
    """Writes the LeNet-5 in the MindIR at `path` as ONNX into `folder` and returns its path.

    Raises:
        UserError: not a MindIR of //python:export, or of another image size.
    """
    import mindspore as ms

    with open(path, "rb") as file:
        model = mindir.parse(file.read(), path)
    shape = _input_shape(model, path)
    if shape[2:] != [height, width]:
        raise UserError(
            f"{path}: the model takes images of {shape[2]}x{shape[3]}, --image_height and "
            f"--image_width are {height}x{width}"
        )
    stem = os.path.join(folder, "model")
    parameters = [
        {"name": name, "data": ms.Tensor(value)} for name, value in _parameters(model, path)
    ]
    ms.save_checkpoint(parameters, stem + ".ckpt")
    export.export(
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
    return stem + ".onnx"


def _input_shape(model: mindir.ModelProto, path: str) -> list[int]:
    inputs = model.graph.input
    shape = list(inputs[0].tensor[0].dims) if len(inputs) == 1 and inputs[0].tensor else []
    if len(shape) != 4 or shape[1] != 1 or min(shape) < 1:
        raise UserError(f"{path}: expected a LeNet with one input [N, 1, H, W], found {shape}")
    return shape


def _parameters(model: mindir.ModelProto, path: str) -> list[tuple[str, np.ndarray]]:
    """[(name in a checkpoint, float32 values)]; the MindIR has "LeNet5:" before each name."""
    result = []
    for parameter in model.graph.parameter:
        if parameter.data_type != _FLOAT:
            raise UserError(f"{path}: {parameter.name} is not float32; give the ONNX of the model")
        values = np.frombuffer(parameter.raw_data, "<f4").reshape(list(parameter.dims))
        result.append((parameter.name.rpartition(":")[2], values.copy()))
    return result
