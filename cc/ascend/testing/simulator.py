"""Runs the built infer310 on the simulator of AscendCL and reads the reports of both.

cc/ascend/sim/README.md describes the settings.
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

from lenet import resources
from lenet.testing import programs

PROGRAM = "//cc:infer310"
_NODES = ("davinci_manager", "devmm_svm", "hisi_hdc")
_CALL = re.compile(r"#\d+ (\w+) -> -?\d+(?: injected (\S+))?")
_END = re.compile(r"end: (.*), peak (\d+) bytes")


@dataclasses.dataclass(frozen=True)
class Run:
    """The outcome of a run of infer310.

    Attributes:
        simulator: the simulator's report; empty if AscendCL was not used. `ok` is true if there
            was no violation, `calls` counts the calls per function, `injected` lists the faults in
            the form of LENET_SIM_FAULTS, `peak_bytes` is the peak of device memory.
        calls: the AscendCL functions called, in order.
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
        """Returns the logits, float32 [N, classes], ordered by image number."""
        return np.load(self.cwd / "result_Files" / "results.npy")

    def check(self) -> "Run":
        """Fails the test unless the run succeeded and the simulator reports no violation."""
        assert self.returncode == 0, self.stderr
        assert self.simulator, f"the simulator was not used\n{self.stderr}"
        assert self.simulator["ok"], self.simulator
        return self


class Process:
    """A running infer310 on the simulator.

    Args:
        cwd: the folder to start it in, created if missing; results are written there. Device nodes
            and reports are in the folder scratch(cwd).
        arguments: flags of infer310.
        devices: number of devices and of their nodes.
        missing_node: name of a device node to leave out.
        settings: the simulator's settings: run_mode="device" sets LENET_SIM_RUN_MODE=device.
    """

    def __init__(
        self,
        cwd: pathlib.Path,
        *arguments: str,
        devices: int = 1,
        missing_node: str = "",
        **settings: str | int,
    ) -> None:
        self._cwd = cwd
        self._trace = scratch(cwd) / "trace.txt"
        for folder in (cwd, scratch(cwd)):
            folder.mkdir(parents=True, exist_ok=True)
        self._trace.unlink(missing_ok=True)
        nodes = scratch(cwd) / "dev"
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
            [*programs.command(PROGRAM), "--threads=1", *arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def running(self) -> bool:
        """Returns whether the process is still running."""
        return self._process.poll() is None

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process."""
        self._process.send_signal(number)

    def finish(self, timeout: float = 120) -> Run:
        """Waits for the end of the process. Kills it after `timeout` s, times 10 if emulated."""
        timeout *= 10 if programs.emulated() else 1
        try:
            stdout, stderr = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        report, calls = _read_trace(self._trace) if self._trace.exists() else ({}, [])
        return Run(self._process.returncode, stdout, stderr, self._cwd, report, calls)


def _read_trace(path: pathlib.Path) -> tuple[dict[str, Any], list[str]]:
    """Returns the simulator's report and the called functions in order."""
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
    """Runs infer310 to its end; arguments as for Process."""
    return Process(cwd, *arguments, **kwargs).finish()


def scratch(cwd: pathlib.Path) -> pathlib.Path:
    """Returns the folder beside `cwd` for files other than infer310's results."""
    return pathlib.Path(f"{cwd}.scratch")


def model(name: str) -> pathlib.Path:
    """Returns the path of the simulator model "lenet", "lenet_aipp" or "lenet_dynamic"."""
    return resources.path(f"cc/ascend/testing/{name}.om")


def library_folder() -> pathlib.Path:
    """Returns the folder with both libraries of the simulator."""
    return resources.path("cc/ascend/sim/libascendcl.so").parent


def make_nodes(folder: pathlib.Path, devices: int) -> None:
    """Creates plain files in place of the device nodes that infer310 looks for in /dev."""
    folder.mkdir(exist_ok=True)
    for name in (*_NODES, *(f"davinci{number}" for number in range(devices))):
        (folder / name).touch()
