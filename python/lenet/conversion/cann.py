"""Finds CANN's converter ATC and the chip that the driver shows.

CANN's set_env.sh sets ASCEND_HOME_PATH (older releases: ASCEND_TOOLKIT_HOME). If no variable is
set, the documented folders are searched, and ATC runs after the set_env.sh found there.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_VARIABLES = ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME")

# Newest first. CANN 3 (2020) installed atc/bin/atc in the last folder.
_FOLDERS = (
    "/usr/local/Ascend/ascend-toolkit/latest",
    "/usr/local/Ascend/cann",
    "~/Ascend/ascend-toolkit/latest",
    "~/Ascend/cann",
    "/usr/local/Ascend",
)
_PROGRAMS = ("bin/atc", "compiler/bin/atc", "atc/bin/atc")
_ENVIRONMENT_SCRIPTS = ("set_env.sh", "../set_env.sh", "bin/setenv.bash")
_VERSION_FILES = ("compiler/version.info", "atc/version.info", "version.info", "version.cfg")
_VERSION = re.compile(
    r"^\s*(?:runtime_running_)?version\s*=\s*\[?([^\]\s:]+:)?([\w.]+)", re.I | re.M
)

_NPU_SMI_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/local/Ascend/driver/tools")
# Number, name and health of a card: "| 2       310                   | OK              | 12.8 ...".
# Rows of chips and processes have a number in place of the health.
_CARD = re.compile(r"^\|\s*\d+\s+(?:Ascend\s*)?(\d{3}\w*)\s*\|\s*[A-Za-z]+\s*\|", re.MULTILINE)
_NPU_SMI_SECONDS = 60  # npu-smi hangs if the driver does


@dataclasses.dataclass(frozen=True)
class Atc:
    """An installed ATC.

    Attributes:
        program: path of atc.
        root: folder of its CANN.
        script: set_env.sh to source before ATC runs; None if the environment is set already.
    """

    program: Path
    root: Path
    script: Path | None = None

    def version(self) -> str:
        """Returns the version, such as "8.0.0", or "" if it is unknown."""
        for name in _VERSION_FILES:
            try:
                match = _VERSION.search((self.root / name).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError):
                continue
            if match:
                return match[2]
        return ""

    def command(self, arguments: list[str]) -> list[str]:
        """Returns the command that runs ATC with `arguments`."""
        if not self.script:
            return [str(self.program), *arguments]
        # CANN's script fails under `set -eu`.
        text = 'source "$1" >/dev/null; shift; exec "$@"'
        return ["bash", "-c", text, "atc", str(self.script), str(self.program), *arguments]

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Returns the environment for ATC.

        ATC uses the system's Python, so modules that Bazel put into PYTHONPATH for another Python
        are removed.
        """
        result = dict(environ)
        paths = result.pop("PYTHONPATH", "").split(":")
        if own := [path for path in paths if path and ".runfiles" not in path]:
            result["PYTHONPATH"] = ":".join(own)
        if not self.script and not any(environ.get(name) for name in _VARIABLES):
            _add_cann3_environment(self.root, result)
        return result


def find_atc(
    environ: Mapping[str, str] = os.environ, folders: tuple[str, ...] = _FOLDERS
) -> Atc | None:
    """Returns ATC from the environment, else from `folders`, or None."""
    for name in _VARIABLES:
        if environ.get(name) and (program := _program(Path(environ[name]))):
            return Atc(program, Path(environ[name]))
    if on_path := shutil.which("atc", path=environ.get("PATH", "")):
        return Atc(Path(on_path), Path(on_path).resolve().parent.parent)
    for folder in folders:
        root = Path(folder).expanduser()
        if program := _program(root):
            scripts = (Path(os.path.normpath(root / name)) for name in _ENVIRONMENT_SCRIPTS)
            return Atc(program, root, next((path for path in scripts if path.is_file()), None))
    return None


def places(folders: tuple[str, ...] = _FOLDERS) -> str:
    """Returns the places that find_atc searches, for messages."""
    return ", ".join((*("$" + name for name in _VARIABLES), "$PATH", *folders))


def soc_version(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Returns (chip shown by npu-smi, "") or ("", reason why it is unknown)."""
    path = os.pathsep.join((environ.get("PATH", ""), *_NPU_SMI_FOLDERS))
    program = shutil.which("npu-smi", path=path)
    if not program:
        return "", "npu-smi, which comes with the driver, is not installed"
    try:
        done = subprocess.run(
            [program, "info"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_NPU_SMI_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"`npu-smi info` failed: {error}"
    names = sorted(set(_CARD.findall(done.stdout)))
    if done.returncode != 0 or not names:
        text = (done.stderr or done.stdout).strip().splitlines()
        return "", f"`npu-smi info` shows no card: {text[-1] if text else 'no output'}"
    if len(names) > 1:
        return "", f"`npu-smi info` shows cards of several kinds: {', '.join(names)}"
    return f"Ascend{names[0]}", ""


def _program(root: Path) -> Path | None:
    programs = (root / name for name in _PROGRAMS)
    return next((path for path in programs if path.is_file() and os.access(path, os.X_OK)), None)


def _add_cann3_environment(root: Path, environ: dict[str, str]) -> None:
    """Sets the variables that the manual of CANN 3 lists; it had no set_env.sh."""
    atc = root / "atc"
    for name, paths in {
        "PATH": [f"{atc}/ccec_compiler/bin", f"{atc}/bin"],
        "LD_LIBRARY_PATH": [f"{atc}/lib64"],
        "PYTHONPATH": [f"{atc}/python/site-packages"],
    }.items():
        environ[name] = ":".join([*paths, *filter(None, [environ.get(name)])])
    environ.setdefault("ASCEND_OPP_PATH", str(root / "opp"))
