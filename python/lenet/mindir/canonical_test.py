import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from lenet import devices
from lenet.errors import LenetError, UserError
from lenet.mindir import canonical
from lenet.mindir import model as mindir
from lenet.model.lenet5 import LeNet5


@pytest.fixture(scope="module")
def net():
    devices.set_context("CPU")
    ms.set_seed(1)
    net = LeNet5()
    net.set_train(False)
    return net


@pytest.fixture
def exported(net, tmp_path):
    return _export(net, tmp_path)


def _export(net, folder, batch=1):
    path = folder / "raw.mindir"
    ms.export(net, ms.Tensor(_images(batch)), file_name=str(path), file_format="MINDIR")
    content = path.read_bytes()
    path.unlink()
    return content


def _images(batch):
    return np.random.default_rng(0).normal(size=(batch, 1, 32, 32)).astype(np.float32)


def _canonical(content):
    model = mindir.parse(content, "test")
    canonical.canonicalise(model, "LeNet5")
    return model


def test_equal_networks_give_equal_bytes_whatever_was_compiled_before(net, exported, tmp_path):
    other = LeNet5()
    other.set_train(False)
    ms.load_param_into_net(other, net.parameters_dict())
    other(ms.Tensor(_images(3)))  # compiles another graph, which advances MindSpore's counters
    second = _export(other, tmp_path)
    assert exported != second, "MindSpore's own files are equal: canonicalise is not needed"
    assert mindir.serialize(_canonical(exported)) == mindir.serialize(_canonical(second))


def test_is_idempotent(exported):
    once = mindir.serialize(_canonical(exported))
    assert mindir.serialize(_canonical(once)) == once


def test_mindspore_loads_it_and_computes_the_same(net, tmp_path):
    path = tmp_path / "canonical.mindir"
    path.write_bytes(mindir.serialize(_canonical(_export(net, tmp_path, batch=4))))
    found = nn.GraphCell(ms.load(str(path)))(ms.Tensor(_images(4))).asnumpy()
    np.testing.assert_allclose(found, net(ms.Tensor(_images(4))).asnumpy(), rtol=0, atol=1e-6)


def test_names_of_inputs_and_parameters(net, exported):
    graph = _canonical(exported).graph
    assert graph.name == "LeNet5"
    assert [value.name for value in graph.input] == ["LeNet5:x"]
    names = [parameter.name for parameter in graph.parameter]
    assert names == [f"LeNet5:{parameter.name}" for parameter in net.get_parameters()]
    assert graph.output[0].name == graph.node[-1].output[0]


def test_order_of_primitives_does_not_matter(exported):
    model = mindir.parse(exported, "test")
    primitives = [primitive.SerializeToString() for primitive in model.primitives]
    for primitive, other in zip(model.primitives, reversed(primitives), strict=True):
        primitive.ParseFromString(other)
    reordered = _canonical(mindir.serialize(model))
    assert mindir.serialize(reordered) == mindir.serialize(_canonical(exported))


@pytest.mark.parametrize("content", [b"", b"not a protobuf", b"\x08\x01"])
def test_parse_refuses_other_files(content):
    with pytest.raises(UserError, match=r"some\.mindir: not a MindIR"):
        mindir.parse(content, "some.mindir")


def test_refuses_unknown_operators_and_control_flow(exported):
    model = mindir.parse(exported, "test")
    model.graph.node[1].op_type = "REF::Nothing:99"
    with pytest.raises(LenetError, match="Nothing:99"):
        canonical.canonicalise(model, "LeNet5")
    model.functions.add(name="branch")
    with pytest.raises(LenetError, match="control flow"):
        canonical.canonicalise(model, "LeNet5")
