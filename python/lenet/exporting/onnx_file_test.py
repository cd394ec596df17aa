import pytest

from lenet.errors import UserError
from lenet.exporting import onnx_file

NODE = b"\x0a\x03\x0a\x01x"


def _field(number, content):
    """Returns a length-delimited protobuf field of less than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def _model(*, name=b"g", inputs=("x",), constants=(), elem_type=1, dims=(b"\x08\x02",)):
    shape = b"".join(_field(1, dim) for dim in dims)
    tensor_type = b"\x08" + bytes([elem_type]) + _field(2, shape)
    graph = NODE + _field(2, name)
    graph += b"".join(_field(5, _field(8, constant.encode())) for constant in constants)
    for value in inputs:
        graph += _field(11, _field(1, value.encode()) + _field(2, _field(1, tensor_type)))
    return b"\x08\x07" + _field(2, b"MindSpore") + _field(7, graph)


def test_constants_are_not_inputs():
    content = _model(inputs=("w", "x"), constants=("w",))
    assert onnx_file.read_input(content, "m") == onnx_file.Input("x", (2,))


def test_named_dimension_is_0():
    content = _model(dims=(_field(2, b"batch"), b"\x08\x01"))
    assert onnx_file.read_input(content, "m").shape == (0, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not ONNX at all", "m.onnx: "),
        (_model()[:-5], "m.onnx: not an ONNX model"),
        (b"", "one input, found 0"),
        (_model(inputs=("a", "b")), "one input, found 2"),
        (_model(elem_type=2), "data type 2"),
    ],
)
def test_invalid_models(content, message):
    with pytest.raises(UserError, match=message):
        onnx_file.read_input(content, "m.onnx")


def test_set_graph_name_keeps_other_fields():
    old = _model(name=b"140_71_construct_43")
    found = onnx_file.set_graph_name(old, "LeNet5")
    assert b"140_71" not in found
    for part in (b"\x08\x07", _field(2, b"MindSpore"), _field(2, b"LeNet5"), NODE):
        assert part in found
    assert len(found) == len(_model(name=b"LeNet5"))
    assert onnx_file.read_input(found, "m") == onnx_file.Input("x", (2,))
    assert onnx_file.set_graph_name(_model(name=b"1"), "LeNet5") == found
