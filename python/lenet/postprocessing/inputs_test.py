import re

import numpy as np
import pytest

from lenet.data import idx
from lenet.errors import UserError
from lenet.postprocessing import inputs
from lenet.testing import damage, mnist


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
    manifest = b'\xef\xbb\xbffile,label\r\na b.png,0\n7/c.d.jpg,61\r\n\r\n \na,1.png,3\n"b,2.png",4'
    folder = _folder(tmp_path / "set", "test_9_9.png", manifest=manifest)
    assert inputs.expected_labels(folder, "unused") == {
        "a b.png": 0,
        "7/c.d.jpg": 61,
        "a,1.png": 3,
        "b,2.png": 4,
    }


# The same names as in cc/image/dataset_test.cc.
@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (
            ["7/0.png", "3/0.PNG", "3/._0.png", "3/a.bin", "notes.txt"],
            {"3/0.PNG": 3, "3/a.bin": 3, "7/0.png": 7},
        ),
        (["testing/25/0.png", "training/5/1.png"], {"testing/25/0.png": 25}),
        (["test_0_7.png", "1/0.png", "._test_1_1.png"], {"test_0_7.png": 7}),
        (["in/test_0_7.jfif", "result_Files/test_0_7.bin"], {"in/test_0_7.jfif": 7}),
    ],
)
def test_folders_of_classes_and_files_that_are_left_out(tmp_path, names, labels):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert inputs.expected_labels(str(tmp_path), "unused") == labels


def test_names(tmp_path):
    folder = _folder(
        tmp_path / "set", "test_0_7.jpg", "test_10_46.png", "test_1_1.txt", "notes.bin"
    )
    assert inputs.expected_labels(folder, "unused") == {"test_0_7.jpg": 7, "test_10_46.png": 46}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b"", "expected the header file,label, found []"),
        (b"name,class\na.png,1\n", "expected the header file,label, found ['name', 'class']"),
        (b"file,label\na.png\n", "line 2: expected a file name and a label from 0 to 999"),
        (b"file,label\na.png,1000\n", "found 'a.png,1000'"),
        (b"file,label\na.png,01\n", "found 'a.png,01'"),
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


# The files without .bin are those of cc/image/dataset_test.cc.
FILES = {
    "test_0_7": "test_0_7",
    "1/a.png": "1_a.png",
    "1/a.jpg": "1_a.jpg",
    "0/c.d.png": "0_c.d",
    "4": "4",
}
LABELS = dict(zip(FILES, [7, 1, 1, 0, 4], strict=True))
LOGITS = np.random.default_rng(0).normal(size=(5, 10)).astype("<f4")


def _write_array(folder, logits=LOGITS, names=tuple(FILES)):
    folder.mkdir(exist_ok=True)
    np.save(folder / "results.npy", logits)
    rows = [f'"{name}",{row.argmax()},0.9' for name, row in zip(names, logits, strict=True)]
    (folder.parent / "results.csv").write_text("\n".join(["file,digit,probability", *rows, ""]))


def _write_files(folder, logits=LOGITS):
    folder.mkdir(exist_ok=True)
    for stem, row in zip(FILES.values(), logits, strict=True):
        (folder / f"{stem}.bin").write_bytes(row.tobytes())


@pytest.fixture
def folder(tmp_path):
    _write_files(tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def array_folder(tmp_path):
    _write_array(tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize("write", [_write_array, _write_files])
@pytest.mark.parametrize("classes", [8, 10, 26])
def test_results_are_in_the_order_of_the_images(tmp_path, write, classes):
    logits = np.random.default_rng(1).normal(size=(5, classes)).astype("<f4")
    write(tmp_path / "results", logits)
    (tmp_path / "results" / "report.json").write_text("{}")
    labels = dict(reversed(LABELS.items()))
    found, missing = inputs.read_results(str(tmp_path / "results"), labels)
    np.testing.assert_array_equal(found, logits[::-1])
    assert missing == []


def test_an_array_without_some_images(tmp_path):
    names = ["4", "1/a.jpg"]
    _write_array(tmp_path / "results", LOGITS[:2], names)
    found, missing = inputs.read_results(str(tmp_path / "results"), LABELS)
    np.testing.assert_array_equal(found, LOGITS[1::-1])
    assert missing == ["test_0_7", "1/a.png", "0/c.d.png"]


def test_missing_results_folder(tmp_path):
    with pytest.raises(UserError, match="No such file or directory; run //cc:infer310 first"):
        inputs.read_results(str(tmp_path / "nothing"), LABELS)


def _remove(folder):
    for stem in FILES.values():
        (folder / f"{stem}.bin").unlink()


def _add(folder):
    (folder / "test_9_9.bin").write_bytes(LOGITS[0].tobytes())


def _shorten(folder):
    (folder / "1_a.png.bin").write_bytes(LOGITS[0].tobytes()[:36])
    (folder / "1_a.jpg.bin").write_bytes(b"")


def _shorten_all(folder):
    for stem in FILES.values():
        (folder / f"{stem}.bin").write_bytes(LOGITS[0].tobytes()[:39])


def _lengthen(folder):
    (folder / "4.bin").write_bytes(LOGITS.tobytes())


def _put(value):
    def change(folder):
        row = LOGITS[1].copy()
        row[3] = value
        (folder / "4.bin").write_bytes(row.tobytes())

    return change


def _folder_instead(folder):
    (folder / "4.bin").unlink()
    (folder / "4.bin").mkdir()


def _five_classes(folder):
    _write_files(folder, LOGITS[:, :5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_remove, r"5 of 5 results are missing .*: test_0_7, 1/a.png, 1/a.jpg, \.\.\."),
        (_add, "1 results in .* belong to no image: test_9_9.bin"),
        (_shorten, "2 results .* 40 bytes .*: 1_a.jpg.bin has 0, 1_a.png.bin has 36"),
        (_shorten_all, "5 results .* 36 bytes .*: 0_c.d.bin has 39"),
        (_lengthen, "1 results .*: 4.bin has 200"),
        (_put(np.nan), "1 results .* hold NaN or infinity: 4;"),
        (_put(-np.inf), "1 results .* hold NaN or infinity: 4;"),
        (_folder_instead, "cannot read .*4.bin: Is a directory"),
        (_five_classes, "1 labels are no class .* has 5 logits per image: test_0_7 is 7;"),
        (_write_array, "the results of two runs, results.npy and 0_c.d.bin"),
        (lambda folder: (_remove(folder), _add(folder), _write_array(folder)), "and test_9_9.bin"),
    ],
)
def test_bad_results(folder, change, message):
    change(folder)
    with pytest.raises(UserError, match=message):
        inputs.read_results(str(folder), LABELS)


def _cut(folder):
    (folder / "results.npy").write_bytes((folder / "results.npy").read_bytes()[:-4])


def _another_type(folder):
    np.save(folder / "results.npy", LOGITS.astype(np.float64))


def _another_run(folder):
    np.save(folder / "results.npy", -LOGITS)


def _without_names(folder):
    (folder.parent / "results.csv").unlink()


def _fewer_names(folder):
    text = (folder.parent / "results.csv").read_text()
    (folder.parent / "results.csv").write_text(text.rsplit("\n", 2)[0] + "\n")


def _another_set(folder):
    _write_array(folder, names=["a", "b", "c", "d", "4"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_cut, "results.npy: expected float32 .* found 324 bytes that are damaged"),
        (_another_type, "results.npy: expected float32"),
        (_another_run, "not of the same run: expected 5 rows"),
        (_fewer_names, "not of the same run: expected 5 rows"),
        (_without_names, "cannot read .*results.csv: No such file"),
        (_another_set, r"4 results .* belong to no image: a, b, c, \.\.\."),
    ],
)
def test_bad_array(array_folder, change, message):
    change(array_folder)
    with pytest.raises(UserError, match=message):
        inputs.read_results(str(array_folder), LABELS)


@pytest.mark.parametrize("name", ["results.npy", "../results.csv"])
def test_damaged_results_are_refused_or_give_the_same_classes(array_folder, name):
    path = array_folder / name
    for content in damage.damaged(path.read_bytes(), 500):
        path.write_bytes(content)
        try:
            logits, missing = inputs.read_results(str(array_folder), LABELS)
        except UserError:
            continue
        kept = [image for image in LABELS if image not in missing]
        classes = dict(zip(LABELS, LOGITS.argmax(axis=1), strict=True))
        assert logits.argmax(axis=1).tolist() == [classes[image] for image in kept]


def test_damaged_manifests_are_refused_or_have_labels(tmp_path):
    text = b"file,label\n" + b"".join(b"test_%d_%d.png,%d\n" % (i, i, i) for i in range(10))
    folder = _folder(tmp_path / "set", manifest=text)
    for content in damage.damaged(text, 500):
        (tmp_path / "set" / "manifest.csv").write_bytes(content)
        try:
            labels = inputs.expected_labels(folder, "")
        except UserError:
            continue
        assert set(labels.values()) <= set(range(1000))
