"""The name of the graph in an ONNX file.

MindSpore makes it of numbers that depend on what the process compiled before. The `onnx` package
is not needed for this: the two fields are declared here, and protobuf keeps all others as they are.
"""

import functools

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto


def set_graph_name(content: bytes, name: str) -> bytes:
    """The ONNX model `content` with its graph named `name`."""
    model = _model_class().FromString(content)
    model.graph.name = name
    return model.SerializeToString(deterministic=True)


@functools.cache
def _model_class() -> type[Message]:
    """onnx.ModelProto, with field 7 (graph) only, of which field 2 (name) only."""
    file = descriptor_pb2.FileDescriptorProto(name="lenet_onnx.proto", package="lenet_onnx")
    graph = file.message_type.add(name="Graph")
    graph.field.add(name="name", number=2, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
    model = file.message_type.add(name="Model")
    model.field.add(
        name="graph",
        number=7,
        type=_Field.TYPE_MESSAGE,
        type_name=".lenet_onnx.Graph",
        label=_Field.LABEL_OPTIONAL,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("lenet_onnx.Model"))
