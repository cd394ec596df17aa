"""Black-box test of //python:predict."""

import json

import numpy as np
import pytest
from PIL import Image

from lenet.data import idx
from lenet.testing import programs

COUNT = 200
PAPER = np.array([235, 228, 210])
PEN = np.array([30, 40, 120])


@pytest.fixture
def ckpt():
    return f"--ckpt_file={programs.path('//python:lenet.ckpt')}"


@pytest.fixture(scope="module")
def mnist_test():
    return idx.read_split("", "test")


def _photo(image, generator):
    """A digit of MNIST in blue ink on yellowish paper, somewhere in a photo of 200x300."""
    large = Image.fromarray(image).resize((140, 140), Image.Resampling.BICUBIC)
    ink = np.zeros((300, 200, 1))
    top, left = generator.integers(0, 160), generator.integers(0, 60)
    ink[top : top + 140, left : left + 140, 0] = np.asarray(large) / 255
    rows, columns = np.indices(ink.shape[:2])
    light = 1 - 0.3 * (rows + columns)[..., np.newaxis] / 500
    grain = generator.normal(0, 4, ink.shape)
    pixels = (PAPER * (1 - ink) + PEN * ink) * light + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _records(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_photos(ckpt, mnist_test, tmp_path):
    generator = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for index in range(COUNT):
        name = f"{index:03}_{mnist_test.labels[index]}" + (".png" if index % 2 else ".jpg")
        _photo(mnist_test.images[index], generator).save(tmp_path / "photos" / name)
    result = programs.run("predict", ckpt, "--json", "photos", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    records = _records(result)
    names = sorted(str(path) for path in (tmp_path / "photos").iterdir())
    assert [record["file"] for record in records] == names
    correct = sum(record["digit"] == int(record["file"][-5]) for record in records)
    assert correct >= 0.9 * COUNT
    for record in records:
        assert sum(record["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert record["probability"] == max(record["probabilities"])
        assert record["probability"] == record["probabilities"][record["digit"]]


def test_table(ckpt, mnist_test, tmp_path):
    Image.fromarray(mnist_test.images[0]).save(tmp_path / "seven.bmp")
    result = programs.run("predict", ckpt, "seven.bmp", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    head, row = result.stdout.splitlines()
    assert head.split() == ["digit", "probability", *map(str, range(10)), "file"]
    assert row.split()[0] == "7"
    assert row.endswith(f"  {tmp_path}/seven.bmp")


def test_bad_pictures_are_told_and_the_others_are_done(ckpt, mnist_test, tmp_path):
    (tmp_path / "a_text.jpg").write_text("dear diary")
    (tmp_path / "b_empty.jpg").write_bytes(b"")
    Image.fromarray(mnist_test.images[0]).save(tmp_path / "c_seven.png")
    Image.fromarray(mnist_test.images[0]).resize((280, 280)).save(tmp_path / "d_cut.png")
    content = (tmp_path / "d_cut.png").read_bytes()
    (tmp_path / "d_cut.png").write_bytes(content[: len(content) // 2])
    Image.new("L", (100, 100), 255).save(tmp_path / "e_blank.png")
    Image.new("1", (20000, 20000)).save(tmp_path / "f_bomb.png")
    Image.fromarray(255 - mnist_test.images[1]).save(tmp_path / "g_two.png")
    result = programs.run("predict", ckpt, "--json", ".", "nowhere.png", cwd=tmp_path)
    assert result.returncode == 2
    found = [(record["file"], record["digit"]) for record in _records(result)]
    assert found == [(f"{tmp_path}/c_seven.png", 7), (f"{tmp_path}/g_two.png", 2)]
    for message in (
        "a_text.jpg: expected a PNG, JPEG or BMP picture",
        "b_empty.jpg: expected a PNG, JPEG or BMP picture, found an empty file",
        "d_cut.png: cannot read the picture",
        "e_blank.png: no ink",
        "f_bomb.png: more pixels than any photo",
        "nowhere.png: no such file or folder",
        "6 of 8 inputs could not be used",
    ):
        assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "expected pictures or folders of them"),
        (["empty"], 2, "empty: no pictures in this folder"),
        (["--ckpt_file=nowhere.ckpt", "."], 2, "nowhere.ckpt: no such checkpoint"),
        (["--device_target=GPU", "--device_id=99", "."], 3, "--device_target=GPU"),
        (["--invert=maybe", "."], 2, "invert"),
        (["--jsn", "."], 2, "jsn"),
    ],
)
def test_bad_input(ckpt, mnist_test, tmp_path, arguments, code, message):
    (tmp_path / "empty").mkdir()
    Image.fromarray(mnist_test.images[0]).save(tmp_path / "seven.png")
    result = programs.run("predict", ckpt, *arguments, cwd=tmp_path)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
