"""How two clones differ, what Bazel is called with, and what is left behind."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from tools.remote import clones
from tools.remote.clones import CloneError

_BASE = {
    "HOME": "/home/me",
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C",
    "PYTHONPATH": "/runfiles",
    "RUNFILES_DIR": "/runfiles",
    "BUILD_WORKSPACE_DIRECTORY": "/me/lenet",
    "LENET_PYTHON": "/usr/bin/python3.11",
}


def _git(folder: pathlib.Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True)


@pytest.fixture(name="repository")
def _repository(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "repository"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_text("old")
    (folder / "gone").write_text("gone")
    (folder / ".gitignore").write_text("ignored\n")
    _git(folder, "init", "--quiet")
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "-m", "x")
    (folder / "sub" / "a").write_text("new")
    (folder / "gone").unlink()
    (folder / "added").mkdir()
    (folder / "added" / "b").symlink_to("../sub/a")
    (folder / "ignored").write_text("x")
    return folder


def test_the_clones_share_no_folder_and_differ_in_depth(tmp_path: pathlib.Path) -> None:
    first, second = clones.layout(tmp_path)
    for name in ("source", "home", "temporary", "output_user_root"):
        one, other = getattr(first, name), getattr(second, name)
        assert one.name != other.name or one.parent.name != other.parent.name
        assert len(one.parts) != len(other.parts)
    assert first.umask != second.umask


def test_the_environments_differ_in_all_that_must_not_matter(tmp_path: pathlib.Path) -> None:
    first, second = (clones.environment(clone, _BASE) for clone in clones.layout(tmp_path))
    different = {
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    }
    assert {"HOME", "USER", "LANG", "TMPDIR", "TZ", "PATH", "PYTHONHASHSEED"} <= different
    assert "LENET_LEAK" in different


def test_the_environment_keeps_what_packages_come_by(tmp_path: pathlib.Path) -> None:
    variables = clones.environment(clones.layout(tmp_path)[0], _BASE)
    assert variables["PIP_CACHE_DIR"] == "/home/me/.cache/pip"
    assert variables["BAZELISK_HOME"] == "/home/me/.cache/bazelisk"
    assert variables["LENET_PYTHON"] == "/usr/bin/python3.11"
    assert variables["PATH"].endswith(":/usr/bin:/bin")
    assert "PIP_CONFIG_FILE" not in variables


def test_the_environment_names_the_pip_settings_of_the_user(tmp_path: pathlib.Path) -> None:
    config = tmp_path / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.touch()
    clone = clones.layout(tmp_path / "scratch")[0]
    base = _BASE | {"HOME": str(tmp_path)}
    assert clones.environment(clone, base)["PIP_CONFIG_FILE"] == str(config)
    chosen = base | {"PIP_CONFIG_FILE": "/mine", "PIP_CACHE_DIR": "/cache"}
    assert clones.environment(clone, chosen)["PIP_CONFIG_FILE"] == "/mine"
    assert clones.environment(clone, chosen)["PIP_CACHE_DIR"] == "/cache"


def test_the_environment_has_nothing_of_an_outer_bazel_run(tmp_path: pathlib.Path) -> None:
    variables = clones.environment(clones.layout(tmp_path)[0], _BASE)
    assert not {"RUNFILES_DIR", "BUILD_WORKSPACE_DIRECTORY", "PYTHONPATH", "LC_ALL"} & set(
        variables
    )


@pytest.mark.parametrize(
    ("cache", "flag"),
    [
        ("/a/folder", "--disk_cache=/a/folder"),
        ("http://127.0.0.1:1/x", "--remote_cache=http://127.0.0.1:1/x"),
        ("grpc://host:1", "--remote_cache=grpc://host:1"),
    ],
)
def test_a_cache_is_a_folder_or_an_url(tmp_path: pathlib.Path, cache: str, flag: str) -> None:
    clone = clones.layout(tmp_path)[0]
    words = clones.command(clone, ["test", "//..."], cache, tmp_path / "log", ["--config=asan"])
    assert flag in words
    assert words.index("--batch") < words.index("test") < words.index("--config=asan")
    assert words[-2:] == ["--", "//..."]


def test_a_clone_has_what_is_committed(repository: pathlib.Path, tmp_path: pathlib.Path) -> None:
    clone = clones.layout(tmp_path / "scratch")[1]
    clones.make(clone, str(repository), working_tree=False)
    assert (clone.source / "sub" / "a").read_text() == "old"
    assert (clone.source / "gone").exists()
    assert not (clone.source / "added").exists()
    assert clone.temporary.is_dir() and clone.home.is_dir()


def test_a_clone_of_the_working_tree_has_what_git_would_add(
    repository: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    clone = clones.layout(tmp_path / "scratch")[0]
    clones.make(clone, str(repository), working_tree=True)
    assert (clone.source / "sub" / "a").read_text() == "new"
    assert not (clone.source / "gone").exists()
    assert os.readlink(clone.source / "added" / "b") == "../sub/a"
    assert not (clone.source / "ignored").exists()


def test_what_is_no_repository_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(CloneError, match="git clone: .*none"):
        clones.make(clones.layout(tmp_path)[0], str(tmp_path / "none"), working_tree=False)


def _made(scratch: pathlib.Path) -> clones.Clone:
    clone = clones.layout(scratch)[1]
    for folder in (clone.source, clone.home, clone.temporary):
        folder.mkdir(parents=True)
    return clone


def test_a_command_runs_in_the_clone_with_its_environment(tmp_path: pathlib.Path) -> None:
    clone = _made(tmp_path)
    code = "import os; open('out', 'w').write(os.environ['USER'])"
    assert clones.run(clone, [sys.executable, "-c", code], print) > 0
    assert (clone.source / "out").read_text() == "bob"
    assert (clone.source / "out").stat().st_mode & 0o777 == 0o600


def test_the_end_of_the_output_of_a_failure_is_shown(tmp_path: pathlib.Path) -> None:
    code = "for n in range(100): print('line', n)\nraise SystemExit(3)"
    with pytest.raises(CloneError, match="exit code 3 in the second clone") as failure:
        clones.run(_made(tmp_path), [sys.executable, "-c", code], print)
    assert "line 99" in str(failure.value) and "line 10\n" not in str(failure.value)


def test_progress_is_the_last_line_of_the_output(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clones, "_PROGRESS_SECONDS", 0.01)
    said: list[str] = []
    release = tmp_path / "release"

    def say(line: str) -> None:
        said.append(line)
        if "compiling" in line:
            release.touch()

    code = (
        "import os, sys, time\nprint('compiling', flush=True)\n"
        f"while not os.path.exists({str(release)!r}): time.sleep(0.01)"
    )
    clones.run(_made(tmp_path), [sys.executable, "-c", code], say)
    assert said[-1].startswith("second: ") and said[-1].endswith(": compiling")


def test_an_interrupt_ends_the_command_and_its_children(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clones, "_GRACE_SECONDS", 0.2)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    pipe = tmp_path / "pipe"  # its other end closes when both are dead
    os.mkfifo(pipe)
    code = (
        "import os, signal, subprocess, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"held = os.open({str(pipe)!r}, os.O_WRONLY)\n"
        "os.set_inheritable(held, True)\n"
        "subprocess.Popen(['sleep', '1000'], close_fds=False)\nos.write(held, b'x')\n"
        "time.sleep(1000)"
    )
    ended = threading.Event()

    def interrupt() -> None:
        with open(pipe, "rb") as reading:
            reading.read(1)
            os.kill(os.getpid(), signal.SIGINT)
            reading.read()
            ended.set()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        clones.run(_made(tmp_path), [sys.executable, "-c", code], print)
    thread.join(20)
    assert ended.is_set()


def test_removes_what_cannot_be_written_to(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "scratch"
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "file").touch()
    deep.chmod(0o500)
    (folder / "a").chmod(0o000)
    clones.remove(folder)
    assert not folder.exists()


def test_the_size_of_a_folder_counts_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"12345")
    (tmp_path / "y").write_bytes(b"1")
    assert clones.folder_size(tmp_path) == (2, 6)


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.21, "3.2 s"), (59.7, "59.7 s"), (245, "4:05"), (3722, "1:02:02")]
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert clones.duration(seconds) == text
