"""MindIR in the form that MindSpore Lite 2.0 reads.

MindSpore 2.10 writes `mind_ir_version: 3`; Lite 2.0.0 reads up to 1. For the operators of LeNet-5
the newer versions differ in arguments that were attributes of the operator and became inputs:

  1. `mind_ir_version` becomes 1.
  2. A `MatMul` node with 4 inputs: inputs 2 and 3 (from 0) must be `Constant` nodes of type BOOL.
     They are removed, and the node's primitive gets BOOL attributes `transpose_a`, `transpose_b`.
  3. A `BiasAdd` node with 3 inputs: input 2 must be a `Constant` of type INT64 with the value 0,
     MindSpore's number for NCHW. It is removed, and the primitive gets `format: "NCHW"` (STRING).
  4. Nodes share primitives. Where two would need different attributes, each gets its own.
  5. `Constant` nodes that nothing uses any more are removed.

A model of version 0 or 1 has these attributes already and stays as it is. cc/mindir does the same
in C++, for users who hand infer310 the file that MindSpore itself wrote.
"""

from mindspore.train.mind_ir_pb2 import (
    AttributeProto,
    ModelProto,
    NodeProto,
    PrimitiveProto,
)

from lenet.errors import LenetError
from lenet.mindir import model as mindir

VERSION = 1
_NCHW = 0

# operator -> how many inputs stay, and the (attribute, type of the constant) of each that does not
_ARGUMENTS = {
    "MatMul": (2, (("transpose_a", AttributeProto.BOOL), ("transpose_b", AttributeProto.BOOL))),
    "BiasAdd": (2, (("format", AttributeProto.INT64),)),
}


def to_lite(model: ModelProto) -> None:
    """Changes `model`, in place, into what Lite 2.0 reads.

    Raises:
        LenetError: an argument that is not a constant, or a layout other than NCHW.
    """
    if model.mind_ir_version <= VERSION:
        return
    primitives = mindir.primitives_by_name(model)
    constants = {node.name: node for node in model.graph.node if node.op_type == "Constant"}
    variants: dict[tuple[str, tuple[int, ...]], PrimitiveProto] = {}
    for node in model.graph.node:
        name = mindir.primitive_name(node)
        if name and primitives[name].op_type in _ARGUMENTS:
            values = _take_arguments(node, primitives[name].op_type, constants)
            if values:
                _give_attributes(model, node, primitives[name], values, variants)
    _remove_unused_constants(model)
    model.mind_ir_version = VERSION


def _take_arguments(
    node: NodeProto, op_type: str, constants: dict[str, NodeProto]
) -> tuple[int, ...]:
    """Removes the constant arguments of `node`; their values, () if it has none."""
    stay, arguments = _ARGUMENTS[op_type]
    if len(node.input) == stay:
        return ()
    if len(node.input) != stay + len(arguments):
        raise LenetError(
            f"MindIR node {node.name!r}: {op_type} with {len(node.input)} inputs; "
            f"expected {stay} or {stay + len(arguments)}"
        )
    values = []
    for input_name, (argument, kind) in zip(node.input[stay:], arguments, strict=True):
        constant = constants.get(input_name)
        if constant is None or constant.attribute[0].type != kind:
            raise LenetError(
                f"MindIR node {node.name!r}: {argument} of {op_type} comes from {input_name!r}; "
                f"expected a constant of type {AttributeProto.AttributeType.Name(kind)}"
            )
        values.append(constant.attribute[0].i)
    del node.input[stay:]
    return tuple(values)


def _give_attributes(
    model: ModelProto,
    node: NodeProto,
    primitive: PrimitiveProto,
    values: tuple[int, ...],
    variants: dict[tuple[str, tuple[int, ...]], PrimitiveProto],
) -> None:
    """Makes `node` refer to a primitive like `primitive` with `values` as attributes."""
    name = mindir.primitive_name(node)
    key = (name, values)
    if key not in variants:
        first = all(other != name for other, _ in variants)
        if first:
            variants[key] = primitive
        else:
            variants[key] = model.primitives.add()
            variants[key].CopyFrom(primitive)
            variants[key].name = f"{name}_{len(variants)}"
        _set_attributes(variants[key], node, values)
    mindir.refer(node, variants[key])


def _set_attributes(primitive: PrimitiveProto, node: NodeProto, values: tuple[int, ...]) -> None:
    _, arguments = _ARGUMENTS[primitive.op_type]
    added = {argument for argument, _ in arguments}
    kept = [attribute for attribute in primitive.attribute if attribute.name not in added]
    del primitive.attribute[:]
    primitive.attribute.extend(kept)
    for (argument, kind), value in zip(arguments, values, strict=True):
        if argument != "format":
            primitive.attribute.add(name=argument, i=value, type=kind)
        elif value == _NCHW:
            primitive.attribute.add(name=argument, s=b"NCHW", type=AttributeProto.STRING)
        else:
            raise LenetError(
                f"MindIR node {node.name!r}: layout {value} of {primitive.op_type}; "
                f"expected {_NCHW} (NCHW)"
            )


def _remove_unused_constants(model: ModelProto) -> None:
    used = {value for node in model.graph.node for value in node.input}
    used |= {value.name for value in model.graph.output}
    kept = []
    for node in model.graph.node:
        if node.op_type != "Constant" or node.name in used:
            kept.append(NodeProto.FromString(node.SerializeToString()))
    del model.graph.node[:]
    model.graph.node.extend(kept)
