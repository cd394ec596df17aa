"""Black-box tests of the programs after training, on the model of the build and all of MNIST."""

import csv
import json
import pathlib
import re
import shutil
import signal
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from lenet.data import idx
from lenet.testing import mnist, programs

PHOTOS = 200
UNCERTAIN = (81, 144)  # images of the test set whose mean looks like no digit
PAPER = np.array([235, 228, 210])
PEN = np.array([30, 40, 120])


@pytest.fixture
def checkpoint():
    return programs.path("//python:lenet.ckpt")


@pytest.fixture(scope="module")
def mnist_test():
    return idx.read_split("", "test")


def _run(program, *flags, cwd, code=0):
    result = programs.run(program, *flags, cwd=cwd)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_eval_reads_all_images(checkpoint, tmp_path):
    result = _run("eval", f"--ckpt_path={checkpoint}", "--report=report", cwd=tmp_path)
    found = re.fullmatch(r"Accuracy: \{'Accuracy':(0\.\d{4})\}", result.stdout.splitlines()[0])
    assert found
    assert float(found[1]) > 0.9842
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["total"] == sum(map(sum, report["confusion_matrix"])) == 10000
    assert f"{report['accuracy']:.4f}" == found[1]
    assert {"mistakes.png", "report.html", "report.json"} < set(_names(tmp_path / "report"))


def test_export_of_mindir_does_not_depend_on_the_process(checkpoint, tmp_path, monkeypatch):
    contents = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        flags = (f"--ckpt_file={checkpoint}", f"--file_name=out{seed}/lenet")
        result = _run("export", *flags, cwd=tmp_path)
        folder = tmp_path / f"out{seed}"
        assert _names(folder) == ["lenet.mindir", "lenet_lite.mindir"]
        contents.append([path.read_bytes() for path in sorted(folder.iterdir())])
        assert f"--mindir_path={folder}/lenet.mindir" in result.stdout
        assert "verified on 8 images" in result.stderr
    assert contents[0] == contents[1]


def test_export_of_onnx_writes_one_file(checkpoint, tmp_path):
    flags = ("--file_name=out/lenet", "--file_format=onnx", "--batch_size=3")
    result = _run("export", f"--ckpt_file={checkpoint}", *flags, cwd=tmp_path)
    assert _names(tmp_path) == ["out"], "something was written into the home folder"
    assert _names(tmp_path / "out") == ["lenet.onnx"]
    size = (tmp_path / "out" / "lenet.onnx").stat().st_size
    assert f"{tmp_path}/out/lenet.onnx: {size} bytes" in result.stdout


def test_preprocess_continues_an_interrupted_run(tmp_path):
    folder = tmp_path / "set"
    process = programs.start("preprocess", "--output_path=set", cwd=tmp_path)
    while not list(folder.glob("test_9_*.jpg")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "preprocess: error: interrupted"
    assert not (folder / "manifest.csv").exists()
    result = _run("preprocess", "--output_path=set", cwd=tmp_path)
    assert "from an interrupted run" in result.stdout
    assert f"--dataset_path={folder}" in result.stdout
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10_000
    assert rows[0] == {"file": "test_0_7.jpg", "label": "7"}
    assert _names(folder) == sorted(["manifest.csv", *(row["file"] for row in rows)])
    with Image.open(folder / "test_0_7.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "L", (32, 32))


@pytest.mark.parametrize("flag", ["--data_path=Data", "--dataset_path=set"])
def test_postprocess_gives_the_accuracy(tmp_path, flag):
    data = mnist.write_idx(tmp_path / "Data", train=1, test=40)
    mnist.write_results(tmp_path / "result_Files", idx.read_split(data, "test").labels, wrong=3)
    (tmp_path / "set").mkdir()
    stems = [path.stem for path in (tmp_path / "result_Files").iterdir()]
    rows = [f"{stem}.jpg,{stem[-1]}\n" for stem in stems]
    (tmp_path / "set" / "manifest.csv").write_text("file,label\n" + "".join(rows))
    result = _run("postprocess", flag, cwd=tmp_path)
    assert result.stdout.splitlines()[0] == "Accuracy: {'Accuracy':0.9250}"
    assert (tmp_path / "acc.log").read_text() == "'Accuracy':0.9250\n"
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["correct"], report["total"]) == (37, 40)


def _photo(image, generator):
    """A photo of 200x300 with a digit of MNIST in blue ink on yellowish paper."""
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


def test_predict_photos(checkpoint, mnist_test, tmp_path):
    generator = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for index in range(PHOTOS):
        name = f"{index:03}_{mnist_test.labels[index]}" + (".png" if index % 2 else ".jpg")
        _photo(mnist_test.images[index], generator).save(tmp_path / "photos" / name)
    flags = (f"--ckpt_file={checkpoint}", "--json", "--output=out", "photos")
    result = _run("predict", *flags, cwd=tmp_path, code=2)
    records = _records(result)
    names = [record["file"] for record in records]
    assert 0.98 * PHOTOS <= len(names) <= PHOTOS  # few look like two digits
    assert names == [
        str(path) for path in sorted((tmp_path / "photos").iterdir()) if str(path) in names
    ]
    assert _names(tmp_path / "out") == [f"{pathlib.Path(name).name}.png" for name in names]
    certain = [record for record in records if record["certain"]]
    # Processors round differently, so that each trains another model: 195 to 198 are right.
    assert sum(record["digit"] == int(record["file"][-5]) for record in certain) >= 0.95 * PHOTOS
    for record in records:
        assert record["certain"] == (record["probability"] >= 0.8)
        assert sum(record["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert record["probability"] == max(record["probabilities"])
        assert record["probability"] == record["probabilities"][record["digit"]]


def test_predict_prints_a_table(checkpoint, mnist_test, tmp_path):
    Image.fromarray(mnist_test.images[0]).save(tmp_path / "seven.bmp")
    result = _run("predict", f"--ckpt_file={checkpoint}", "seven.bmp", cwd=tmp_path)
    head, row = result.stdout.splitlines()
    assert head.split() == ["digit", "probability", *map(str, range(10)), "file"]
    assert row.split()[0] == "7"
    assert row.endswith(f"  {tmp_path}/seven.bmp")


def test_predict_reads_digits_from_left_to_right_and_marks_uncertain_ones(
    checkpoint, mnist_test, tmp_path
):
    one, left, right, seven = (Image.fromarray(mnist_test.images[i]) for i in (2, *UNCERTAIN, 0))
    digits = [one, Image.blend(left, right, 0.5), seven]
    row = Image.new("L", (260, 140))
    for place, digit in enumerate(digits):
        row.paste(digit.resize((84, 84)), (84 * place + 4, 30))
    row.save(tmp_path / "row.png")
    flags = (f"--ckpt_file={checkpoint}", "--output=out", "row.png")
    result = _run("predict", *flags, cwd=tmp_path, code=2)
    head, *rows = [line.split() for line in result.stdout.splitlines()]
    number = "".join(row[0][0] for row in rows)
    assert [row[0] for row in rows] == ["1", f"{number[1]}?", "7"]
    assert [row[-4:] for row in rows] == [
        [f"{tmp_path}/row.png,", "digit", f"{place}", "of", number][-4:] for place in (1, 2, 3)
    ]
    assert (
        f"row.png, digit 2 of {number}: no digit found with certainty: best guess" in result.stderr
    )
    assert "1 of 3 digits are not certain" in result.stderr
    assert Image.open(tmp_path / "out" / "row.png.png").width > 900
    _run("predict", *flags, cwd=tmp_path, code=2)
    shutil.copy(tmp_path / "row.png", tmp_path / "out" / "row.png.png")
    result = _run("predict", *flags, cwd=tmp_path, code=2)
    assert "row.png.png is no picture of predict" in result.stderr


def test_predict_skips_unusable_pictures(checkpoint, mnist_test, tmp_path):
    (tmp_path / "a_text.jpg").write_text("dear diary")
    (tmp_path / "b_empty.jpg").write_bytes(b"")
    Image.fromarray(mnist_test.images[0]).save(tmp_path / "c_seven.png")
    Image.fromarray(mnist_test.images[0]).resize((280, 280)).save(tmp_path / "d_cut.png")
    content = (tmp_path / "d_cut.png").read_bytes()
    (tmp_path / "d_cut.png").write_bytes(content[: len(content) // 2])
    Image.new("L", (100, 100), 255).save(tmp_path / "e_blank.png")
    Image.new("1", (8, 8)).save(tmp_path / "f_bomb.png")
    content = (tmp_path / "f_bomb.png").read_bytes()
    header = b"IHDR" + struct.pack(">II", 2_000_000, 2_000_000) + content[24:29]
    content = content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    (tmp_path / "f_bomb.png").write_bytes(content)
    Image.fromarray(255 - mnist_test.images[1]).save(tmp_path / "g_two.png")
    flags = (f"--ckpt_file={checkpoint}", "--json", ".", "nowhere.png")
    result = _run("predict", *flags, cwd=tmp_path, code=2)
    found = [(record["file"], record["digit"]) for record in _records(result)]
    assert found == [(f"{tmp_path}/c_seven.png", 7), (f"{tmp_path}/g_two.png", 2)]
    for message in (
        "a_text.jpg: expected a PNG, JPEG, BMP, WebP, TIFF or GIF picture",
        "b_empty.jpg: expected a PNG, JPEG, BMP, WebP, TIFF or GIF picture, found an empty file",
        "d_cut.png: cannot read the picture",
        "e_blank.png: no ink",
        "f_bomb.png: the picture of 2000000x2000000 pixels",
        "nowhere.png: no such file or folder",
        "6 of 8 inputs could not be used",
    ):
        assert message in result.stderr
