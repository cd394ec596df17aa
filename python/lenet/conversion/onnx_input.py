"""What an ONNX file says about its input.

The `onnx` package is not needed for this: the few fields are declared here (see also
lenet.exporting.onnx_name).
"""

import dataclasses
import functools

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from lenet.errors import UserError

_PACKAGE = "lenet_onnx_input"
_FLOAT = 1  # TensorProto.DataType
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {"text": _Field.TYPE_STRING, "number": _Field.TYPE_INT64}

# The part of onnx.proto that is looked at: {message: {field: (number, type, repeated)}}.
_MESSAGES = {
    "Model": {"graph": (7, "Graph", False)},
    "Graph": {"initializer": (5, "Tensor", True), "input": (11, "Value", True)},
    "Tensor": {"name": (8, "text", False)},
    "Value": {"name": (1, "text", False), "type": (2, "Type", False)},
    "Type": {"tensor_type": (1, "TensorType", False)},
    "TensorType": {"elem_type": (1, "number", False), "shape": (2, "Shape", False)},
    "Shape": {"dim": (1, "Dimension", True)},
    "Dimension": {"dim_value": (1, "number", False)},
}


@dataclasses.dataclass(frozen=True)
class Input:
    """The input of a network: its name and shape; 0 stands for a size that is not fixed."""

    name: str
    shape: tuple[int, ...]


def read(content: bytes, source: str) -> Input:
    """The one input of the ONNX model `content`.

    Raises:
        UserError: not an ONNX model, or not with one float32 input; the message names `source`.
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
            "LeNet with `bazel run //python:export -- --file_format=ONNX`"
        )
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type != _FLOAT:
        raise UserError(
            f"{source}: expected an input of float32 (1), found data type {tensor.elem_type}"
        )
    return Input(inputs[0].name, tuple(dim.dim_value for dim in tensor.shape.dim))


@functools.cache
def _model_class() -> type[Message]:
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
