import re

import pytest

from lenet.data import idx
from lenet.errors import UserError
from lenet.postprocessing import labels
from lenet.testing import mnist


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mnist.write_idx(tmp_path_factory.mktemp("data"), train=1, test=6)


@pytest.fixture
def expected(data):
    return {
        f"test_{i}_{label}": label for i, label in enumerate(idx.read_split(data, "test").labels)
    }


def _folder(path, *names, manifest=None):
    path.mkdir()
    for name in names:
        (path / name).write_bytes(b"")
    if manifest is not None:
        (path / "manifest.csv").write_bytes(manifest)
    return str(path)


def test_test_set(data, expected):
    assert labels.expected_labels("", data) == expected


def test_idx_file(data, expected):
    path = f"{data}/test/t10k-images.idx3-ubyte"
    assert labels.expected_labels(path, "unused") == expected


def test_idx_file_without_labels(data, tmp_path):
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(b"")
    with pytest.raises(UserError, match="expected .*/t10k-labels-idx1-ubyte"):
        labels.expected_labels(str(path), "")


def test_manifest(tmp_path):
    folder = _folder(
        tmp_path / "set", "test_9_9.png", manifest=b"file,label\r\na b.png,0\nc.jpg,9\n"
    )
    assert labels.expected_labels(folder, "unused") == {"a b": 0, "c": 9}


def test_names(tmp_path):
    folder = _folder(tmp_path / "set", "test_0_7.jpg", "test_10_2.png", "test_1_1.txt", "notes.bin")
    assert labels.expected_labels(folder, "unused") == {"test_0_7": 7, "test_10_2": 2}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b"", "expected the header file,label, found []"),
        (b"name,class\na.png,1\n", "expected the header file,label, found ['name', 'class']"),
        (b"file,label\na.png\n", "line 2: expected a file name and a label from 0 to 9"),
        (b"file,label\na.png,10\n", "found 'a.png,10'"),
        (b"file,label\na.png,x\n", "found 'a.png,x'"),
        (b"file,label\na.png,1\n\n", "line 3"),
        (b"file,label\na.png,1\na.jpg,1\n", "line 3: a second file for the result a.bin"),
        (b"file,label\n\xff\xfe.png,1\n", "not a CSV file"),
        (b"file,label\n", "no images in"),
    ],
)
def test_bad_manifest(tmp_path, manifest, message):
    folder = _folder(tmp_path / "set", manifest=manifest)
    with pytest.raises(UserError, match=re.escape(message)):
        labels.expected_labels(folder, "")


def test_no_images(tmp_path):
    with pytest.raises(UserError, match="no images in"):
        labels.expected_labels(_folder(tmp_path / "set", "notes.txt"), "")


def test_no_such_folder(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        labels.expected_labels(str(tmp_path / "nothing"), "")
