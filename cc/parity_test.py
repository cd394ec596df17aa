"""infer310 gives MindSpore's logits for all 10,000 test images, with each engine and format.

Builds with sanitizers use fewer images (.bazelrc).
"""

import csv
import dataclasses
import pathlib

import numpy as np
import pytest

from lenet import devices, resources
from lenet.data import idx, transform
from lenet.testing import programs

# Logits reach about 20; the order of float32 sums changes them by a relative 1e-6.
_TOLERANCE = 1e-4
_IMAGES = programs.image_limit()
_LIMIT = f"--limit={_IMAGES}"


@pytest.fixture(scope="module")
def test_set():
    split = idx.read_split("", "test")
    return dataclasses.replace(split, images=split.images[:_IMAGES], labels=split.labels[:_IMAGES])


@pytest.fixture(scope="module")
def mindspore_logits(test_set):
    devices.set_context("CPU")
    from lenet.model import checkpoint
    from lenet.model.lenet5 import LeNet5, predict_logits

    net = LeNet5()
    checkpoint.load_into(net, str(resources.path("python/lenet.ckpt")))
    return predict_logits(net, transform.prepare(test_set.images, 32, 32), 1000)


def infer310_logits(folder, test_set, *flags):
    """Returns the logits, float32 [_IMAGES, 10]; checks that each image has a result, in order."""
    done = programs.run("//cc:infer310", _LIMIT, *flags, cwd=folder)
    assert done.returncode == 0, done.stderr
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        stems = [pathlib.Path(row["file"]).stem for row in csv.DictReader(file)]
    assert stems == [f"test_{i}_{label}" for i, label in enumerate(test_set.labels)]
    return np.load(folder / "result_Files" / "results.npy")


@pytest.fixture(scope="module")
def idx_logits(test_set, tmp_path_factory):
    """Logits by engine."""
    return {
        engine: infer310_logits(tmp_path_factory.mktemp(engine), test_set, f"--engine={engine}")
        for engine in ("native", "lite")
    }


def preprocessed(folder, image_format):
    done = programs.run("preprocess", f"--image_format={image_format}", _LIMIT, cwd=folder)
    assert done.returncode == 0, done.stderr
    return f"--dataset_path={folder / 'preprocess_Result'}"


@pytest.mark.parametrize("engine", ["native", "lite"])
def test_same_logits_and_classes_as_mindspore(engine, mindspore_logits, idx_logits):
    logits = idx_logits[engine]
    assert len(logits) == _IMAGES
    assert np.abs(logits - mindspore_logits).max() <= _TOLERANCE
    # Rounding decides which of two nearly equal logits is the larger one.
    clear = np.diff(np.sort(mindspore_logits)[:, -2:])[:, 0] > 2 * _TOLERANCE
    assert (logits.argmax(1) == mindspore_logits.argmax(1))[clear].all()


@pytest.mark.parametrize("image_format", ["png", "bin"])
def test_lossless_files_give_identical_logits(image_format, idx_logits, test_set, tmp_path):
    flag = preprocessed(tmp_path, image_format)
    assert infer310_logits(tmp_path, test_set, flag).tobytes() == idx_logits["native"].tobytes()


def test_jpeg_files_give_nearly_the_same_classes(idx_logits, test_set, tmp_path):
    logits = infer310_logits(tmp_path, test_set, preprocessed(tmp_path, "jpg"))
    exact = idx_logits["native"]
    assert (logits.argmax(1) == exact.argmax(1)).mean() >= 0.998
    right = [int((each.argmax(1) == test_set.labels).sum()) for each in (logits, exact)]
    assert abs(right[0] - right[1]) <= len(exact) / 1000


@pytest.mark.parametrize("engine", ["native", "lite"])
@pytest.mark.parametrize("model", ["lenet.mindir", "lenet_lite.mindir"])
def test_every_mindir_of_export_gives_the_same_logits(
    engine, model, idx_logits, test_set, tmp_path
):
    flags = [f"--mindir_path={resources.path(f'python/{model}')}", f"--engine={engine}"]
    logits = infer310_logits(tmp_path, test_set, *flags)
    assert logits.tobytes() == idx_logits[engine].tobytes()
