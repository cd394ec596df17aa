"""Black-box test of //python:preprocess."""

import csv
import gzip
import pathlib
import shutil
import signal
import time

import numpy as np
import pytest
from PIL import Image

from lenet.testing import mnist, programs

COUNT = 20


@pytest.fixture
def data(tmp_path):
    return pathlib.Path(mnist.write_idx(tmp_path / "Data", train=1, test=COUNT))


def test_all_images_of_mnist(tmp_path):
    result = programs.run("preprocess", "--output_path=set", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "10000 of 10000 images" in result.stderr, "without a terminal: plain lines"
    assert f"--dataset_path={tmp_path}/set" in result.stdout
    with open(tmp_path / "set" / "manifest.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10_000
    assert rows[0] == {"file": "test_0_7.jpg", "label": "7"}
    images = sorted(path.name for path in (tmp_path / "set").glob("*.jpg"))
    assert images == sorted(row["file"] for row in rows)
    with Image.open(tmp_path / "set" / "test_0_7.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "L", (32, 32))


def test_a_run_that_was_killed_goes_on(tmp_path):
    folder = tmp_path / "set"
    process = programs.start("preprocess", "--output_path=set", "--image_format=png", cwd=tmp_path)
    while not list(folder.glob("test_9_*.png")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert not (folder / "manifest.csv").exists()
    result = programs.run("preprocess", "--output_path=set", "--image_format=png", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "from an interrupted run" in result.stdout
    assert len(list(folder.iterdir())) == 10_000 + 1


def test_tensors(data, tmp_path):
    result = programs.run("preprocess", f"--data_path={data}", "--image_format=bin", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    [path] = (tmp_path / "preprocess_Result").glob("test_0_*.bin")
    assert np.fromfile(path, "<f4").shape == (32 * 32,)


def test_full_folder_needs_force(data, tmp_path):
    command = ("preprocess", f"--data_path={data}", "--output_path=set")
    assert programs.run(*command, cwd=tmp_path).returncode == 0
    result = programs.run(*command, "--limit=3", cwd=tmp_path)
    assert result.returncode == 2
    assert "holds a set already" in result.stderr
    assert len(list((tmp_path / "set").iterdir())) == COUNT + 1
    result = programs.run(*command, "--limit=3", "--force", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "set").iterdir())) == 3 + 1


def _images(data):
    return data / "test" / "t10k-images.idx3-ubyte"


def _labels(data):
    return data / "test" / "t10k-labels.idx1-ubyte"


def _cut_gzip(data):
    content = gzip.compress(_images(data).read_bytes())
    _images(data).unlink()
    pathlib.Path(f"{_images(data)}.gz").write_bytes(content[:-100])


def _wrong_magic(data):
    _images(data).write_bytes(_labels(data).read_bytes())


def _label_10(data):
    _labels(data).write_bytes(_labels(data).read_bytes()[:-1] + b"\x0a")


def _fewer_labels(data):
    _labels(data).write_bytes(mnist.labels_file(np.zeros(COUNT - 1, np.uint8)))


def _cut(data):
    _images(data).write_bytes(_images(data).read_bytes()[:-1])


def _no_files(data):
    shutil.rmtree(data / "test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_cut_gzip, "broken gzip file"),
        (_wrong_magic, "expected the magic number 0x00000803"),
        (_label_10, "expected labels from 0 to 9, found 10"),
        (_fewer_labels, f"expected {COUNT} labels"),
        (_cut, "expected 15696 bytes"),
        (_no_files, "holds t10k-images.idx3-ubyte"),
    ],
)
def test_bad_data(data, tmp_path, change, message):
    change(data)
    result = programs.run("preprocess", f"--data_path={data}", "--output_path=set", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--image_height=28"], "--image_height: expected an even number of at least 32"),
        (["--image_width=33"], "--image_width: expected an even number of at least 32"),
        (["--quality=101"], "quality"),
        (["--image_format=gif"], "image_format"),
        (["--output_path=file/set"], "--output_path: cannot write to"),
        (["--output_path="], "--output_path: expected a folder"),
        (["--data_path=nowhere"], "nowhere does not exist"),
        (["--ouput_path=x"], "ouput_path"),
        (["stray"], "unexpected argument 'stray'"),
    ],
)
def test_bad_input(data, tmp_path, flags, message):
    (tmp_path / "file").write_text("")
    result = programs.run("preprocess", f"--data_path={data}", *flags, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
