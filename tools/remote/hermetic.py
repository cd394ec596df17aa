#!/usr/bin/env python3
"""Checks that the build depends on nothing but the committed tree.

Usage: tools/remote/hermetic.py CACHE [TARGET...]       (default target: //...)

Clones HEAD and runs `bazel test` in the clone with the disk cache CACHE, which the same targets
have filled elsewhere. An empty or missing CACHE is first filled from another clone. The clones
differ in folder, output base, HOME, USER, TMPDIR, locale, time zone, umask and environment. Every
spawn that may be cached must come from the cache; the others are listed with their outputs.

Exit codes: 0 everything was cached, 1 something was not or a command failed, 2 wrong arguments.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

_GRACE_SECONDS = 20  # between SIGTERM and SIGKILL

# Variables that an outer `bazel run` or `bazel test` sets, and Python's own.
_DROPPED = ("BUILD_W", "JAVA_RUNFILES", "LC_", "LENET_TOOLS_BAZEL", "PYTHON", "RUNFILES_", "TEST_")


def main(arguments: list[str]) -> int:
    """Runs the check and returns the exit code."""
    if not arguments or arguments[0].startswith(("-", "//")):
        print(__doc__, file=sys.stderr)
        return 2
    cache = pathlib.Path(arguments[0]).resolve()
    targets = arguments[1:] or ["//..."]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="lenet_hermetic_"))
    try:
        if not cache.is_dir() or not any(cache.iterdir()):
            _test(scratch / "first", cache, targets, umask=0o022, variables={"USER": "alice"})
        log = _test(
            scratch / "second" / "is" / "deeper",
            cache,
            targets,
            umask=0o077,
            variables={
                "COLUMNS": "200",
                "LANG": "de_DE.UTF-8",
                "LENET_LEAK": "an action that reads this variable is not hermetic",
                "TZ": "Asia/Shanghai",
                "USER": "bob",
            },
        )
        total, executed = check_log(log)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"hermetic: error: {error}", file=sys.stderr)
        return 1
    finally:
        subprocess.run(["chmod", "-R", "u+rwX", scratch], check=False)  # Bazel's are read-only
        shutil.rmtree(scratch)
    for name in executed:
        print(f"hermetic: not from the cache: {name}")
    print(f"hermetic: {total - len(executed)} of {total} spawns came from the cache")
    return 1 if executed or not total else 0


def _test(
    folder: pathlib.Path,
    cache: pathlib.Path,
    targets: list[str],
    *,
    umask: int,
    variables: dict[str, str],
) -> pathlib.Path:
    """Runs `bazel test` in a new clone and returns its execution log."""
    source = folder / "lenet"
    for name in ("home", "temporary"):
        (folder / name).mkdir(parents=True)
    repository = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", repository, source], check=True)
    log = folder / "log.json"
    command = [
        "tools/bazel",
        "--batch",  # no server remains
        f"--output_user_root={folder}/bazel",
        "test",
        f"--disk_cache={cache}",
        f"--execution_log_json_file={log}",
        "--noshow_progress",
        "--",
        *targets,
    ]
    print(f"hermetic: {source}: bazel test {' '.join(targets)}", flush=True)
    process = subprocess.Popen(
        command,
        cwd=source,
        env=_environment(folder) | variables,
        stdin=subprocess.DEVNULL,
        umask=umask,
    )
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        process.kill()
        raise
    if code != 0:
        raise subprocess.CalledProcessError(code, command)
    return log


def _environment(folder: pathlib.Path) -> dict[str, str]:
    """Returns an environment with its own HOME that still finds pip's settings and caches."""
    home = pathlib.Path.home()
    config = pathlib.Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "pip/pip.conf")
    caches = os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    environment = {
        "BAZELISK_HOME": f"{caches}/bazelisk",
        "PIP_CACHE_DIR": f"{caches}/pip",
        **({"PIP_CONFIG_FILE": str(config)} if config.is_file() else {}),
        **{key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)},
        "CI": "1",
        "HOME": f"{folder}/home",
        "LENET_NO_INSTALL": "1",
        "PATH": f"{folder}/home/bin:{os.environ.get('PATH', os.defpath)}",
        "TMPDIR": f"{folder}/temporary",
    }
    environment.pop("XDG_CACHE_HOME", None)
    return environment


def check_log(path: pathlib.Path) -> tuple[int, list[str]]:
    """Reads an execution log (JSON) of Bazel 4 to 7.

    Returns:
        The number of spawns that may be cached, and the names of those that were executed.

    Raises:
        ValueError: the file is not a complete execution log.
    """
    total, executed = 0, []
    for spawn in _spawns(path):
        if spawn.get("cacheable") and spawn.get("remoteCacheable"):
            total += 1
            if not spawn.get("cacheHit", spawn.get("remoteCacheHit")):
                outputs = spawn.get("listedOutputs") or [spawn.get("targetLabel", "")]
                executed.append(f"{spawn['mnemonic']} {outputs[0]}")
    return total, executed


def _spawns(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Yields one spawn at a time: a log of //... has hundreds of megabytes.

    Bazel writes indented JSON objects one after the other, so a "}" in the first column ends one.
    """
    lines: list[str] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith("}"):
                yield json.loads("".join([*lines, "}"]))
                lines = [line[1:]]
            else:
                lines.append(line)
    if "".join(lines).strip():
        raise ValueError(f"{path} ends within a spawn; was Bazel interrupted?")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
