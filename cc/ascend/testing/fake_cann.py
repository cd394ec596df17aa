"""Creates a folder that looks like an installation of CANN and of the driver, for tests.

As a program, for shell tests: `fake_cann FOLDER [CARD...]` calls install() and, if cards are given,
npu_smi().
"""

import pathlib
import sys

from lenet import resources

VERSION = "8.0.0"

# Like ATC, this needs the variables of set_env.sh and fails if PYTHONPATH holds modules of another
# Python, which Bazel puts there for its programs.
_ATC = """#!/usr/bin/env bash
fail() {{
  echo "$1"
  exit 1
}}
[[ -n ${{ASCEND_OPP_PATH:-}} ]] || fail "libge_compiler.so: cannot open shared object file"
[[ ${{PYTHONPATH:-}} != *.runfiles* ]] || fail "E40001: the modules of PYTHONPATH do not fit"
exec "{program}" "$@"
"""
_SET_ENV = """# Fails under `set -u`, like CANN's: ${NO_SUCH_VARIABLE}
export ASCEND_HOME_PATH="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export ASCEND_OPP_PATH="${ASCEND_HOME_PATH}/opp"
export PATH="${ASCEND_HOME_PATH}/bin:${PATH}"
echo "environment of CANN is set"
"""
_RULE = "+----------------------+---------------+----------------------------------------------+\n"
_NPU_SMI_HEAD = f"""{_RULE}\
| npu-smi 23.0.0                 Version: 23.0.0                                      |
{_RULE}\
| NPU   Name           | Health        | Power(W)    Temp(C)    Hugepages-Usage(page) |
| Chip  Device         | Bus-Id        | AICore(%)   Memory-Usage(MB)                 |
{_RULE.replace("-", "=")}"""
_NPU_SMI_CARD = """\
| {number}     {name:<16}| OK            | 12.8        45         0    / 969            |
| 0     {number}              | 0000:0{number}:00.0  | 0           621  / 8192 |
"""


def install(folder: pathlib.Path) -> pathlib.Path:
    """Creates `folder`, an ASCEND_HOME_PATH with ATC, and returns it."""
    (folder / "bin").mkdir(parents=True)
    (folder / "compiler").mkdir()
    program = resources.path("cc/ascend/testing/fake_atc")
    _write_script(folder / "bin" / "atc", _ATC.format(program=program))
    (folder / "set_env.sh").write_text(_SET_ENV)
    (folder / "compiler" / "version.info").write_text(f"Version={VERSION}\nversion_dir=CANN-8.0\n")
    return folder


def npu_smi(folder: pathlib.Path, *cards: str) -> pathlib.Path:
    """Writes the program `folder`/npu-smi, which lists cards such as "310". Returns `folder`."""
    folder.mkdir(exist_ok=True)
    rows = [_NPU_SMI_CARD.format(number=number, name=name) for number, name in enumerate(cards)]
    table = _NPU_SMI_HEAD + _RULE.join(rows) + _RULE
    check = '[[ $# -ge 1 && $1 == info ]] || { echo "Usage: npu-smi info|set|upgrade"; exit 1; }'
    _write_script(
        folder / "npu-smi", f"#!/usr/bin/env bash\n{check}\ncat <<'TABLE'\n{table}TABLE\n"
    )
    return folder


def _write_script(path: pathlib.Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


if __name__ == "__main__":
    install(pathlib.Path(sys.argv[1]))
    if sys.argv[2:]:
        npu_smi(pathlib.Path(sys.argv[1]) / "bin", *sys.argv[2:])
