import errno
import os
import pathlib

import pytest

from lenet import files
from lenet.errors import UserError


def test_writes_text_and_bytes(tmp_path):
    files.write_atomically(tmp_path / "a", "é")
    files.write_atomically(str(tmp_path / "b"), b"\x00\x01")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9"
    assert (tmp_path / "b").read_bytes() == b"\x00\x01"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_content_and_nothing_else(tmp_path, error):
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(error), files.replacing(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".json")
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_of_several_files_none_changes_unless_all_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    write = pathlib.Path.write_bytes

    def write_until_full(path, content):
        if path.name.endswith(".b"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    monkeypatch.setattr(pathlib.Path, "write_bytes", write_until_full)
    with pytest.raises(OSError, match="1,234 bytes are needed") as error:
        files.write_all({tmp_path / "a": "new", tmp_path / "b": 1234 * b"x"})
    assert error.value.filename == str(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_full_disk_names_the_file_and_its_size(tmp_path):
    path = tmp_path / "a.png"
    message = "No space left; 1,234 bytes are needed"
    with pytest.raises(OSError, match=message) as caught, files.replacing(path, 1234):
        raise OSError(errno.ENOSPC, "No space left")  # as write() does, without a name
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "a"):
        pass


def test_folders(tmp_path):
    assert files.make_folder("report", tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "a", "/proc/no_such_folder"):
        with pytest.raises(UserError, match=f"--report: cannot write to {folder}: "):
            files.make_folder("report", folder)


def test_a_full_disk_is_no_mistake_of_the_user(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a temporary file")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", fail)
    with pytest.raises(OSError, match="No space left") as error:
        files.make_folder("report", tmp_path)
    assert error.value.filename == str(tmp_path)


def test_a_folder_keeps_only_the_temporary_files_of_running_processes(tmp_path):
    (tmp_path / ".0a1b2c3d.tmp.killed.ckpt").write_text("half")
    (tmp_path / ".not.tmp.ours").write_text("")
    with files.replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        files.make_folder("report", tmp_path)
        names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted([temporary.name, ".not.tmp.ours"])
