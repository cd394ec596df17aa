"""Parses and writes MindIR files."""

from typing import Any

from google.protobuf.message import DecodeError
from mindspore.train.mind_ir_pb2 import ModelProto, NodeProto, PrimitiveProto

from lenet.errors import LenetError, UserError

_REFERENCE = "REF::"


def parse(content: bytes, source: str) -> ModelProto:
    """Parses a MindIR file.

    Args:
        content: the bytes of the file.
        source: name for error messages.

    Raises:
        UserError: `content` is not a MindIR.
    """
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{source}: not a MindIR ({error})") from error
    if not model.graph.node:
        raise UserError(f"{source}: not a MindIR, or a MindIR without a graph")
    return model


def serialize(model: ModelProto) -> bytes:
    """Returns the bytes of a file. Equal models give equal bytes."""
    return model.SerializeToString(deterministic=True)


def primitive_name(node: NodeProto) -> str:
    """Returns the name of the primitive of `node`, or "" for a constant."""
    return node.op_type[len(_REFERENCE) :] if node.op_type.startswith(_REFERENCE) else ""


def set_primitive(node: NodeProto, name: str) -> None:
    """Makes `node` refer to the primitive `name`."""
    node.op_type = _REFERENCE + name


def replace(field: Any, items: list[Any]) -> None:  # noqa: ANN401 (protobuf has no public type)
    """Replaces the messages of a repeated field; `items` may be its own messages."""
    copies = []
    for item in items:
        copies.append(type(item)())
        copies[-1].CopyFrom(item)
    del field[:]
    field.extend(copies)


def primitives_by_name(model: ModelProto) -> dict[str, PrimitiveProto]:
    """Returns the primitives (operators with their attributes) of a model.

    Raises:
        LenetError: a node refers to a missing primitive, or the model has several graphs.
    """
    if model.functions:
        raise LenetError(
            f"MindIR graph {model.graph.name!r} calls {len(model.functions)} other graphs; "
            "expected a network without control flow"
        )
    primitives = {primitive.name: primitive for primitive in model.primitives}
    for node in model.graph.node:
        if primitive_name(node) not in primitives and node.op_type != "Constant":
            raise LenetError(f"MindIR node {node.name!r}: unknown operator {node.op_type!r}")
    return primitives
