"""Runs the cases of a benchmark in alternating order, each in a process of its own."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lenet import interrupts, resources

Metrics = dict[str, float]

# A program must find its own runfiles: the list of the benchmark's runfiles has 20,000 lines.
_RUNFILES = ("JAVA_RUNFILES", "PYTHON_RUNFILES", "RUNFILES_DIR", "RUNFILES_MANIFEST_FILE")
# Variables that change how a program computes.
_DROPPED = (
    "DNNL_MAX_CPU_ISA",
    "GLOG_v",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "PYTHONPATH",
)
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)
_POLL_SECONDS = 0.005
_LOG_TAIL_BYTES = 4000


class MeasurementError(Exception):
    """A program failed or did other work than its peers; the message is the reason, in one line."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One measurement of one peer.

    Attributes:
        peer: name of the peer.
        name: name of the case, for progress and messages.
        measure: measures once in an empty folder and raises MeasurementError on failure.
    """

    peer: str
    name: str
    measure: Callable[[pathlib.Path], Metrics]


@dataclasses.dataclass
class Results:
    """Measured values.

    Attributes:
        samples: values per peer and metric, one per repetition.
        failures: reason per peer and case.
        versions: versions of the packages that took part.
    """

    samples: dict[str, dict[str, list[float]]] = dataclasses.field(default_factory=dict)
    failures: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)


def find(name: str, repository: str = "lenet_mindspore") -> pathlib.Path:
    """Returns the path of a built file.

    Raises:
        MeasurementError: the file is not part of this build.
    """
    found = resources.find(name, repository)
    if found is None:
        raise MeasurementError(f"{name} is not in this build")
    return found


def run(
    program: str,
    *arguments: str,
    folder: pathlib.Path,
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> Metrics:
    """Runs a built program to its end and returns its wall time and peak memory.

    Args:
        program: path in the workspace, such as "cc/infer310".
        arguments: command-line arguments.
        folder: working directory, HOME and TMPDIR of the program, which logs to log.txt there.
        timeout: seconds after which the program is killed.
        environment: further variables.

    Returns:
        "wall_s": seconds from start to end; "peak_mb": peak resident memory in 10^6 bytes.

    Raises:
        MeasurementError: the program is missing, failed or took too long.
    """
    executable = find(program)
    dropped: tuple[str, ...] = _DROPPED
    built = executable.resolve()
    if built.with_name(f"{built.name}.runfiles").is_dir():
        executable, dropped = built, _DROPPED + _RUNFILES
    inherited = {key: value for key, value in os.environ.items() if key not in dropped}
    own = {"BUILD_WORKING_DIRECTORY": str(folder), "TMPDIR": str(folder), "HOME": str(folder)}
    log = folder / "log.txt"
    with log.open("wb") as output, contextlib.ExitStack() as stack:
        begin = time.perf_counter()
        with interrupts.deferred():
            process = subprocess.Popen(
                [str(executable), *arguments],
                cwd=folder,
                env={**inherited, **own, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            stack.callback(_kill, process)
        peak = _PeakMemory(process)
        peak.start()
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"{executable.name} took longer than {timeout:g} s") from None
        seconds = time.perf_counter() - begin
    if code != 0:
        raise MeasurementError(f"exit code {code}: {_reason(log)}")
    return {"wall_s": seconds, "peak_mb": peak.kib * 1024 / 1e6}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kills the process group of a program, and waits for the program."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _PeakMemory(threading.Thread):
    """Polls the peak resident memory of a process, in KiB, until the process ends."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        super().__init__(daemon=True)
        self.kib = 0
        self._process = process

    def run(self) -> None:
        status = pathlib.Path(f"/proc/{self._process.pid}/status")
        while self._process.returncode is None:
            with contextlib.suppress(OSError):
                match = _PEAK.search(status.read_text())
                self.kib = int(match[1]) if match else self.kib
            time.sleep(_POLL_SECONDS)


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """Returns the JSON object that a program wrote.

    Raises:
        MeasurementError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MeasurementError(f"the program left no {path.name}: {error}") from error


def say(line: str) -> None:
    """Prints a line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


def run_all(cases: Sequence[Case], repetitions: int, results: Results) -> None:
    """Measures each case `repetitions` times; a case that failed is not repeated.

    The order is A B C, C B A, A B C, …, so that slow changes of the machine, such as its
    temperature, affect all cases alike.
    """
    for repetition in range(1, repetitions + 1):
        for case in cases if repetition % 2 else reversed(cases):
            failures = results.failures.setdefault(case.peer, {})
            if case.name in failures:
                continue
            title = f"[{repetition}/{repetitions}] {case.peer}: {case.name}"
            say(f"{title} …")
            try:
                with tempfile.TemporaryDirectory(prefix="lenet_bench_") as folder:
                    metrics = case.measure(pathlib.Path(folder))
            except MeasurementError as error:
                failures[case.name] = " ".join(str(error).split())
                say(f"{title}: failed: {failures[case.name]}")
                continue
            for metric, value in metrics.items():
                results.samples.setdefault(case.peer, {}).setdefault(metric, []).append(value)
            say(f"{title}: " + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    results.failures = {peer: failed for peer, failed in results.failures.items() if failed}


def _reason(log: pathlib.Path) -> str:
    """Returns the last line of a log that mentions an error, else the last line."""
    text = log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["no output"])[-1][:200]
