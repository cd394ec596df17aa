"""Runs the built infer310 on the simulator of AscendCL and reads their reports.

A test that uses it has //cc:infer310, //cc/ascend/sim:libascendcl.so and libacl_dvpp.so in its
`data`. cc/ascend/sim/README.md describes the settings and the trace.
"""

import collections
import dataclasses
import json
import pathlib
import re
import signal
import subprocess
from typing import Any

import numpy as np
from runfiles import Runfiles

from lenet.testing import programs

PROGRAM = "//cc:infer310"
RULES_BROKEN = 66  # exit status of a process that leaks or breaks a rule of AscendCL
_LIBRARIES = ("libascendcl.so", "libacl_dvpp.so")
_NODES = ("davinci_manager", "devmm_svm", "hisi_hdc")
_RESULT = re.compile(r"test_(\d+)_\d\.bin")
_CALL = re.compile(r"#\d+ (\w+) -> -?\d+(?: injected (\S+))?")
_END = re.compile(r"end: (.*), peak (\d+) bytes")


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run of infer310 left.

    Attributes:
        simulator: the simulator's report, empty if AscendCL was not used: `ok` is true if no rule
            was broken, `calls` counts the calls per function, `injected` lists the faults as in
            LENET_SIM_FAULTS, `peak_bytes` is the largest use of a device's memory.
        calls: the functions of AscendCL in the order of the calls.
    """

    returncode: int
    stdout: str
    stderr: str
    cwd: pathlib.Path
    simulator: dict[str, Any]
    calls: list[str]

    @property
    def report(self) -> dict[str, Any]:
        """report.json of infer310."""
        return json.loads((self.cwd / "report.json").read_text())

    def logits(self) -> np.ndarray:
        """float32 [N, 10], in the order of the images' numbers."""
        return read_logits(self.cwd / "result_Files")

    def check(self) -> "Run":
        """Fails the test unless all went well and the simulator has nothing to say."""
        assert self.returncode == 0, self.stderr
        assert self.simulator, f"the simulator was not used\n{self.stderr}"
        assert self.simulator["ok"], self.simulator
        return self


class Process:
    """infer310 on the simulator, while it runs.

    Args:
        cwd: where it is started, an existing folder; results are written there.
        arguments: flags of infer310.
        scratch: an existing folder for device nodes and reports, beside `cwd` and not in it.
        devices: number of devices, of which there are nodes too.
        missing_node: a file not to be in the folder of device nodes.
        settings: LENET_SIM_*: run_mode="device" is LENET_SIM_RUN_MODE=device.
    """

    def __init__(
        self,
        cwd: pathlib.Path,
        *arguments: str,
        scratch: pathlib.Path,
        devices: int = 1,
        missing_node: str = "",
        **settings: str | int,
    ) -> None:
        self._cwd = cwd
        self._trace = scratch / "trace.txt"
        self._trace.unlink(missing_ok=True)
        nodes = scratch / "dev"
        make_nodes(nodes, max(devices, 1))
        if missing_node:
            (nodes / missing_node).unlink()
        environment = programs.environment(cwd) | {
            "LD_LIBRARY_PATH": str(library_folder()),
            "LENET_ASCEND_DEVICES": str(nodes),
            "LENET_SIM_DEVICES": str(devices),
            "LENET_SIM_TRACE": str(self._trace),
        }
        for name, value in settings.items():
            environment[f"LENET_SIM_{name.upper()}"] = str(value)
        self._process = subprocess.Popen(
            [programs.path(PROGRAM), "--threads=1", *arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def send_signal(self, sent: signal.Signals) -> None:
        """Sends it a signal."""
        self._process.send_signal(sent)

    def finish(self, timeout: float = 120) -> Run:
        """Waits for its end."""
        try:
            stdout, stderr = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        report, calls = _read_trace(self._trace) if self._trace.exists() else ({}, [])
        return Run(self._process.returncode, stdout, stderr, self._cwd, report, calls)


def _read_trace(path: pathlib.Path) -> tuple[dict[str, Any], list[str]]:
    """Reads the simulator's report and the functions called, in order."""
    text = path.read_text()
    lines = _CALL.findall(text)
    calls = [function for function, _ in lines]
    end = _END.search(text)
    report = {
        "ok": end is not None and end[1] == "ok",
        "calls": collections.Counter(calls),
        "injected": [function + fault for function, fault in lines if fault],
        "peak_bytes": int(end[2]) if end else 0,
    }
    return report, calls


def run(cwd: pathlib.Path, *arguments: str, **kwargs: Any) -> Run:
    """Starts a Process with these arguments and waits for its end."""
    return Process(cwd, *arguments, **kwargs).finish()


def runfile(path: str) -> pathlib.Path:
    """A file of this repository in the runfiles."""
    found = Runfiles.Create().Rlocation(f"lenet_mindspore/{path}")
    assert found and pathlib.Path(found).exists(), f"{path} is not in the data of this test"
    return pathlib.Path(found)


def model(name: str) -> pathlib.Path:
    """A model of the build graph for the simulator: "lenet", "lenet_aipp" or "lenet_dynamic"."""
    return runfile(f"python/{name}.om")


def library_folder() -> pathlib.Path:
    """The folder with both libraries of the simulator."""
    paths = [runfile(f"cc/ascend/sim/{library}") for library in _LIBRARIES]
    assert paths[0].parent == paths[1].parent
    return paths[0].parent


def read_logits(folder: pathlib.Path) -> np.ndarray:
    """The results test_<number>_<label>.bin, float32 [N, 10], in the order of their numbers."""
    numbered = {}
    for path in folder.iterdir():
        match = _RESULT.fullmatch(path.name)
        assert match, f"{path} is no result"
        numbered[int(match[1])] = np.fromfile(path, "<f4")
    return np.stack([numbered[number] for number in sorted(numbered)])


def make_nodes(folder: pathlib.Path, devices: int) -> None:
    """What infer310 looks for in /dev, as plain files."""
    folder.mkdir(exist_ok=True)
    for name in (*_NODES, *(f"davinci{number}" for number in range(devices))):
        (folder / name).touch()
