import pytest

from lenet.conversion import mindir_source
from lenet.errors import UserError
from lenet.mindir import model as mindir


@pytest.mark.parametrize(("size", "name"), [(8, b"bi\xffs"), (4, b"bias"), (7, b"bias")])
def test_a_damaged_parameter_is_reported(tmp_path, size, name):
    model = mindir.ModelProto(ir_version="1", mind_ir_version=3)
    model.graph.node.add(name="node")
    model.graph.input.add(name="x").tensor.add(dims=[1, 1, 32, 32], data_type=1)
    model.graph.parameter.add(name="fc1.bias", data_type=1, dims=[2], raw_data=bytes(size))
    path = tmp_path / "a.mindir"
    path.write_bytes(mindir.serialize(model).replace(b"bias", name))
    with pytest.raises(UserError, match="a.mindir: (damaged parameter .*fc1|not a MindIR)"):
        mindir_source.to_onnx(path, 32, 32, tmp_path)
