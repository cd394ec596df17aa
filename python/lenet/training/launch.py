"""Starts the workers of a distributed training by MindSpore's msrun, and watches over them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import BinaryIO

import psutil
from absl import logging
from runfiles import Runfiles

from lenet.errors import LenetError, UserError
from lenet.options import config
from lenet.options.programs import TrainDistributedOptions, TrainOptions
from lenet.training.interruption import Interruption

_PERIOD_SECONDS = 0.2
# msrun waits for its scheduler, which takes a minute to notice that a worker is gone.
_END_SECONDS = 5.0
_FAILED = re.compile(r"Worker process (\d+) exit with exception\. Error code: (-?\d+)")
_ERROR = "train: error: "
# What MindSpore says of its network, whatever the level of its log is.
_NOISE = (b"[INFO] DISTRIBUTED", b"[WARNING] DISTRIBUTED")
_LOG = re.compile(r"(msrun|scheduler|worker_\d+)\.log")


def launch(options: TrainDistributedOptions) -> None:
    """Runs a training with `worker_num` workers to its end, showing what the first here says.

    Raises:
        UserError: the flags do not fit each other, or a worker found its input wrong.
        LenetError: a worker failed or was killed; the others are stopped.
        KeyboardInterrupt: Ctrl-C; the workers have saved a checkpoint.
    """
    options = _completed(options)
    _make_log_folder(options.log_path)
    logging.info(
        "starting %d of %d workers; logs: %s",
        options.local_worker_num,
        options.worker_num,
        options.log_path,
    )
    with _started(options) as job, Interruption() as interruption:
        _watch(job, interruption)
    if interruption.requested:
        raise KeyboardInterrupt
    if job.failure:
        raise job.failure


def with_device_num(options: TrainOptions) -> TrainDistributedOptions:
    """What the flags --distribute and --device_num of train ask for."""
    return config.default_options(
        TrainDistributedOptions, **vars(options) | {"worker_num": options.device_num}
    )


def _completed(options: TrainDistributedOptions) -> TrainDistributedOptions:
    """With values for what was left to us."""
    local = options.local_worker_num or options.worker_num
    if local > options.worker_num:
        raise UserError(
            f"--local_worker_num={local}: expected at most --worker_num={options.worker_num}"
        )
    if local < options.worker_num and (options.node_rank < 0 or not options.master_port):
        raise UserError(
            f"--local_worker_num={local} of --worker_num={options.worker_num}: several machines "
            "need --node_rank, --master_addr and --master_port"
        )
    log_path = options.log_path
    if local < options.worker_num:  # machines that share the folder would remove each other's
        log_path = os.path.join(log_path, f"node_{options.node_rank}")
    threads = options.threads
    if not threads and options.device_target != "Ascend":
        threads = max(1, (os.cpu_count() or 1) // local)
    return dataclasses.replace(
        options,
        local_worker_num=local,
        node_rank=max(options.node_rank, 0),
        master_port=options.master_port or _free_port(),
        threads=threads,
        log_path=log_path,
    )


def _make_log_folder(folder: str) -> None:
    """Without the logs of an earlier training, which would be shown as this one's."""
    try:
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(folder):
            if _LOG.fullmatch(name):
                os.remove(os.path.join(folder, name))
    except OSError as error:
        raise UserError(
            f"--log_path: cannot write to {folder}: {error.strerror}; name a folder that can be "
            "written to"
        ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class _Job:
    """What msrun has started."""

    def __init__(self, process: subprocess.Popen[bytes], options: TrainDistributedOptions) -> None:
        self.process = process
        self.failure: LenetError | None = None
        self._options = options
        self._ranks: dict[int, int] = {}  # by process
        first = options.node_rank * options.local_worker_num
        self._shown = _Follower(self.log(f"worker_{first}"))

    def workers(self) -> dict[int, int]:
        """Ranks of the workers seen so far, by process."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.Error):
                    variables = child.environ()
                    if variables.get("MS_ROLE") == "MS_WORKER":
                        self._ranks[child.pid] = int(variables["RANK_ID"])
        return self._ranks

    def show(self) -> None:
        """Copies what the first worker of this machine has written since the last call."""
        self._shown.copy()

    def interrupt(self) -> None:
        """Tells one worker, which tells the others."""
        for process in list(self.workers())[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGINT)

    def find_failure(self) -> LenetError | None:
        """The error of the worker that failed first, if one did."""
        match = _FAILED.search(self._text(self.log("msrun")))
        if not match:
            return None
        process, code = int(match[1]), int(match[2])
        rank = self._ranks.get(process)
        log = self._options.log_path if rank is None else self.log(f"worker_{rank}")
        errors = [line for line in self._text(log).splitlines() if line.startswith(_ERROR)]
        if code == UserError.exit_code and errors:
            return UserError(errors[-1].removeprefix(_ERROR))
        if errors:
            how = errors[-1].removeprefix(_ERROR)
        elif code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with code {code}"
        who = "a worker" if rank is None else f"worker {rank}"
        return LenetError(
            f"{who} {how}; the others are stopped; its log: {log}; give the same flags and "
            "--resume to go on from the newest checkpoint"
        )

    def log(self, name: str) -> str:
        """Path of the log of msrun, scheduler or worker_<rank>."""
        return os.path.join(self._options.log_path, f"{name}.log")

    def _text(self, path: str) -> str:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""


class _Follower:
    """Copies a growing file to stderr, line by line."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def copy(self) -> None:
        if self._file is None:
            with contextlib.suppress(FileNotFoundError):
                self._file = open(self._path, "rb")  # noqa: SIM115
        if self._file is None:
            return
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            if not line.startswith(_NOISE):
                sys.stderr.buffer.write(line + b"\n")
        sys.stderr.flush()


def _watch(job: _Job, interruption: Interruption) -> None:
    """To the end of msrun, or of what it does not end by itself."""
    told = False
    deadline = float("inf")
    while job.process.poll() is None and time.monotonic() < deadline:
        job.workers()
        job.show()
        if interruption.requested and not told:
            job.interrupt()
            told = True
        if job.failure is None:
            job.failure = job.find_failure()
            if job.failure:
                deadline = time.monotonic() + _END_SECONDS
        time.sleep(_PERIOD_SECONDS)
    job.failure = job.failure or job.find_failure()
    job.show()
    if job.process.returncode and not job.failure:
        job.failure = LenetError(
            f"msrun ended with code {job.process.returncode}; its log: {job.log('msrun')}"
        )


@contextlib.contextmanager
def _started(options: TrainDistributedOptions) -> Iterator[_Job]:
    with tempfile.TemporaryDirectory() as folder:
        # msrun starts what PATH has under this name.
        os.symlink(sys.executable, os.path.join(folder, "python3"))
        environment = os.environ | {
            "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONUNBUFFERED": "1",
        }
        with open(os.path.join(options.log_path, "msrun.log"), "wb") as log:
            process = subprocess.Popen(
                _command(options),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is passed on to the workers, not to msrun
            )
        try:
            yield _Job(process, options)
        finally:
            _end(process)


def _command(options: TrainDistributedOptions) -> list[str]:
    program = Runfiles.Create().Rlocation("lenet_mindspore/python/train.py")
    of_msrun = {
        "worker_num": options.worker_num,
        "local_worker_num": options.local_worker_num,
        "master_addr": options.master_addr,
        "master_port": options.master_port,
        "node_rank": options.node_rank,
        "log_dir": options.log_path,
        "join": True,
    }
    of_train = {
        field.name: getattr(options, field.name) for field in dataclasses.fields(TrainOptions)
    } | {"distribute": True}
    return [
        *[sys.executable, "-m", "mindspore.parallel.cluster.run"],
        *[f"--{name}={value}" for name, value in of_msrun.items()],
        *["python3", program],
        *[f"--{name}={value}" for name, value in of_train.items()],
    ]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends msrun with all that it started."""
    tree = []
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(process.pid)
        tree = [*parent.children(recursive=True), parent]
    for running in tree:
        with contextlib.suppress(psutil.Error):
            running.kill()
    process.wait()
