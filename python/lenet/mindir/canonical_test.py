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


def _exported(net, folder, batch=1):
    path = str(folder / "raw.mindir")
    ms.export(net, ms.Tensor(_images(batch)), file_name=path, file_format="MINDIR")
    content = (folder / "raw.mindir").read_bytes()
    (folder / "raw.mindir").unlink()
    return content


def _images(batch):
    return np.random.default_rng(0).normal(size=(batch, 1, 32, 32)).astype(np.float32)


def _canonical(content):
    model = mindir.parse(content, "test")
    canonical.canonicalise(model, "LeNet5")
    return model


def test_equal_networks_give_equal_bytes_whatever_was_compiled_before(net, tmp_path):
    first = _exported(net, tmp_path)
    other = LeNet5()
    other.set_train(False)
    ms.load_param_into_net(other, net.parameters_dict())
    other(ms.Tensor(_images(3)))  # compiles another graph, so that MindSpore's counters move on
    second = _exported(other, tmp_path)
    assert first != second, "MindSpore's own files are equal: is canonicalise still needed?"
    assert mindir.serialize(_canonical(first)) == mindir.serialize(_canonical(second))


def test_is_idempotent(net, tmp_path):
    model = _canonical(_exported(net, tmp_path))
    once = mindir.serialize(model)
    canonical.canonicalise(model, "LeNet5")
    assert mindir.serialize(model) == once


def test_mindspore_loads_it_and_computes_the_same(net, tmp_path):
    model = _canonical(_exported(net, tmp_path, batch=4))
    path = tmp_path / "canonical.mindir"
    path.write_bytes(mindir.serialize(model))
    found = nn.GraphCell(ms.load(str(path)))(ms.Tensor(_images(4))).asnumpy()
    np.testing.assert_allclose(found, net(ms.Tensor(_images(4))).asnumpy(), rtol=0, atol=1e-6)


def test_names_of_inputs_and_parameters(net, tmp_path):
    graph = _canonical(_exported(net, tmp_path)).graph
    assert graph.name == "LeNet5"
    assert [value.name for value in graph.input] == ["LeNet5:x"]
    names = [parameter.name for parameter in graph.parameter]
    assert names == [f"LeNet5:{parameter.name}" for parameter in net.get_parameters()]
    assert graph.output[0].name == graph.node[-1].output[0]


def test_order_of_primitives_does_not_matter(net, tmp_path):
    content = _exported(net, tmp_path)
    model = mindir.parse(content, "test")
    reversed_primitives = list(reversed([p.SerializeToString() for p in model.primitives]))
    for primitive, other in zip(model.primitives, reversed_primitives, strict=True):
        primitive.ParseFromString(other)
    canonical.canonicalise(model, "LeNet5")
    assert mindir.serialize(model) == mindir.serialize(_canonical(content))


@pytest.mark.parametrize("content", [b"", b"not a protobuf", b"\x08\x01"])
def test_parse_refuses_other_files(content):
    with pytest.raises(UserError, match=r"some\.mindir: not a MindIR"):
        mindir.parse(content, "some.mindir")


def test_refuses_what_it_does_not_know(net, tmp_path):
    model = mindir.parse(_exported(net, tmp_path), "test")
    model.graph.node[1].op_type = "REF::Nothing:99"
    with pytest.raises(LenetError, match="Nothing:99"):
        canonical.canonicalise(model, "LeNet5")
    model.functions.add(name="branch")
    with pytest.raises(LenetError, match="control flow"):
        canonical.canonicalise(model, "LeNet5")
