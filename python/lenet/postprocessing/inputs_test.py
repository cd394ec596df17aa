import re

import numpy as np
import pytest

from lenet.data import idx
from lenet.errors import UserError
from lenet.postprocessing import inputs
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


def test_labels_of_the_test_set(data, expected):
    assert inputs.expected_labels("", data) == expected


@pytest.mark.parametrize("path", ["test/t10k-images.idx3-ubyte", "test", "."])
def test_labels_of_idx_files(data, expected, path):
    assert inputs.expected_labels(f"{data}/{path}", "unused") == expected


def test_idx_file_without_labels(data, tmp_path):
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(b"")
    with pytest.raises(UserError, match="expected .*/t10k-labels-idx1-ubyte"):
        inputs.expected_labels(str(path), "")


def test_manifest(tmp_path):
    manifest = b'\xef\xbb\xbffile,label\r\na b.png,0\n7/c.d.jpg,9\r\n\r\n \na,1.png,3\n"b,2.png",4'
    folder = _folder(tmp_path / "set", "test_9_9.png", manifest=manifest)
    assert inputs.expected_labels(folder, "unused") == {
        "a b": 0,
        "7_c.d": 9,
        "a,1": 3,
        "b,2": 4,
    }


# The same names as in cc/image/dataset_test.cc.
@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (
            ["7/0.png", "3/0.PNG", "3/._0.png", "3/a.bin", "notes.txt"],
            {"3_0": 3, "3_a": 3, "7_0": 7},
        ),
        (["testing/7/0.png", "training/5/1.png"], {"testing_7_0": 7}),
        (["test_0_7.png", "1/0.png", "._test_1_1.png"], {"test_0_7": 7}),
        (["7/a.png", "7/a.jpg", "7/b.png"], {"7_a.jpg": 7, "7_a.png": 7, "7_b": 7}),
        (["in/test_0_7.jfif", "result_Files/test_0_7.bin"], {"in_test_0_7": 7}),
    ],
)
def test_folders_of_classes_and_files_that_are_left_out(tmp_path, names, labels):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert inputs.expected_labels(str(tmp_path), "unused") == labels


def test_names(tmp_path):
    folder = _folder(tmp_path / "set", "test_0_7.jpg", "test_10_2.png", "test_1_1.txt", "notes.bin")
    assert inputs.expected_labels(folder, "unused") == {"test_0_7": 7, "test_10_2": 2}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b"", "expected the header file,label, found []"),
        (b"name,class\na.png,1\n", "expected the header file,label, found ['name', 'class']"),
        (b"file,label\na.png\n", "line 2: expected a file name and a label from 0 to 9"),
        (b"file,label\na.png,10\n", "found 'a.png,10'"),
        (b"file,label\na.png,x\n", "found 'a.png,x'"),
        (b"file,label\na.png,1\n\nb.png\n", "line 4"),
        (b"file,label\na.png,1\n./a.png,1\n", "line 3: a.png again; expected each name once"),
        (b"file,label\n\xff\xfe.png,1\n", "not a CSV file"),
        (b"file,label\n", "no images in"),
    ],
)
def test_bad_manifest(tmp_path, manifest, message):
    folder = _folder(tmp_path / "set", manifest=manifest)
    with pytest.raises(UserError, match=re.escape(message)):
        inputs.expected_labels(folder, "")


def test_no_images(tmp_path):
    with pytest.raises(UserError, match="no images in"):
        inputs.expected_labels(_folder(tmp_path / "set", "notes.txt"), "")


def test_missing_data_set(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        inputs.expected_labels(str(tmp_path / "nothing"), "")


STEMS = ["test_0_7", "test_1_2", "test_2_1", "test_3_0", "test_4_4"]
LOGITS = np.arange(50, dtype="<f4").reshape(5, 10)


@pytest.fixture
def folder(tmp_path):
    for stem, row in zip(STEMS, LOGITS, strict=True):
        (tmp_path / f"{stem}.bin").write_bytes(row.tobytes())
    return tmp_path


def test_results_are_in_the_order_of_the_stems(folder):
    (folder / "report.json").write_text("{}")
    found, missing = inputs.read_results(str(folder), STEMS[::-1])
    np.testing.assert_array_equal(found, LOGITS[::-1])
    assert missing == []


def test_missing_results_folder(tmp_path):
    with pytest.raises(UserError, match="No such file or directory; run //cc:infer310 first"):
        inputs.read_results(str(tmp_path / "nothing"), STEMS)


def _remove(folder):
    for stem in STEMS:
        (folder / f"{stem}.bin").unlink()


def _add(folder):
    (folder / "test_9_9.bin").write_bytes(LOGITS[0].tobytes())


def _shorten(folder):
    (folder / "test_1_2.bin").write_bytes(LOGITS[0].tobytes()[:36])
    (folder / "test_2_1.bin").write_bytes(b"")


def _lengthen(folder):
    (folder / "test_1_2.bin").write_bytes(LOGITS.tobytes())


def _put(value):
    def change(folder):
        row = LOGITS[1].copy()
        row[3] = value
        (folder / "test_1_2.bin").write_bytes(row.tobytes())

    return change


def _folder_instead(folder):
    (folder / "test_1_2.bin").unlink()
    (folder / "test_1_2.bin").mkdir()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _remove,
            r"5 of 5 results are missing .*: test_0_7.bin, test_1_2.bin, test_2_1.bin, \.\.\.",
        ),
        (_add, "1 results in .* belong to no image: test_9_9.bin"),
        (_shorten, "2 results .* 40 bytes .*: test_1_2.bin has 36, test_2_1.bin has 0"),
        (_lengthen, "1 results .*: test_1_2.bin has 200"),
        (_put(np.nan), "1 results .* hold NaN or infinity: test_1_2.bin"),
        (_put(-np.inf), "1 results .* hold NaN or infinity: test_1_2.bin"),
        (_folder_instead, "cannot read .*test_1_2.bin: Is a directory"),
    ],
)
def test_bad_results(folder, change, message):
    change(folder)
    with pytest.raises(UserError, match=message):
        inputs.read_results(str(folder), STEMS)
