"""Brings MindIR into a canonical form: equal networks with equal weights give equal bytes.

The files of MindSpore 2.10 also depend on
  * the time and a memory address: graph attribute `compile_phase` (`phase` in some releases);
  * what the process compiled before: numbers in the names of the graph
    (`70_1___main___LeNet5_construct_15`), of nodes (`CNode_17`), of constants (`ValueNode_16`) and
    of scopes (`Default/conv1-Conv2d/Conv2D-op0`);
  * memory addresses, which determine the order of `primitives`.

In the canonical form, names are numbered in the order of the nodes, and primitives have the order
of their first use.
"""

from mindspore.train.mind_ir_pb2 import GraphProto, ModelProto

from lenet.mindir import model as mindir

_VOLATILE = ("compile_phase", "phase")
_PHASE = "export"  # MindSpore needs some `phase` to load a model


def canonicalise(model: ModelProto, name: str) -> None:
    """Brings `model` into canonical form, in place.

    Args:
        model: a model that `mindspore.export` wrote.
        name: new name of the graph. Inputs are renamed to `<name>:<input>`, and parameters to
            `<name>:<parameter>`.

    Raises:
        LenetError: the model has several graphs or an unknown operator.
    """
    _order_primitives(model)
    _rename(model.graph, name)
    kept = [item for item in model.graph.attribute if item.name not in _VOLATILE]
    mindir.replace(model.graph.attribute, sorted(kept, key=lambda item: item.name))
    model.graph.attribute.add(name="phase", s=_PHASE.encode(), type="STRING")


def _order_primitives(model: ModelProto) -> None:
    primitives = mindir.primitives_by_name(model)
    new_names: dict[str, str] = {}
    for node in model.graph.node:
        name = mindir.primitive_name(node)
        if name:
            new_name = f"{primitives[name].op_type}:{len(new_names)}"
            mindir.set_primitive(node, new_names.setdefault(name, new_name))
    for name, new_name in new_names.items():
        primitive = primitives[name]
        primitive.name = new_name
        mindir.replace(primitive.attribute, sorted(primitive.attribute, key=lambda item: item.name))
    mindir.replace(model.primitives, [primitives[name] for name in new_names])


def _rename(graph: GraphProto, name: str) -> None:
    """Renames every value of `graph` by its position.

    MindSpore's loader takes the text between the first and the last colon as the name of a node,
    and the text behind the first colon as the name of an input or a parameter.
    """
    names: dict[str, str] = {}
    for value in graph.input:
        names[value.name] = f"{name}:{value.name.split(':', 1)[-1]}"
    for parameter in graph.parameter:
        names[parameter.name] = f"{name}:{parameter.ref_key or parameter.name}"
        parameter.name = names[parameter.name]
    scopes: dict[str, int] = {}
    for number, node in enumerate(graph.node):
        constant = node.op_type == "Constant"
        new_name = f"ValueNode_{number}" if constant else f"{name}:CNode_{number}:{number}"
        names[node.name] = new_name
        node.output[:] = [names.get(output, new_name) for output in node.output]
        node.input[:] = [names[value] for value in node.input]
        node.name = new_name
        if node.domain:
            scope = node.domain.rsplit("-op", 1)[0]
            node.domain = f"{scope}-op{scopes.setdefault(scope, 0)}"
            scopes[scope] += 1
    for value in [*graph.input, *graph.output]:
        value.name = names[value.name]
    graph.name = name
