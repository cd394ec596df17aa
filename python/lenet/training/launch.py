"""Starts the workers of a distributed training with MindSpore's msrun and monitors them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import psutil
from absl import logging

from lenet import devices, files, interrupts, memory, resources
from lenet.errors import LenetError, UserError
from lenet.interrupts import Interruption
from lenet.options import config, flags
from lenet.options.programs import TrainDistributedOptions, TrainOptions

_PERIOD_SECONDS = 0.1
# msrun waits for its scheduler, which notices a dead worker only after a minute.
_END_SECONDS = 5.0
_WORKER_BYTES = 0.5e9  # measured with MNIST and MindSpore's operators
_FAILED = re.compile(r"Worker process (\d+) exit with exception\. Error code: (-?\d+)")
_ERROR = "train: error: "
# MindSpore's log lines about its network, which no log level suppresses.
_NOISE = (b"[INFO] DISTRIBUTED", b"[WARNING] DISTRIBUTED")
_LOG = re.compile(r"(msrun|scheduler|worker_\d+)\.log")


def run_workers(options: TrainDistributedOptions) -> None:
    """Trains with `worker_num` workers and shows the log of the first one on this machine.

    Raises:
        UserError: the flags contradict each other, or a worker reported invalid input.
        LenetError: a worker failed or was killed; the others are stopped.
        KeyboardInterrupt: Ctrl-C; the workers have saved a checkpoint.
    """
    options = _completed(options)
    folder = files.make_folder("log_path", options.log_path)
    for path in folder.iterdir():
        if _LOG.fullmatch(path.name):  # of an earlier training
            path.unlink()
    logging.info(
        "starting %d of %d workers; logs: %s", options.local_worker_num, options.worker_num, folder
    )
    with interrupts.recorded() as interruption, _started(options, folder) as job:
        _monitor(job, interruption)
    if interruption.requested:
        raise KeyboardInterrupt
    if job.failure:
        raise job.failure


def with_device_num(options: TrainOptions) -> TrainDistributedOptions:
    """Converts the flags --distribute and --device_num of train.

    Raises:
        DeviceUnavailableError: see devices.resolve.
    """
    workers = options.device_num
    if not workers:
        device = devices.resolve(options.device_target, options.device_id)
        workers = devices.count(device)
        logging.info("--distribute: %d workers on %s (--device_num)", workers, device)
    converted = config.default_options(
        TrainDistributedOptions, **vars(options) | {"worker_num": workers}
    )
    return dataclasses.replace(converted, log_path=flags.absolute(converted.log_path))


def _completed(options: TrainDistributedOptions) -> TrainDistributedOptions:
    """Returns the options with values instead of the defaults 0 and -1."""
    local = options.local_worker_num or options.worker_num
    if local > options.worker_num:
        raise UserError(
            f"--local_worker_num={local}: expected at most --worker_num={options.worker_num}"
        )
    memory.require(f"--worker_num: {local} workers on this machine", local * _WORKER_BYTES)
    log_path = options.log_path
    if local < options.worker_num:
        if options.node_rank < 0 or not options.master_port:
            raise UserError(
                f"--local_worker_num={local} of --worker_num={options.worker_num}: several "
                "machines need --node_rank, --master_addr and --master_port"
            )
        # Machines that share the folder would remove each other's logs.
        log_path = f"{log_path}/node_{options.node_rank}"
    threads = options.threads
    if not threads and options.device_target != "Ascend":
        threads = max(1, devices.cpu_threads() // local)
    return dataclasses.replace(
        options,
        local_worker_num=local,
        node_rank=max(options.node_rank, 0),
        master_port=_port(options.master_port) if options.node_rank <= 0 else options.master_port,
        threads=threads,
        log_path=log_path,
    )


def _port(port: int) -> int:
    """Returns `port`, which must be free because MindSpore would wait for it; a free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise UserError(
                f"--master_port={port}: {error.strerror}; choose another one"
            ) from error
        return probe.getsockname()[1]


class _Job:
    """msrun and the workers that it has started.

    Attributes:
        process: msrun.
        failure: error of the worker that failed first, if any.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], options: TrainDistributedOptions, logs: pathlib.Path
    ) -> None:
        self.process = process
        self.failure: LenetError | None = None
        self._logs = logs
        self._ranks: dict[int, int] = {}  # by process id
        self._shown = self.log(f"worker_{options.node_rank * options.local_worker_num}")
        self._shown_bytes = 0

    def log(self, name: str) -> pathlib.Path:
        """Returns the path of the log of msrun, scheduler or worker_<rank>."""
        return self._logs / f"{name}.log"

    def find_workers(self) -> dict[int, int]:
        """Returns the ranks of all workers seen so far by process id."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.Error):
                    variables = child.environ()
                    if variables.get("MS_ROLE") == "MS_WORKER":
                        self._ranks[child.pid] = int(variables["RANK_ID"])
        return self._ranks

    def show_log(self) -> None:
        """Copies new lines of the first local worker's log to stdout."""
        with contextlib.suppress(FileNotFoundError), self._shown.open("rb") as file:
            file.seek(self._shown_bytes)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._shown_bytes += len(line)
                if not line.startswith(_NOISE):
                    sys.stdout.buffer.write(line)
        sys.stdout.flush()

    def interrupt(self) -> None:
        """Interrupts one worker, which requests the others to stop."""
        for process in list(self.find_workers())[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGINT)

    def find_failure(self) -> LenetError | None:
        """Returns the error of the worker that failed first, or None."""
        match = _FAILED.search(_text(self.log("msrun")))
        if not match:
            return None
        process, code = int(match[1]), int(match[2])
        rank = self._ranks.get(process)
        name, log = "a worker", self._logs
        if rank is not None:
            name, log = f"worker {rank}", self.log(f"worker_{rank}")
        errors = [line for line in _text(log).splitlines() if line.startswith(_ERROR)]
        reason = f"ended with code {code}"
        if errors:
            reason = errors[-1].removeprefix(_ERROR)
            if code == UserError.exit_code:
                return UserError(reason)
        elif code < 0:
            reason = f"was killed by {signal.Signals(-code).name}"
        return LenetError(
            f"{name} {reason}; the others are stopped; its log: {log}; use the same flags and "
            "--resume to continue from the newest checkpoint"
        )


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _monitor(job: _Job, interruption: Interruption) -> None:
    """Returns when msrun has ended, or some seconds after a worker has failed."""
    interrupted = False
    deadline = float("inf")
    while job.process.poll() is None and time.monotonic() < deadline:
        job.find_workers()
        job.show_log()
        if interruption.requested and not interrupted:
            job.interrupt()
            interrupted = True
        if job.failure is None:
            job.failure = job.find_failure()
            if job.failure:
                deadline = time.monotonic() + _END_SECONDS
        time.sleep(_PERIOD_SECONDS)
    job.show_log()
    job.failure = job.failure or job.find_failure()
    if job.process.returncode and not job.failure:
        job.failure = LenetError(
            f"msrun ended with code {job.process.returncode}; its log: {job.log('msrun')}"
        )


@contextlib.contextmanager
def _started(options: TrainDistributedOptions, logs: pathlib.Path) -> Iterator[_Job]:
    """Starts msrun; at the end, kills it with all its descendants."""
    with tempfile.TemporaryDirectory() as folder:
        # msrun starts the `python3` of PATH.
        pathlib.Path(folder, "python3").symlink_to(sys.executable)
        environment = os.environ | {
            "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONUNBUFFERED": "1",
        }
        if options.local_worker_num == options.worker_num:
            # Seconds between attempts to reach the scheduler, which starts at the same time.
            for bound in ("LOWER", "UPPER"):
                environment.setdefault(f"MS_RETRY_INTERVAL_{bound}", "1")
        with (logs / "msrun.log").open("wb") as log:
            process = subprocess.Popen(
                _command(options),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C goes to a worker, not to msrun
            )
        try:
            yield _Job(process, options, logs)
        finally:
            _kill_tree(process)


def _command(options: TrainDistributedOptions) -> list[str]:
    msrun = {
        "worker_num": options.worker_num,
        "local_worker_num": options.local_worker_num,
        "master_addr": options.master_addr,
        "master_port": options.master_port,
        "node_rank": options.node_rank,
        "log_dir": options.log_path,
        "join": True,
    }
    train = {field.name: getattr(options, field.name) for field in dataclasses.fields(TrainOptions)}
    train["distribute"] = True
    return [
        *[sys.executable, "-m", "mindspore.parallel.cluster.run"],
        *[f"--{name}={value}" for name, value in msrun.items()],
        *["python3", str(resources.path("python/train.py"))],
        *[f"--{name}={value}" for name, value in train.items()],
    ]


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    tree = []
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(process.pid)
        tree = [*parent.children(recursive=True), parent]
    for running in tree:
        with contextlib.suppress(psutil.Error):
            running.kill()
    process.wait()
