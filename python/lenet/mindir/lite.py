"""Converts MindIR to the version that MindSpore Lite 2.0 reads.

MindSpore 2.10 writes `mind_ir_version: 3`; Lite 2.0.0 reads versions up to 1. For the operators of
LeNet-5 the versions differ in arguments that were attributes and became constant inputs:

  * `MatMul`: inputs 2 and 3 (BOOL) become `transpose_a` and `transpose_b` (BOOL);
  * `BiasAdd`: input 2 (INT64, 0 for NCHW) becomes `format: "NCHW"` (STRING).

Nodes that share a primitive but need different attributes get separate primitives. Constants that
are no longer used are removed. cc/mindir/lite_form.cc does the same, and more operators, for the
engine `lite`, which also reads files that MindSpore itself wrote.
"""

from mindspore.train.mind_ir_pb2 import AttributeProto, ModelProto, NodeProto, PrimitiveProto

from lenet.errors import LenetError
from lenet.mindir import model as mindir

VERSION = 1
_NCHW = 0

# Operator -> number of inputs in version 1, and the (name, type) of each argument behind them.
_ARGUMENTS = {
    "MatMul": (2, (("transpose_a", AttributeProto.BOOL), ("transpose_b", AttributeProto.BOOL))),
    "BiasAdd": (2, (("format", AttributeProto.INT64),)),
}


def to_lite(model: ModelProto) -> None:
    """Converts `model` in place. A model of version 0 or 1 is not changed.

    Raises:
        LenetError: an argument is not a constant, or the layout is not NCHW.
    """
    if model.mind_ir_version <= VERSION:
        return
    primitives = mindir.primitives_by_name(model)
    constants = {node.name: node for node in model.graph.node if node.op_type == "Constant"}
    variants: dict[tuple[str, tuple[int, ...]], PrimitiveProto] = {}
    for node in model.graph.node:
        name = mindir.primitive_name(node)
        if not name or primitives[name].op_type not in _ARGUMENTS:
            continue
        values = _take_arguments(node, primitives[name].op_type, constants)
        if not values:
            continue
        if (name, values) not in variants:
            variant = primitives[name]
            if any(other == name for other, _ in variants):
                variant = model.primitives.add()
                variant.CopyFrom(primitives[name])
                variant.name = f"{name}_{len(variants) + 1}"
            _set_attributes(variant, node, values)
            variants[name, values] = variant
        mindir.set_primitive(node, variants[name, values].name)
    _remove_unused_constants(model)
    model.mind_ir_version = VERSION


def _take_arguments(
    node: NodeProto, op_type: str, constants: dict[str, NodeProto]
) -> tuple[int, ...]:
    """Removes the constant arguments of `node` and returns their values."""
    kept, arguments = _ARGUMENTS[op_type]
    if len(node.input) == kept:
        return ()
    if len(node.input) != kept + len(arguments):
        raise LenetError(
            f"MindIR node {node.name!r}: {op_type} with {len(node.input)} inputs; "
            f"expected {kept} or {kept + len(arguments)}"
        )
    values = []
    for input_name, (argument, kind) in zip(node.input[kept:], arguments, strict=True):
        constant = constants.get(input_name)
        if constant is None or constant.attribute[0].type != kind:
            raise LenetError(
                f"MindIR node {node.name!r}: {argument} of {op_type} comes from {input_name!r}; "
                f"expected a constant of type {AttributeProto.AttributeType.Name(kind)}"
            )
        values.append(constant.attribute[0].i)
    del node.input[kept:]
    return tuple(values)


def _set_attributes(primitive: PrimitiveProto, node: NodeProto, values: tuple[int, ...]) -> None:
    arguments = _ARGUMENTS[primitive.op_type][1]
    added = {argument for argument, _ in arguments}
    kept = [attribute for attribute in primitive.attribute if attribute.name not in added]
    mindir.replace(primitive.attribute, kept)
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
    kept = [node for node in model.graph.node if node.op_type != "Constant" or node.name in used]
    mindir.replace(model.graph.node, kept)
