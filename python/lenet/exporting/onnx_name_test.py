import pytest

from lenet.exporting import onnx_name


def _field(number, content):
    """A length-delimited protobuf field of less than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


NODE = _field(1, b"\x0a\x01x")
INPUT = _field(11, _field(1, b"x"))


def _model(name):
    graph = NODE + _field(2, name) + INPUT
    return b"\x08\x07" + _field(2, b"MindSpore") + _field(7, graph)


def test_other_fields_stay():
    found = onnx_name.set_graph_name(_model(b"140_71_construct_43"), "LeNet5")
    assert _field(2, b"LeNet5") in found
    assert b"140_71" not in found
    for part in (b"\x08\x07", _field(2, b"MindSpore"), NODE, INPUT):
        assert part in found
    assert len(found) == len(_model(b"LeNet5"))


@pytest.mark.parametrize("name", [b"1", b"140_71_construct_43"])
def test_result_does_not_depend_on_the_old_name(name):
    expected = onnx_name.set_graph_name(_model(b"LeNet5"), "LeNet5")
    assert onnx_name.set_graph_name(_model(name), "LeNet5") == expected
