"""A folder that looks like an installation of CANN and of the driver, for tests of conversion.

A test that uses it has //python/lenet/testing:fake_atc in its `data`. As a program, for tests that
are scripts: `fake_cann FOLDER [CARD...]` calls install() and, with cards, npu_smi().
"""

import pathlib
import sys

from runfiles import Runfiles

VERSION = "8.0.0"
_FAKE_ATC = "lenet_mindspore/python/lenet/testing/fake_atc"

# Real ATC does not start without the variables of set_env.sh, and breaks on the modules of another
# Python, which Bazel has put into the PYTHONPATH of its programs.
_ATC = """#!/usr/bin/env bash
fail() {{
  echo "$1"
  exit 1
}}
[[ -n ${{ASCEND_OPP_PATH:-}} ]] || fail "libge_compiler.so: cannot open shared object file"
[[ ${{PYTHONPATH:-}} != *.runfiles* ]] || fail "E40001: the modules of PYTHONPATH do not fit"
exec "{program}" "$@"
"""
_SET_ENV = """# Not written for `set -u`: ${NO_SUCH_VARIABLE}
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
    """Makes `folder`, the ASCEND_HOME_PATH of a CANN, and returns it."""
    (folder / "bin").mkdir(parents=True)
    (folder / "compiler").mkdir()
    program = Runfiles.Create().Rlocation(_FAKE_ATC)
    assert program and pathlib.Path(program).exists(), "fake_atc is not in the data of this test"
    _script(folder / "bin" / "atc", _ATC.format(program=program))
    (folder / "set_env.sh").write_text(_SET_ENV)
    (folder / "compiler" / "version.info").write_text(f"Version={VERSION}\nversion_dir=CANN-8.0\n")
    return folder


def npu_smi(folder: pathlib.Path, *cards: str) -> pathlib.Path:
    """Writes `folder`/npu-smi, which shows these cards ("310"), and returns `folder`."""
    folder.mkdir(exist_ok=True)
    rows = [_NPU_SMI_CARD.format(number=number, name=name) for number, name in enumerate(cards)]
    table = _NPU_SMI_HEAD + _RULE.join(rows) + _RULE
    check = '[[ $# -ge 1 && $1 == info ]] || { echo "Usage: npu-smi info|set|upgrade"; exit 1; }'
    _script(folder / "npu-smi", f"#!/usr/bin/env bash\n{check}\ncat <<'TABLE'\n{table}TABLE\n")
    return folder


def _script(path: pathlib.Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


if __name__ == "__main__":
    install(pathlib.Path(sys.argv[1]))
    if sys.argv[2:]:
        npu_smi(pathlib.Path(sys.argv[1]) / "bin", *sys.argv[2:])
