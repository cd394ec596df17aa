"""Reads the input of an ONNX file and sets the name of its graph.

The few fields needed are declared here instead of depending on the `onnx` package. Protobuf keeps
all other fields unchanged.
"""

import dataclasses
import functools
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from lenet import resources
from lenet.errors import UserError

_PACKAGE = "lenet_onnx"
_FLOAT = 1  # TensorProto.DataType
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {"text": _Field.TYPE_STRING, "number": _Field.TYPE_INT64}

# Part of onnx.proto: {message: {field: (number, type, repeated)}}.
_MESSAGES = {
    "Model": {"graph": (7, "Graph", False)},
    "Graph": {
        "name": (2, "text", False),
        "initializer": (5, "Tensor", True),
        "input": (11, "Value", True),
    },
    "Tensor": {"name": (8, "text", False)},
    "Value": {"name": (1, "text", False), "type": (2, "Type", False)},
    "Type": {"tensor_type": (1, "TensorType", False)},
    "TensorType": {"elem_type": (1, "number", False), "shape": (2, "Shape", False)},
    "Shape": {"dim": (1, "Dimension", True)},
    "Dimension": {"dim_value": (1, "number", False)},
}


@dataclasses.dataclass(frozen=True)
class Input:
    """Name and shape of a network's input; 0 is a dimension without a fixed size."""

    name: str
    shape: tuple[int, ...]


def read_input(content: bytes, source: str) -> Input:
    """Returns the input of an ONNX model.

    Args:
        content: the model.
        source: name of the model for error messages.

    Raises:
        UserError: `content` is not an ONNX model with exactly one float32 input.
    """
    try:
        graph = _model_class().FromString(content).graph
    except DecodeError as error:
        raise UserError(f"{source}: not an ONNX model ({error})") from error
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise UserError(
            f"{source}: expected an ONNX model with one input, found {len(inputs)}; export a "
            f"LeNet with `{resources.command('//python:export', '--file_format=ONNX')}`"
        )
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type != _FLOAT:
        raise UserError(
            f"{source}: expected an input of float32 (1), found data type {tensor.elem_type}"
        )
    return Input(inputs[0].name, tuple(dim.dim_value for dim in tensor.shape.dim))


def set_graph_name(content: bytes, name: str) -> bytes:
    """Returns an ONNX model with its graph renamed to `name`.

    MindSpore composes the graph's name of numbers that depend on earlier compilations in the
    process; a fixed name makes the export reproducible.
    """
    model = _model_class().FromString(content)
    model.graph.name = name
    return model.SerializeToString(deterministic=True)


@functools.cache
def _model_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind, repeated) in fields.items():
            field = message.field.add(name=field_name, number=number)
            field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            field.type = _SCALARS.get(kind, _Field.TYPE_MESSAGE)
            if kind not in _SCALARS:
                field.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Model"))
