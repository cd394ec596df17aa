import pytest

from lenet import files


def test_write_atomically_replaces_the_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    files.write_atomically(str(path), "neu: ü")
    assert path.read_text(encoding="utf-8") == "neu: ü"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_replacing_leaves_the_old_file_and_no_debris_after_an_error(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), files.replacing(str(path)) as temporary:
        with open(temporary, "wb") as file:
            file.write(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_replacing_keeps_the_ending_of_the_name(tmp_path):
    with files.replacing(str(tmp_path / "a.png")) as temporary:
        assert temporary.endswith(".png")
        open(temporary, "wb").close()
