"""What of CANN and of the driver is installed here: ATC, its version, the chip.

CANN's own set_env.sh sets ASCEND_HOME_PATH (older ones: ASCEND_TOOLKIT_HOME). Where nobody has
sourced it, the documented folders are looked at, and ATC is run with the set_env.sh that is there.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Mapping

_VARIABLES = ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME")

# Newest first; the last is where CANN 3 (2020) had it, as atc/bin/atc.
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
# "| 2       310                   | OK              | 12.8 ...": number, name and health of a card.
# Rows of chips and of processes have numbers where the health is, or no name of that form.
_CARD = re.compile(r"^\|\s*\d+\s+(?:Ascend\s*)?(\d{3}\w*)\s*\|\s*[A-Za-z]+\s*\|", re.MULTILINE)
_NPU_SMI_SECONDS = 60  # it hangs where the driver does


@dataclasses.dataclass(frozen=True)
class Atc:
    """ATC as it is installed here.

    Attributes:
        program: path of atc.
        root: the folder of CANN that it is in.
        script: set_env.sh to source before it runs; "" where that has been done, or there is none.
    """

    program: str
    root: str
    script: str = ""

    def version(self) -> str:
        """Such as "8.0.0"; "" if it cannot be told."""
        for name in _VERSION_FILES:
            try:
                with open(os.path.join(self.root, name), encoding="utf-8") as file:
                    match = _VERSION.search(file.read())
            except (OSError, UnicodeDecodeError):
                continue
            if match:
                return match[2]
        return ""

    def command(self, arguments: list[str]) -> list[str]:
        """What to execute to run ATC with `arguments`."""
        if not self.script:
            return [self.program, *arguments]
        # CANN's script is not written for `set -eu`.
        text = 'source "$1" >/dev/null; shift; exec "$@"'
        return ["bash", "-c", text, "atc", self.script, self.program, *arguments]

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment to run ATC in.

        ATC compiles with the Python of the system. The modules of this program, which Bazel has
        put into PYTHONPATH, are for another Python and would break it.
        """
        result = dict(environ)
        paths = [path for path in environ.get("PYTHONPATH", "").split(":") if path]
        result["PYTHONPATH"] = ":".join(path for path in paths if ".runfiles" not in path)
        if not result["PYTHONPATH"]:
            del result["PYTHONPATH"]
        if not self.script and not any(environ.get(name) for name in _VARIABLES):
            _add_old_environment(self.root, result)
        return result


def find_atc(
    environ: Mapping[str, str] = os.environ, folders: tuple[str, ...] = _FOLDERS
) -> Atc | None:
    """ATC: of the environment, else of the documented folders; None if there is none."""
    for name in _VARIABLES:
        root = environ.get(name)
        if root and (program := _program(root)):
            return Atc(program, root)
    on_path = shutil.which("atc", path=environ.get("PATH", ""))
    if on_path:  # set up by hand: taken as it is
        return Atc(on_path, os.path.dirname(os.path.dirname(os.path.realpath(on_path))))
    for folder in folders:
        root = os.path.expanduser(folder)
        if program := _program(root):
            return Atc(program, root, _script(root))
    return None


def places(folders: tuple[str, ...] = _FOLDERS) -> str:
    """Where find_atc looks, for messages."""
    return ", ".join((*("$" + name for name in _VARIABLES), "$PATH", *folders))


def soc_version(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """(--soc_version of the cards that npu-smi shows, "") or ("", why it cannot be told)."""
    path = os.pathsep.join((environ.get("PATH", ""), *_NPU_SMI_FOLDERS))
    program = shutil.which("npu-smi", path=path)
    if not program:
        return "", "npu-smi, which comes with the driver, is not here"
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


def _program(root: str) -> str:
    for name in _PROGRAMS:
        path = os.path.join(root, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""


def _script(root: str) -> str:
    for name in _ENVIRONMENT_SCRIPTS:
        path = os.path.normpath(os.path.join(root, name))
        if os.path.isfile(path):
            return path
    return ""


def _add_old_environment(root: str, environ: dict[str, str]) -> None:
    """What the manual of CANN 3, which had no set_env.sh, says to export."""
    atc = os.path.join(root, "atc")
    for name, paths in {
        "PATH": [f"{atc}/ccec_compiler/bin", f"{atc}/bin"],
        "LD_LIBRARY_PATH": [f"{atc}/lib64"],
        "PYTHONPATH": [f"{atc}/python/site-packages"],
    }.items():
        environ[name] = ":".join([*paths, *filter(None, [environ.get(name)])])
    environ.setdefault("ASCEND_OPP_PATH", os.path.join(root, "opp"))
