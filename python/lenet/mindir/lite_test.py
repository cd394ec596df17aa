import pytest
from mindspore.train.mind_ir_pb2 import AttributeProto, ModelProto

from lenet.errors import LenetError
from lenet.mindir import lite
from lenet.mindir import model as mindir

BOOL, INT64, STRING = AttributeProto.BOOL, AttributeProto.INT64, AttributeProto.STRING


class Builder:
    """A MindIR as MindSpore 2.10 writes it, node by node."""

    def __init__(self):
        self.model = ModelProto(mind_ir_version=3)
        self.model.graph.name = "g"
        self.model.graph.input.add(name="g:x")

    def constant(self, name, kind, value):
        node = self.model.graph.node.add(name=name, op_type="Constant", output=[name])
        node.attribute.add(name="value", type=kind, i=value)

    def primitive(self, name):
        self.model.primitives.add(name=name, op_type=name.split(":")[0])

    def node(self, name, primitive, *inputs):
        self.model.graph.node.add(
            name=name, op_type=f"REF::{primitive}", input=inputs, output=[name]
        )

    def done(self):
        self.model.graph.output.add(name=self.model.graph.node[-1].name)
        return self.model


def _dense(transpose_b=1, layout=0):
    builder = Builder()
    builder.primitive("MatMul:1")
    builder.primitive("BiasAdd:2")
    builder.constant("no", BOOL, 0)
    builder.constant("b", BOOL, transpose_b)
    builder.constant("layout", INT64, layout)
    builder.node("product", "MatMul:1", "g:x", "g:w", "no", "b")
    builder.node("sum", "BiasAdd:2", "product", "g:bias", "layout")
    return builder


def _attributes(model, node_name):
    node = next(node for node in model.graph.node if node.name == node_name)
    primitive = mindir.primitives_by_name(model)[mindir.primitive_name(node)]
    return {item.name: (item.type, item.s or item.i) for item in primitive.attribute}


def _inputs(model):
    return {node.name: list(node.input) for node in model.graph.node}


def test_arguments_become_attributes():
    model = _dense().done()
    lite.to_lite(model)
    assert model.mind_ir_version == 1
    assert _inputs(model) == {"product": ["g:x", "g:w"], "sum": ["product", "g:bias"]}
    assert _attributes(model, "product") == {"transpose_a": (BOOL, 0), "transpose_b": (BOOL, 1)}
    assert _attributes(model, "sum") == {"format": (STRING, b"NCHW")}


def test_nodes_that_share_a_primitive_keep_sharing_it():
    builder = _dense()
    builder.node("more", "MatMul:1", "sum", "g:w", "no", "b")
    model = builder.done()
    lite.to_lite(model)
    assert len(model.primitives) == 2


def test_nodes_with_other_arguments_get_their_own_primitive():
    builder = _dense()
    builder.node("more", "MatMul:1", "sum", "g:w", "no", "no")
    model = builder.done()
    lite.to_lite(model)
    assert len(model.primitives) == 3
    assert _attributes(model, "product")["transpose_b"] == (BOOL, 1)
    assert _attributes(model, "more")["transpose_b"] == (BOOL, 0)


def test_used_constants_stay():
    builder = _dense()
    builder.primitive("Other:3")
    builder.node("other", "Other:3", "sum", "layout")
    model = builder.done()
    lite.to_lite(model)
    assert _inputs(model)["other"] == ["sum", "layout"]
    assert "layout" in _inputs(model)
    assert "no" not in _inputs(model)


@pytest.mark.parametrize("version", [0, 1])
def test_old_versions_stay_as_they_are(version):
    model = _dense().done()
    model.mind_ir_version = version
    before = mindir.serialize(model)
    lite.to_lite(model)
    assert mindir.serialize(model) == before


def test_twice_is_once():
    model = _dense().done()
    lite.to_lite(model)
    once = mindir.serialize(model)
    lite.to_lite(model)
    assert mindir.serialize(model) == once


def _argument_from_a_node():
    builder = _dense()
    builder.node("more", "MatMul:1", "sum", "g:w", "no", "product")
    return builder.done()


def _wrong_type():
    builder = _dense()
    builder.node("more", "MatMul:1", "sum", "g:w", "no", "layout")
    return builder.done()


def _three_inputs():
    builder = _dense()
    builder.node("more", "MatMul:1", "sum", "g:w", "no")
    return builder.done()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            _argument_from_a_node(),
            "transpose_b of MatMul comes from 'product'; expected a constant",
        ),
        (_wrong_type(), "expected a constant of type BOOL"),
        (_three_inputs(), "MatMul with 3 inputs; expected 2 or 4"),
        (_dense(layout=1).done(), r"layout 1 of BiasAdd; expected 0 \(NCHW\)"),
    ],
)
def test_refuses_what_lite_cannot_express(model, message):
    with pytest.raises(LenetError, match=message):
        lite.to_lite(model)
