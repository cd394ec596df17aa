"""Two clones that differ in all that a build must not depend on, and Bazel in them."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

_GRACE_SECONDS = 20  # between asking Bazel to end and killing it
_PROGRESS_SECONDS = 20
_TAIL_LINES = 25  # of Bazel's output, shown when it fails
_SHOWN = 110  # characters of a line of progress

# What an outer `bazel run` sets for this program, not for another Bazel.
_OUTER = (
    "BUILD_WORKING_DIRECTORY",
    "BUILD_WORKSPACE_DIRECTORY",
    "JAVA_RUNFILES",
    "LENET_TOOLS_BAZEL",
    "PYTHON_RUNFILES",
    "RUNFILES_DIR",
    "RUNFILES_MANIFEST_FILE",
    "RUNFILES_MANIFEST_ONLY",
)


class CloneError(Exception):
    """A clone could not be made or Bazel failed in it; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class Clone:
    """Where a clone and all that its Bazel writes lie, and what else is its own.

    Attributes:
        name: "first" or "second".
        source: the clone.
        home: HOME.
        temporary: TMPDIR.
        output_user_root: Bazel's folder.
        umask: of Bazel and the actions.
        variables: environment variables that only this one has, or with another value.
    """

    name: str
    source: pathlib.Path
    home: pathlib.Path
    temporary: pathlib.Path
    output_user_root: pathlib.Path
    umask: int
    variables: Mapping[str, str]


def layout(scratch: pathlib.Path) -> tuple[Clone, Clone]:
    """The two clones below `scratch`; nothing is made yet."""
    first = scratch / "first"
    second = scratch / "second" / "is" / "deeper"
    return (
        Clone(
            name="first",
            source=first / "checkout",
            home=first / "home",
            temporary=first / "tmp",
            output_user_root=first / "out",
            umask=0o022,
            variables={"LANG": "C", "PYTHONHASHSEED": "0", "TZ": "UTC", "USER": "alice"},
        ),
        Clone(
            name="second",
            source=second / "lenet",
            home=second / "users" / "bob",
            temporary=second / "temporary",
            output_user_root=second / "bazel",
            umask=0o077,
            variables={
                "COLUMNS": "200",
                "EDITOR": "ed",
                "LANG": "de_DE.UTF-8",
                "LENET_LEAK": "an action that sees this is not hermetic",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHASHSEED": "1",
                "TZ": "Asia/Shanghai",
                "USER": "bob",
            },
        ),
    )


def environment(clone: Clone, base: Mapping[str, str]) -> dict[str, str]:
    """The variables for Bazel in `clone`, from those of this process.

    Where pip and Bazelisk look for their settings and downloads stays as it is: that is how
    packages get here, not what they are.
    """
    kept = {
        key: value
        for key, value in base.items()
        if key not in _OUTER and not key.startswith(("LC_", "PYTHON", "TEST_"))
    }
    old_home = base.get("HOME", "/")
    caches = base.get("XDG_CACHE_HOME") or f"{old_home}/.cache"
    kept.setdefault("PIP_CACHE_DIR", f"{caches}/pip")
    kept.setdefault("BAZELISK_HOME", f"{caches}/bazelisk")
    if config := _pip_config(base, old_home):
        kept.setdefault("PIP_CONFIG_FILE", config)
    own = {
        "CI": "1",  # no questions
        "HOME": str(clone.home),
        "LENET_NO_INSTALL": "1",
        "LOGNAME": clone.variables["USER"],
        "PATH": f"{clone.home}/bin:{base.get('PATH', os.defpath)}",
        "TMPDIR": str(clone.temporary),
        "XDG_CACHE_HOME": f"{clone.home}/.cache",
    }
    return kept | own | dict(clone.variables)


def _pip_config(base: Mapping[str, str], home: str) -> str | None:
    settings = base.get("XDG_CONFIG_HOME") or f"{home}/.config"
    for path in (f"{settings}/pip/pip.conf", f"{home}/.pip/pip.conf"):
        if os.path.isfile(path):
            return path
    return None


def command(
    clone: Clone, words: Sequence[str], cache: str, log: pathlib.Path, flags: Sequence[str]
) -> list[str]:
    """The command line of Bazel.

    Args:
        clone: to run in.
        words: Bazel's command and the targets.
        cache: a folder, an URL, or "" for none.
        log: where to write the execution log.
        flags: more flags for Bazel's command.
    """
    kind = "remote_cache" if "://" in cache else "disk_cache"  # empty: none, whatever .bazelrc says
    return [
        "tools/bazel",
        "--batch",  # no server that could be left behind
        f"--output_user_root={clone.output_user_root}",
        words[0],
        f"--{kind}={cache}",
        f"--execution_log_json_file={log}",
        "--color=no",
        "--curses=no",
        "--show_progress_rate_limit=5",
        *flags,
        "--",
        *words[1:],
    ]


def make(clone: Clone, repository: str, *, working_tree: bool) -> None:
    """Clones HEAD of `repository`, with `working_tree` also what is changed or new there.

    Raises:
        CloneError: git failed.
    """
    for folder in (clone.home / "bin", clone.temporary, clone.source.parent):
        folder.mkdir(parents=True, exist_ok=True)
    _git("clone", "--quiet", "--no-hardlinks", "--", repository, str(clone.source))
    if working_tree:
        changed = _git("-C", repository, "diff", "--name-only", "--no-renames", "-z", "HEAD")
        new = _git("-C", repository, "ls-files", "-z", "--others", "--exclude-standard")
        for name in filter(None, (changed + new).split("\0")):
            _copy(pathlib.Path(repository, name), clone.source / name)


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=False, errors="replace"
        )
    except FileNotFoundError:
        raise CloneError("git is not in PATH; install it (apt-get install git)") from None
    if result.returncode != 0:
        raise CloneError(f"git {arguments[0]}: {result.stderr.strip()}")
    return result.stdout


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """Makes `target` what `source` is: a file, a link, or nothing."""
    target.unlink(missing_ok=True)
    if os.path.lexists(source):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def run(clone: Clone, words: Sequence[str], say: Callable[[str], None]) -> float:
    """Runs a command in the clone, with a line of progress now and then.

    Its output is in <clone.source>.log.

    Returns:
        Seconds.

    Raises:
        CloneError: it failed; has the end of its output.
    """
    output = pathlib.Path(f"{clone.source}.log")
    start = time.monotonic()
    with open(output, "wb") as file:
        process = subprocess.Popen(
            words,
            cwd=clone.source,
            env=environment(clone, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=clone.umask,
        )
        try:
            _wait(process, lambda seconds: say(_progress(clone.name, seconds, output)))
        finally:
            _end(process)
    if process.returncode != 0:
        lines = output.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        raise CloneError(
            f"Bazel ended with exit code {process.returncode} in the {clone.name} clone:\n"
            + "\n".join(f"  {line}" for line in lines)
        )
    return time.monotonic() - start


def _wait(process: "subprocess.Popen[bytes]", progress: Callable[[float], None]) -> None:
    start = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PROGRESS_SECONDS)
            return
        progress(time.monotonic() - start)


def _progress(name: str, seconds: float, output: pathlib.Path) -> str:
    lines = output.read_text(errors="replace").splitlines() or ["Bazel starts"]
    return f"{name}: {duration(seconds)}: {lines[-1].strip()[:_SHOWN]}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends what is left of the group of `process`: asks it, then kills it."""
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def remove(folder: pathlib.Path) -> None:
    """Removes `folder` and all in it, also where Bazel took away the right to.

    Raises:
        OSError: something could not be removed.
    """
    for parent, folders, _ in os.walk(folder):  # a folder is opened after this made it readable
        for path in (os.path.join(parent, name) for name in folders):
            mode = os.lstat(path).st_mode
            if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
                os.chmod(path, mode | stat.S_IRWXU)
    shutil.rmtree(folder)


def folder_size(folder: pathlib.Path) -> tuple[int, int]:
    """Number of files below `folder` and their bytes."""
    sizes = [path.stat().st_size for path in _files(folder)]
    return len(sizes), sum(sizes)


def _files(folder: pathlib.Path) -> Iterable[pathlib.Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def duration(seconds: float) -> str:
    """As "1:02:03" or "4:05", or "3.2 s" below a minute."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
