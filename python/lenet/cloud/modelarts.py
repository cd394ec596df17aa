"""Runs programs as ModelArts jobs: fetches their input and sends their results."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

from absl import logging

from lenet import files
from lenet.cloud import host, job_environment, storage
from lenet.cloud.job_environment import JobEnvironment
from lenet.errors import LenetError
from lenet.options import flags
from lenet.options.programs import EvalOptions, ExportOptions, TrainOptions

OptionsT = TypeVar("OptionsT", bound=TrainOptions | EvalOptions | ExportOptions)

_URLS = ("data_url", "train_url", "checkpoint_url")
_EXPORTED = (".mindir", "_lite.mindir", ".onnx", ".air")


def train(work: Callable[[Any], None]) -> Callable[[Any], None]:
    """Wraps training: checkpoint_url has the initial weights; ckpt_path is sent."""
    return functools.partial(_run, work, ("pre_trained",), lambda options: options.ckpt_path)


def evaluation(work: Callable[[EvalOptions], object]) -> Callable[[EvalOptions], None]:
    """Wraps evaluation: checkpoint_url has the weights to evaluate; the report is sent."""
    return functools.partial(_run, work, ("ckpt_file", "ckpt_path"), lambda options: options.report)


def export(work: Callable[[ExportOptions], object]) -> Callable[[ExportOptions], None]:
    """Wraps export: checkpoint_url has the weights to export; the exported files are sent."""
    return functools.partial(_run, work, ("ckpt_file",), lambda options: options.file_name)


def _run(
    work: Callable[[OptionsT], object],
    checkpoints: tuple[str, ...],
    output: Callable[[OptionsT], str],
    options: OptionsT,
) -> None:
    """Fetches the input, calls `work` with local paths, and sends the results.

    If `work` fails or is interrupted, the results so far are sent. They also stay on the disk.

    Args:
        work: the program.
        checkpoints: options with the path of a checkpoint; the first that is set is used.
        output: returns the folder of the results or their path prefix; "" if there are none.
        options: the options of the program.

    Raises:
        UserError, LenetError: `work` failed, a transfer failed (lenet.cloud.storage), or another
            process of this host failed to fetch the input (lenet.cloud.host).
    """
    if not options.enable_modelarts:
        for name in _URLS:
            if getattr(options, name):
                logging.info("--%s is ignored without --enable_modelarts=True", name)
        work(options)
        return
    process = job_environment.read()
    local, transfers = _local(options, checkpoints, process)

    def fetch() -> None:
        for url, folder, required in transfers:
            storage.fetch(url, folder, required=required)

    with host.once(fetch, options.cache_path, process.job_id):
        try:
            work(local)
        except BaseException:
            try:
                _send(output(local), options.train_url, process)
            except LenetError as error:
                logging.error("%s", error)
            raise
        _send(output(local), options.train_url, process)


def _local(
    options: OptionsT, checkpoints: tuple[str, ...], process: JobEnvironment
) -> tuple[OptionsT, list[tuple[str, str, bool]]]:
    """Returns options with local paths, and the transfers to do: (URL, folder, required)."""
    changes: dict[str, Any] = {"enable_modelarts": False} | dict.fromkeys(_URLS, "")
    transfers = []
    if options.data_url:
        changes["data_path"] = options.data_path or str(pathlib.Path(options.cache_path, "data"))
        transfers.append((options.data_url, changes["data_path"], True))
    if options.checkpoint_url:
        name = next((name for name in checkpoints if getattr(options, name)), checkpoints[0])
        changes[name] = _checkpoint(options, name)
        is_file = changes[name].endswith(".ckpt")
        folder = str(pathlib.Path(changes[name]).parent) if is_file else changes[name]
        transfers.append((options.checkpoint_url, folder, True))
    distributed = False
    if isinstance(options, TrainOptions):
        distributed = options.distribute
        if options.resume and options.train_url:  # a new start has a new container
            transfers.append((options.train_url, options.ckpt_path, False))
    # lenet.training.workers sets the device of distributed training.
    if not distributed and options.device_id == 0:
        changes["device_id"] = process.device_id
    return dataclasses.replace(options, **changes), transfers


def _checkpoint(options: OptionsT, name: str) -> str:
    """Returns the path for the fetched checkpoint: the option's value, by default in the cache."""
    path = getattr(options, name)
    is_default = path == flags.default_path(options, name)
    return str(pathlib.Path(options.cache_path, "checkpoint_path")) if is_default else path


def _send(output: str, url: str, process: JobEnvironment) -> None:
    """Sends the results of rank 0; other ranks have none. An error names their local folder."""
    if not url or process.rank_id != 0:
        return
    paths = _results(output)
    if not paths:
        logging.info("no results to send to %s", url)
        return
    try:
        storage.send(paths, url)
    except LenetError as error:
        path = pathlib.Path(output)
        folder = path if path.is_dir() else path.parent
        raise type(error)(
            f"the results could not be sent; they are in {folder}: {error}"
        ) from error


def _results(output: str) -> dict[str, str]:
    """Returns the path per name of the files in a folder, or of the files that export wrote."""
    if not output:
        return {}
    folder = pathlib.Path(output)
    if not folder.is_dir():
        if folder.suffix.lower() in _EXPORTED:  # --file_name may have the ending
            folder = folder.with_suffix("")
        exported = [folder.with_name(folder.name + ending) for ending in _EXPORTED]
        return {path.name: str(path) for path in exported if path.is_file()}
    return {
        str(path.relative_to(folder)): str(path)
        for path in folder.rglob("*")
        if path.is_file() and not files.is_temporary(path.name)
    }
