import numpy as np
import pytest

from lenet.data import idx
from lenet.errors import UserError
from lenet.options.programs import PreprocessOptions
from lenet.preprocessing import encode, preprocess
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
    """Makes the encoding of image number `count` (from 0) stop the program as Ctrl-C does."""
    real = encode.encode
    calls = iter(range(COUNT))

    def interrupted(*args):
        if next(calls) == count:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(encode, "encode", interrupted)


@pytest.mark.parametrize("image_format", ["jpg", "png", "bin"])
def test_names_and_manifest(options, data, tmp_path, image_format):
    preprocess.preprocess(options(image_format=image_format))
    labels = idx.read_split(data, "test").labels
    names = [f"test_{index}_{label}.{image_format}" for index, label in enumerate(labels)]
    assert sorted(_contents(tmp_path / "set")) == sorted([*names, "manifest.csv"])
    rows = (tmp_path / "set" / "manifest.csv").read_text().splitlines()
    expected = [f"{name},{label}" for name, label in zip(names, labels, strict=True)]
    assert rows == ["file,label", *expected]


def test_equal_options_give_equal_bytes(options, tmp_path):
    contents = []
    for name in ("first", "second"):
        preprocess.preprocess(options(image_format="jpg", output_path=str(tmp_path / name)))
        contents.append(_contents(tmp_path / name))
    assert contents[0] == contents[1]


def test_limit(options, tmp_path):
    preprocess.preprocess(options(limit=3))
    assert len(_contents(tmp_path / "set")) == 3 + 1


def test_interrupted_run_goes_on(options, tmp_path, monkeypatch, capsys):
    preprocess.preprocess(options(output_path=str(tmp_path / "whole")))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        _interrupt_after(patch, 5)
        preprocess.preprocess(options())
    assert not (tmp_path / "set" / "manifest.csv").exists()
    assert len(list((tmp_path / "set").glob("test_*"))) == 5
    (tmp_path / "set" / ".0a1b2c3d.tmp.test_5_1.png").write_bytes(b"cut by a power failure")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").glob("test_*")}
    preprocess.preprocess(options())
    assert _contents(tmp_path / "set") == _contents(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in times} == times, "written again"
    assert "5 were there from an interrupted run" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes", [{"quality": 50}, {"limit": 3}, {"image_format": "bin"}, {"image_width": 34}]
)
def test_interrupted_run_does_not_go_on_with_other_settings(options, monkeypatch, changes):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        _interrupt_after(patch, 5)
        preprocess.preprocess(options())
    with pytest.raises(UserError, match="other settings"):
        preprocess.preprocess(options(**changes))


def test_refuses_a_complete_set(options, tmp_path):
    preprocess.preprocess(options())
    before = _contents(tmp_path / "set")
    with pytest.raises(UserError, match="holds a set already; .*--force"):
        preprocess.preprocess(options())
    assert _contents(tmp_path / "set") == before


def test_refuses_a_folder_of_other_things(options, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"not empty \(thesis\.txt"):
        preprocess.preprocess(options())


def test_force_replaces_an_earlier_set_and_nothing_else(options, tmp_path):
    preprocess.preprocess(options(image_format="jpg"))
    (tmp_path / "set" / "thesis.txt").write_text("mine")
    preprocess.preprocess(options(limit=2, force=True))
    names = sorted(_contents(tmp_path / "set"))
    assert len(names) == 2 + 1 + 1
    assert [name for name in names if name.startswith("test_")][0].startswith("test_0_")
    assert not [name for name in names if name.endswith(".jpg")]
    assert (tmp_path / "set" / "thesis.txt").read_text() == "mine"


def test_folder_that_cannot_be_made(options, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--output_path: cannot write"):
        preprocess.preprocess(options(output_path=str(tmp_path / "file" / "set")))


def test_bad_size_is_told_before_anything_is_made(options, tmp_path):
    with pytest.raises(UserError, match="--image_height"):
        preprocess.preprocess(options(image_format="jpg", image_height=28))
    assert not (tmp_path / "set").exists()


def test_bin_is_resized(options, tmp_path):
    preprocess.preprocess(options(image_format="bin", image_height=36, image_width=40))
    for path in (tmp_path / "set").glob("*.bin"):
        assert np.fromfile(path, "<f4").shape == (36 * 40,)
