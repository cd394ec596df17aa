import io

import numpy as np
import pytest
from PIL import Image

from lenet.data import idx, transform
from lenet.errors import UserError
from lenet.options.programs import PreprocessOptions
from lenet.preprocessing import run
from lenet.preprocessing.run import run_preprocessing
from lenet.testing import mnist

COUNT = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mnist.write_idx(tmp_path_factory.mktemp("data"), train=1, test=COUNT)


@pytest.fixture
def options(data, tmp_path):
    def make(**changes):
        values = {
            "data_path": data,
            "image_height": 32,
            "image_width": 32,
            "output_path": str(tmp_path / "set"),
            "image_format": "png",
            "quality": 95,
            "limit": 0,
            "force": False,
        }
        return PreprocessOptions(**(values | changes))

    return make


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _interrupt_after(monkeypatch, count):
    """Raises KeyboardInterrupt at image number `count`, from 0."""
    real = run.encode
    calls = iter(range(COUNT))

    def interrupted(*args):
        if next(calls) == count:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(run, "encode", interrupted)


@pytest.mark.parametrize("image_format", ["jpg", "png", "bin"])
def test_names_and_manifest(options, data, tmp_path, image_format):
    run_preprocessing(options(image_format=image_format))
    labels = idx.read_split(data, "test").labels
    names = [f"test_{index}_{label}.{image_format}" for index, label in enumerate(labels)]
    assert sorted(_contents(tmp_path / "set")) == sorted([*names, "manifest.csv"])
    rows = (tmp_path / "set" / "manifest.csv").read_text().splitlines()
    expected = [f"{name},{label}" for name, label in zip(names, labels, strict=True)]
    assert rows == ["file,label", *expected]


def test_equal_options_give_equal_bytes(options, tmp_path):
    contents = []
    for name in ("first", "second"):
        run_preprocessing(options(image_format="jpg", output_path=str(tmp_path / name)))
        contents.append(_contents(tmp_path / name))
    assert contents[0] == contents[1]


def test_an_interrupted_run_is_continued(options, tmp_path, monkeypatch, capsys):
    run_preprocessing(options(output_path=str(tmp_path / "whole")))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        _interrupt_after(patch, 5)
        run_preprocessing(options())
    assert not (tmp_path / "set" / "manifest.csv").exists()
    assert len(list((tmp_path / "set").glob("test_*"))) == 5
    (tmp_path / "set" / ".0a1b2c3d.tmp.test_5_1.png").write_bytes(b"cut by a power failure")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").glob("test_*")}
    run_preprocessing(options())
    assert _contents(tmp_path / "set") == _contents(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in times} == times, "written again"
    assert "5 of them from an interrupted run" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes", [{"quality": 50}, {"limit": 3}, {"image_format": "bin"}, {"image_width": 34}]
)
def test_an_interrupted_run_with_other_settings_is_rejected(options, monkeypatch, changes):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        _interrupt_after(patch, 5)
        run_preprocessing(options())
    with pytest.raises(UserError, match="other settings"):
        run_preprocessing(options(**changes))


def test_a_folder_in_use_is_rejected(options, tmp_path):
    run_preprocessing(options())
    before = _contents(tmp_path / "set")
    with pytest.raises(UserError, match="already holds a set; .*--force"):
        run_preprocessing(options())
    assert _contents(tmp_path / "set") == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"not empty \(thesis\.txt"):
        run_preprocessing(options(output_path=str(tmp_path / "other")))


def test_force_replaces_an_earlier_set_and_nothing_else(options, tmp_path):
    run_preprocessing(options(image_format="jpg"))
    (tmp_path / "set" / "thesis.txt").write_text("mine")
    run_preprocessing(options(limit=2, force=True))
    names = sorted(_contents(tmp_path / "set"))
    assert len(names) == 2 + 1 + 1
    assert [name for name in names if name.startswith("test_")][0].startswith("test_0_")
    assert not [name for name in names if name.endswith(".jpg")]
    assert (tmp_path / "set" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output_path": "/proc/set"}, "--output_path: cannot write to /proc/set"),
        ({"output_path": ""}, "--output_path: expected a folder"),
        ({"image_height": 30}, "--image_height: expected an even number of at least 32"),
        ({"image_height": 33}, "--image_height"),
        ({"image_width": 31}, "--image_width"),
    ],
)
def test_invalid_options_are_reported(options, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        run_preprocessing(options(image_format="jpg", **changes))
    assert not (tmp_path / "set").exists()


@pytest.fixture(scope="module")
def pixels():
    return transform.resize(idx.read_split("", "test").images[:1], 32, 48)[0]


def test_jpg_is_baseline_and_gray(pixels):
    content = run.encode(pixels, "jpg", 95)
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.mode, image.size) == ("JPEG", "L", (48, 32))
    assert b"\xff\xc0" in content, "no baseline frame"
    assert b"\xff\xc2" not in content, "a progressive frame"
    assert np.abs(np.asarray(image).astype(int) - pixels).mean() < 3
    assert len(run.encode(pixels, "jpg", 30)) < len(content)


def test_png_is_exact(pixels):
    image = Image.open(io.BytesIO(run.encode(pixels, "png", 1)))
    assert (image.format, image.mode) == ("PNG", "L")
    np.testing.assert_array_equal(np.asarray(image), pixels)


def test_bin_is_the_input_of_the_network(pixels):
    content = run.encode(pixels, "bin", 1)
    found = np.frombuffer(content, "<f4").reshape(1, 32, 48)
    np.testing.assert_array_equal(found, transform.prepare(pixels[np.newaxis], 32, 48)[0])
