import pytest

from lenet import files


def test_writes_text_and_bytes(tmp_path):
    files.write_atomically(str(tmp_path / "a"), "é")
    files.write_atomically(str(tmp_path / "b"), b"\x00\x01")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9"
    assert (tmp_path / "b").read_bytes() == b"\x00\x01"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_content_and_nothing_else(tmp_path, error):
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(error), files.replacing(str(path)) as temporary:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_keeps_folder_and_ending(tmp_path):
    path = tmp_path / "picture.png"
    with files.replacing(str(path)) as temporary:
        assert temporary.endswith(".png")
        assert temporary.startswith(str(tmp_path))
        assert not path.exists()
        open(temporary, "wb").close()
    assert path.exists()


def test_a_writer_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(str(tmp_path / "a")):
        pass
