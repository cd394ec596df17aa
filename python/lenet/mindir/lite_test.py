import pytest
from mindspore.train.mind_ir_pb2 import AttributeProto, ModelProto

from lenet.errors import LenetError
from lenet.mindir import lite
from lenet.mindir import model as mindir

BOOL, INT64, STRING = AttributeProto.BOOL, AttributeProto.INT64, AttributeProto.STRING


def _model(*more_nodes, transpose_b=1, layout=0):
    """A MatMul, a BiasAdd and `more_nodes` (name, primitive, inputs) in the form of version 3."""
    model = ModelProto(mind_ir_version=3)
    model.graph.name = "g"
    model.graph.input.add(name="g:x")
    for name, kind, value in [
        ("no", BOOL, 0),
        ("b", BOOL, transpose_b),
        ("layout", INT64, layout),
    ]:
        node = model.graph.node.add(name=name, op_type="Constant", output=[name])
        node.attribute.add(name="value", type=kind, i=value)
    for name in ["MatMul:1", "BiasAdd:2", "Other:3"]:
        model.primitives.add(name=name, op_type=name.split(":")[0])
    for name, primitive, inputs in [
        ("product", "MatMul:1", ["g:x", "g:w", "no", "b"]),
        ("sum", "BiasAdd:2", ["product", "g:bias", "layout"]),
        *more_nodes,
    ]:
        model.graph.node.add(name=name, op_type=f"REF::{primitive}", input=inputs, output=[name])
    model.graph.output.add(name=model.graph.node[-1].name)
    return model


def _attributes(model, node_name):
    node = next(node for node in model.graph.node if node.name == node_name)
    primitive = mindir.primitives_by_name(model)[mindir.primitive_name(node)]
    return {item.name: (item.type, item.s or item.i) for item in primitive.attribute}


def _inputs(model):
    return {node.name: list(node.input) for node in model.graph.node}


def test_arguments_become_attributes():
    model = _model()
    lite.to_lite(model)
    assert model.mind_ir_version == 1
    assert _inputs(model) == {"product": ["g:x", "g:w"], "sum": ["product", "g:bias"]}
    assert _attributes(model, "product") == {"transpose_a": (BOOL, 0), "transpose_b": (BOOL, 1)}
    assert _attributes(model, "sum") == {"format": (STRING, b"NCHW")}


@pytest.mark.parametrize(("flag", "primitives"), [("b", 3), ("no", 4)])
def test_nodes_share_a_primitive_if_their_arguments_are_equal(flag, primitives):
    model = _model(("more", "MatMul:1", ["sum", "g:w", "no", flag]))
    lite.to_lite(model)
    assert len(model.primitives) == primitives
    assert _attributes(model, "product")["transpose_b"] == (BOOL, 1)
    assert _attributes(model, "more")["transpose_b"] == (BOOL, int(flag == "b"))


def test_used_constants_are_kept():
    model = _model(("other", "Other:3", ["sum", "layout"]))
    lite.to_lite(model)
    assert _inputs(model)["other"] == ["sum", "layout"]
    assert "layout" in _inputs(model)
    assert "no" not in _inputs(model)


@pytest.mark.parametrize("version", [0, 1])
def test_old_versions_are_not_changed(version):
    model = _model()
    model.mind_ir_version = version
    before = mindir.serialize(model)
    lite.to_lite(model)
    assert mindir.serialize(model) == before


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            _model(("more", "MatMul:1", ["sum", "g:w", "no", "product"])),
            "transpose_b of MatMul comes from 'product'; expected a constant",
        ),
        (
            _model(("more", "MatMul:1", ["sum", "g:w", "no", "layout"])),
            "expected a constant of type BOOL",
        ),
        (
            _model(("more", "MatMul:1", ["sum", "g:w", "no"])),
            "MatMul with 3 inputs; expected 2 or 4",
        ),
        (_model(layout=1), r"layout 1 of BiasAdd; expected 0 \(NCHW\)"),
    ],
)
def test_refuses_what_version_1_cannot_express(model, message):
    with pytest.raises(LenetError, match=message):
        lite.to_lite(model)
