import pytest

from lenet.conversion import onnx_input
from lenet.errors import UserError
from lenet.testing import programs


@pytest.fixture(scope="module")
def onnx():
    with open(programs.path("//python:lenet.onnx"), "rb") as file:
        return file.read()


def test_the_exported_model(onnx):
    assert onnx_input.read(onnx, "lenet.onnx") == onnx_input.Input("x", (1, 1, 32, 32))


def _field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


def _model(*, inputs=("x",), constants=(), elem_type=1, dims=(b"\x08\x02",)):
    shape = b"".join(_field(1, dim) for dim in dims)
    tensor_type = b"\x08" + bytes([elem_type]) + _field(2, shape)
    graph = b"".join(_field(5, _field(8, name.encode())) for name in constants)
    for name in inputs:
        graph += _field(11, _field(1, name.encode()) + _field(2, _field(1, tensor_type)))
    return _field(7, graph)


def test_a_constant_is_no_input():
    content = _model(inputs=("w", "x"), constants=("w",))
    assert onnx_input.read(content, "m") == onnx_input.Input("x", (2,))


def test_a_size_that_has_a_name_is_0():
    content = _model(dims=(_field(2, b"batch"), b"\x08\x01"))
    assert onnx_input.read(content, "m").shape == (0, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not ONNX at all", "m.onnx: "),
        (b"", "one input, found 0"),
        (_model(inputs=("a", "b")), "one input, found 2"),
        (_model(elem_type=2), "data type 2"),
    ],
)
def test_something_else(content, message):
    with pytest.raises(UserError, match=message):
        onnx_input.read(content, "m.onnx")


def test_half_a_file(onnx):
    with pytest.raises(UserError, match=r"m\.onnx"):
        onnx_input.read(onnx[: len(onnx) // 2], "m.onnx")
