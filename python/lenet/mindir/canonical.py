"""MindIR in canonical form: equal weights and equal network give equal bytes.

What MindSpore 2.10 writes also depends on
  - the time and a memory address: graph attribute `compile_phase` (`phase` in some releases);
  - what the process compiled before: the graph's name `70_1___main___LeNet5_construct_15`, and the
    numbers in the names of nodes (`CNode_17`), of constants (`ValueNode_16`) and of scopes
    (`Default/conv1-Conv2d/Conv2D-op0`);
  - addresses, by which MindSpore orders `primitives`.
Here names are counted in the order of the nodes, and primitives are in the order of first use.
"""

from mindspore.train.mind_ir_pb2 import GraphProto, ModelProto

from lenet.mindir import model as mindir

_VOLATILE = ("compile_phase", "phase")
_PHASE = "export"  # what `phase` holds where it is constant; MindSpore reads it when it loads


def canonicalise(model: ModelProto, name: str) -> None:
    """Brings `model` into canonical form, in place.

    Args:
        model: as `mindspore.export` writes it.
        name: of the graph. Inputs become `<name>:<input>`, parameters `<name>:<parameter>`.

    Raises:
        LenetError: a model of several graphs, or an unknown operator.
    """
    _order_primitives(model)
    _rename(model.graph, name)
    kept = [item for item in model.graph.attribute if item.name not in _VOLATILE]
    _replace(model.graph.attribute, sorted(kept, key=lambda item: item.name))
    model.graph.attribute.add(name="phase", s=_PHASE.encode(), type="STRING")


def _order_primitives(model: ModelProto) -> None:
    primitives = mindir.primitives_by_name(model)
    order: dict[str, int] = {}
    for node in model.graph.node:
        name = mindir.primitive_name(node)
        if name:
            order.setdefault(name, len(order))
    ordered = [primitives[name] for name in order]
    for node in model.graph.node:
        name = mindir.primitive_name(node)
        if name:
            node.op_type = f"REF::{_numbered(primitives[name].op_type, order[name])}"
    for number, primitive in enumerate(ordered):
        primitive.name = _numbered(primitive.op_type, number)
        attributes = sorted(primitive.attribute, key=lambda item: item.name)
        _replace(primitive.attribute, attributes)
    _replace(model.primitives, ordered)


def _rename(graph: GraphProto, name: str) -> None:
    """Gives every value of `graph` a name that depends on its place only.

    MindSpore's loader takes the part between the first and the last colon for a node's name, and
    what is behind the first for that of an input or a parameter.
    """
    names: dict[str, str] = {}
    for value in graph.input:
        names[value.name] = f"{name}:{value.name.split(':', 1)[-1]}"
    for parameter in graph.parameter:
        names[parameter.name] = f"{name}:{parameter.ref_key or parameter.name}"
        parameter.name = names[parameter.name]
    scopes: dict[str, int] = {}
    for number, node in enumerate(graph.node):
        if node.op_type == "Constant":
            new_name = f"ValueNode_{number}"
        else:
            new_name = f"{name}:CNode_{number}:{number}"
        names[node.name] = new_name
        _replace(node.output, [names.get(output, new_name) for output in node.output])
        _replace(node.input, [names[value] for value in node.input])
        node.name = new_name
        if node.domain:
            scope = node.domain.rsplit("-op", 1)[0]
            node.domain = f"{scope}-op{scopes.setdefault(scope, 0)}"
            scopes[scope] += 1
    for value in [*graph.input, *graph.output]:
        value.name = names[value.name]
    graph.name = name


def _numbered(op_type: str, number: int) -> str:
    return f"{op_type}:{number}"


def _replace(field, items: list) -> None:
    """Gives a repeated field of a protobuf new items, which may be its own."""
    copies = [item if isinstance(item, str) else _copy(item) for item in items]
    del field[:]
    field.extend(copies)


def _copy(message):
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
