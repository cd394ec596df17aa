import gzip
import hashlib
import json
import struct

import numpy as np
import pytest
from PIL import Image

from lenet import resources
from lenet.data import idx
from lenet.errors import UserError
from lenet.testing import damage, mnist

IMAGES = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
LABELS = np.array([3, 9], np.uint8)

MNIST_SHA256 = {
    "train": {
        "images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    "test": {
        "images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
}


def _write_test_split(folder, images, labels, mark=".", pack=bytes, end=""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"t10k-images{mark}idx3-ubyte{end}").write_bytes(pack(images))
    (folder / f"t10k-labels{mark}idx1-ubyte{end}").write_bytes(pack(labels))


@pytest.mark.parametrize("name", ["images", "labels"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_damaged_files_are_refused_or_have_the_same_shape(tmp_path, name, pack):
    data = mnist.write_idx(tmp_path, train=1, test=20)
    original = idx.read_split(data, "test")
    (path,) = (tmp_path / "test").glob(f"*{name}*")
    for content in damage.damaged(pack(path.read_bytes()), 300):
        path.write_bytes(content)
        try:
            split = idx.read_split(data, "test")
        except UserError:
            continue
        assert split.images.shape == original.images.shape
        assert split.labels.max() <= 9
        assert pack is bytes or split.sha256() == original.sha256()


@pytest.mark.parametrize("mark", [".", "-"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("end", ["", ".gz"])  # the content decides
@pytest.mark.parametrize("subfolder", ["test", "."])
def test_reads_every_spelling(tmp_path, mark, pack, end, subfolder):
    _write_test_split(
        tmp_path / subfolder, mnist.images_file(IMAGES), mnist.labels_file(LABELS), mark, pack, end
    )
    split = idx.read_split(str(tmp_path), "test")
    np.testing.assert_array_equal(split.images, IMAGES)
    np.testing.assert_array_equal(split.labels, LABELS)
    assert len(split) == 2
    assert split.sha256() == {
        "images": hashlib.sha256(mnist.images_file(IMAGES)).hexdigest(),
        "labels": hashlib.sha256(mnist.labels_file(LABELS)).hexdigest(),
    }


LAYOUTS = json.loads(resources.path("python/lenet/data/layouts_test.json").read_text())


@pytest.mark.parametrize("case", LAYOUTS.values(), ids=LAYOUTS)
def test_published_layouts(tmp_path, case):
    """cc/image/idx_test.cc tests the same cases."""
    paths = [tmp_path / name for name in case["files"]]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if case["images"] == "several":
        with pytest.raises(UserError, match="holds several data sets"):
            idx.find_images(tmp_path, "test")
        return
    images = idx.find_images(tmp_path, "test")
    assert images == (None if case["images"] is None else paths[case["images"]])
    if images:
        if case["labels"] is None:
            with pytest.raises(UserError, match="no file of labels"):
                idx.find_labels(images)
        else:
            assert idx.find_labels(images) == paths[case["labels"]]
        assert idx._layout(images, tmp_path) == case.get("layout", "")


def _upright_ones():
    images = np.zeros((3, 28, 28), np.uint8)
    images[:, 4:24, 12:15] = 200
    images[1, 4, 10:20] = 90
    return images


@pytest.mark.parametrize(
    ("name", "transposed", "turned"),
    [
        ("emnist-mnist", False, False),
        ("emnist-mnist", True, True),
        ("emnist-digits", True, True),
        ("qmnist", False, False),
    ],
)
def test_transposed_images_of_emnist_are_turned(tmp_path, caplog, name, transposed, turned):
    images = _upright_ones()
    stored = images.transpose(0, 2, 1) if transposed else images
    labels = np.array([1, 1, 1], np.uint8)
    (tmp_path / f"{name}-test-images-idx3-ubyte").write_bytes(mnist.images_file(stored))
    (tmp_path / f"{name}-test-labels-idx1-ubyte").write_bytes(mnist.labels_file(labels))
    with caplog.at_level("INFO"):
        np.testing.assert_array_equal(idx.read_split(str(tmp_path), "test").images, images)
    assert f"data set: {name}, {tmp_path}" in caplog.text
    assert ("turned" in caplog.text) == turned


@pytest.mark.parametrize(("split", "count"), [("train", 60000), ("test", 10000)])
def test_the_mnist_of_the_build_is_the_original(split, count):
    read = idx.read_split("", split)
    assert read.images.shape == (count, 28, 28)
    assert read.sha256() == MNIST_SHA256[split]


def test_the_data_of_the_build_is_found_through_a_list_of_runfiles(tmp_path, monkeypatch):
    """`bazel run` of Bazel 4 provides a list of files, without their folders."""
    listed = []
    for name in ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"):
        path = resources.path(f"Data/test/{name}", repository="mnist").resolve()
        listed.append(f"mnist/Data/test/{name} {path}\n")
    (tmp_path / "MANIFEST").write_text("".join(listed))
    for variable in ("RUNFILES_DIR", "TEST_SRCDIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("RUNFILES_MANIFEST_FILE", str(tmp_path / "MANIFEST"))
    assert len(idx.read_split("", "test")) == 10000


def test_pictures_in_a_folder_per_class(tmp_path):
    for index, (pixels, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        folder = tmp_path / "mnist_png" / "testing" / str(label)
        folder.mkdir(parents=True)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        (folder / "._0.png").touch()
    split = idx.read_split(str(tmp_path), "test")
    np.testing.assert_array_equal(split.images, IMAGES)
    np.testing.assert_array_equal(split.labels, LABELS)
    with pytest.raises(UserError, match="train-images.idx3-ubyte"):
        idx.read_split(str(tmp_path), "train")
    Image.new("L", (20, 28)).save(folder / "small.png")
    with pytest.raises(UserError, match="small.png: expected 28x28 pixels, found 28x20"):
        idx.read_split(str(tmp_path), "test")
    (folder / "small.png").write_text("text")
    with pytest.raises(UserError, match="small.png: not a picture"):
        idx.read_split(str(tmp_path), "test")
    folder.rename(folder.parent / "10")
    with pytest.raises(UserError, match="testing/10: expected classes from 0 to 9; remove"):
        idx.read_split(str(tmp_path), "test")


GOOD_IMAGES = mnist.images_file(IMAGES)
GOOD_LABELS = mnist.labels_file(LABELS)

BAD_FILES = {
    "images wrong magic": (b"PNG!" + GOOD_IMAGES[4:], GOOD_LABELS, "magic number 0x00000803"),
    "labels wrong magic": (GOOD_IMAGES, b"\0\0\0\0" + GOOD_LABELS[4:], "found 0x00000000"),
    "exchanged": (GOOD_LABELS + bytes(8), GOOD_IMAGES, "are images and labels exchanged"),
    "8 columns": (
        GOOD_IMAGES,
        struct.pack(">3I", 0x0C02, 2, 8) + bytes(64),
        "QMNIST's extended labels: 8 columns; take column 0",
    ),
    "web page": (b"<!DOCTYPE html><html>", GOOD_LABELS, "a web page, the download failed"),
    "archive": (b"PK\3\4" + GOOD_IMAGES, GOOD_LABELS, "an archive; unpack it"),
    "images cut": (GOOD_IMAGES[:-1], GOOD_LABELS, "expected 1584 bytes.* found 1583"),
    "images too long": (GOOD_IMAGES + b"x", GOOD_LABELS, "expected 1584 bytes.* found 1585"),
    "labels cut": (GOOD_IMAGES, GOOD_LABELS[:-1], "expected 10 bytes.* found 9"),
    "no header": (GOOD_IMAGES[:7], GOOD_LABELS, "header of 16 bytes, found 7"),
    "empty file": (GOOD_IMAGES, b"", "header of 8 bytes, found 0"),
    "huge count": (
        struct.pack(">4I", 0x0803, 0xFFFFFFFF, 28, 28) + bytes(784),
        GOOD_LABELS,
        "4294967295 items",
    ),
    "no images": (struct.pack(">4I", 0x0803, 0, 28, 28), GOOD_LABELS, "holds no items"),
    "32x32": (
        mnist.images_file(np.zeros((2, 32, 32), np.uint8)),
        GOOD_LABELS,
        "expected images of 28x28 pixels, found 32x32",
    ),
    "label 10": (
        GOOD_IMAGES,
        mnist.labels_file(np.array([3, 10], np.uint8)),
        "labels from 0 to 9, found 10 at index 1",
    ),
    "size mismatch": (
        GOOD_IMAGES,
        mnist.labels_file(np.array([1, 2, 3], np.uint8)),
        "expected 2 labels.* found 3",
    ),
}


@pytest.mark.parametrize(("images", "labels", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_an_invalid_file_is_reported(tmp_path, images, labels, message):
    _write_test_split(tmp_path / "test", images, labels)
    with pytest.raises(UserError, match=message) as error:
        idx.read_split(str(tmp_path), "test")
    assert "t10k-" in str(error.value)


BAD_GZIP = {
    "cut": gzip.compress(GOOD_IMAGES)[:-20],
    "damaged": gzip.compress(GOOD_IMAGES)[:30] + b"\xff" * 40 + gzip.compress(GOOD_IMAGES)[70:],
    "empty": b"",
}


@pytest.mark.parametrize("content", BAD_GZIP.values(), ids=BAD_GZIP)
def test_a_broken_gzip_file_is_reported(tmp_path, content):
    path = tmp_path / "t10k-images.idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="t10k-images.idx3-ubyte.gz"):
        idx.read_images(str(path))


def test_missing_data_is_reported(tmp_path):
    with pytest.raises(UserError, match="does not exist; omit --data_path"):
        idx.read_split(str(tmp_path / "nowhere"), "train")
    with pytest.raises(UserError, match="train-images.idx3-ubyte"):
        idx.read_split(str(tmp_path), "train")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mnist.npz").touch()
    with pytest.raises(UserError, match="a/mnist.npz is not read; take .* the IDX files"):
        idx.read_split(str(tmp_path), "train")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="is not a folder"):
        idx.read_split(str(tmp_path / "file"), "train")


def test_an_unreadable_file_is_reported(tmp_path):
    with pytest.raises(UserError, match="cannot read .*: No such file"):
        idx.read_labels(str(tmp_path / "labels"))
    with pytest.raises(UserError, match="cannot read .*: Is a directory"):
        idx.read_labels(str(tmp_path))
