"""A program as a job of ModelArts: data come from object storage, results go there."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

from absl import logging

from lenet.cloud import host, ids, storage
from lenet.errors import LenetError
from lenet.options import config, flags, schema
from lenet.options.programs import EvalOptions, ExportOptions, TrainOptions

OptionsT = TypeVar("OptionsT", TrainOptions, EvalOptions, ExportOptions)

_URLS = ("data_url", "train_url", "checkpoint_url")
_TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.tmp\..*")  # of lenet.files
_EXPORTED = (".mindir", "_lite.mindir", ".onnx", ".air")


def train(work: Callable[[OptionsT], None]) -> Callable[[OptionsT], None]:
    """`work` of train: checkpoint_url has the weights to start from, ckpt_path is sent."""
    return functools.partial(_run, work, ("pre_trained",), lambda options: options.ckpt_path)


def evaluation(work: Callable[[OptionsT], None]) -> Callable[[OptionsT], None]:
    """`work` of eval: checkpoint_url has what is evaluated, the report is sent."""
    return functools.partial(_run, work, ("ckpt_file", "ckpt_path"), lambda options: options.report)


def export(work: Callable[[OptionsT], None]) -> Callable[[OptionsT], None]:
    """`work` of export: checkpoint_url has what is exported, the files written are sent."""
    return functools.partial(_run, work, ("ckpt_file",), lambda options: options.file_name)


def _run(
    work: Callable[[OptionsT], None],
    checkpoints: tuple[str, ...],
    output: Callable[[OptionsT], str],
    options: OptionsT,
) -> None:
    """Calls `work` with options whose paths are on this machine, between the transfers.

    What there is of the results is sent, too, if `work` fails or is interrupted. They stay where
    they are in any case.

    Args:
        checkpoints: options that say where `work` reads a checkpoint; the first that is set counts.
        output: folder of the results, or the beginning of their paths; "" if there are none.

    Raises:
        UserError, LenetError: what `work` raises, a transfer failed (lenet.cloud.storage), or
            another process of this host failed to fetch (lenet.cloud.host).
    """
    if not options.enable_modelarts:
        for name in _URLS:
            if getattr(options, name):
                logging.info("--%s is not used without --enable_modelarts=True", name)
        work(options)
        return
    process = ids.from_environment()
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
    options: OptionsT, checkpoints: tuple[str, ...], process: ids.Ids
) -> tuple[OptionsT, list[tuple[str, str, bool]]]:
    """Options with paths of this machine, and what is to be fetched: (URL, folder, required)."""
    changes: dict[str, Any] = {"enable_modelarts": False} | dict.fromkeys(_URLS, "")
    transfers = []
    if options.data_url:
        changes["data_path"] = options.data_path or os.path.join(options.cache_path, "data")
        transfers.append((options.data_url, changes["data_path"], True))
    if options.checkpoint_url:
        name = next((name for name in checkpoints if getattr(options, name)), checkpoints[0])
        changes[name] = _checkpoint(options, name)
        is_file = changes[name].endswith(".ckpt")
        folder = os.path.dirname(changes[name]) if is_file else changes[name]
        transfers.append((options.checkpoint_url, folder, True))
    distributed = False
    if isinstance(options, TrainOptions):
        distributed = options.distribute
        if options.resume and options.train_url:  # the container of the first start is gone
            transfers.append((options.train_url, options.ckpt_path, False))
    if not distributed and options.device_id == 0:  # workers.card adds it for distributed ones
        changes["device_id"] = process.device_id
    return dataclasses.replace(options, **changes), transfers


def _checkpoint(options: OptionsT, name: str) -> str:
    """Where the checkpoint goes: as the user said, else into the cache."""
    option = next(o for o in schema.options_of(type(options)) if o.name == name)
    default = flags.absolute(str(config.defaults()[option.section][name]))
    path = getattr(options, name)
    return os.path.join(options.cache_path, "checkpoint_path") if path == default else path


def _send(output: str, url: str, process: ids.Ids) -> None:
    """Raises UserError or LenetError with the folder in which everything still is."""
    if not url or process.rank_id != 0:  # the others write nothing
        return
    paths = _results(output)
    if not paths:
        logging.info("there is nothing to send to %s", url)
        return
    try:
        storage.send(paths, url)
    except LenetError as error:
        folder = output if os.path.isdir(output) else os.path.dirname(output)
        raise type(error)(
            f"the results could not be sent; they are in {folder}: {error}"
        ) from error


def _results(output: str) -> dict[str, str]:
    """Paths of the files of a folder, or of those that export has written, by name."""
    if not output:
        return {}
    if not os.path.isdir(output):
        exported = [output + ending for ending in _EXPORTED]
        return {os.path.basename(path): path for path in exported if os.path.isfile(path)}
    return {
        os.path.relpath(os.path.join(folder, name), output): os.path.join(folder, name)
        for folder, _, names in os.walk(output)
        for name in names
        if not _TEMPORARY.fullmatch(name)
    }
