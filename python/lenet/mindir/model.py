"""Reading and writing MindIR, and what both transforms of it share."""

from google.protobuf.message import DecodeError
from mindspore.train.mind_ir_pb2 import ModelProto, NodeProto, PrimitiveProto

from lenet.errors import LenetError, UserError

_REFERENCE = "REF::"


def parse(content: bytes, source: str) -> ModelProto:
    """The model in `content`.

    Raises:
        UserError: not a MindIR; the message names `source`.
    """
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise UserError(f"{source}: not a MindIR ({error})") from error
    if not model.graph.node:
        raise UserError(f"{source}: not a MindIR, or one without a graph")
    return model


def serialize(model: ModelProto) -> bytes:
    """Equal models give equal bytes."""
    return model.SerializeToString(deterministic=True)


def primitive_name(node: NodeProto) -> str:
    """The name of the primitive that `node` refers to; "" for a constant."""
    return node.op_type[len(_REFERENCE) :] if node.op_type.startswith(_REFERENCE) else ""


def refer(node: NodeProto, primitive: PrimitiveProto) -> None:
    """Makes `primitive` the operator of `node`."""
    node.op_type = _REFERENCE + primitive.name


def primitives_by_name(model: ModelProto) -> dict[str, PrimitiveProto]:
    """All primitives; each node but the constants must refer to one.

    Raises:
        LenetError: a node refers to none, or the model has more than its main graph.
    """
    if model.functions:
        raise LenetError(
            f"MindIR graph {model.graph.name!r} calls {len(model.functions)} other graphs; "
            "expected a network without control flow"
        )
    primitives = {primitive.name: primitive for primitive in model.primitives}
    for node in model.graph.node:
        name = primitive_name(node)
        if name not in primitives and node.op_type != "Constant":
            raise LenetError(f"MindIR node {node.name!r}: unknown operator {node.op_type!r}")
    return primitives
