"""Checkpoint files: names, the newest one, writing and strict loading.

A file holds the parameters of the network and the optimizer state, in the format of MindSpore's
ModelCheckpoint; only `train --resume` reads the optimizer state. Functions import MindSpore where
they need it, so that a wrong path is reported without the seconds of the import.
"""

from __future__ import annotations

import pathlib
import re
from typing import TYPE_CHECKING

import numpy as np

from lenet import files, resources
from lenet.errors import UserError
from lenet.files import AnyPath

if TYPE_CHECKING:
    import mindspore as ms
    from mindspore import nn

_PREFIX = "checkpoint_lenet"
_NAME = re.compile(r".*-(\d+)_(\d+)\.ckpt")
_OWN_NAME = re.compile(_PREFIX + r"-(\d+)_(\d+)\.ckpt")
_TRAIN = f"train one with `{resources.command('//python:train')}`"

# Optimizer state besides the momentum ("<prefix>.<parameter of the network>"), of several MindSpore
# releases and of this project's training.
_STATE_NAMES = frozenset(
    {
        "learning_rate",
        "momentum",
        "global_step",
        "epoch_num",
        "step_num",
        "random_op",
        "loss_scale",
        "scale_sense",
        "current_iterator_step",
        "last_overflow_iterator_step",
        "seed",
        "batch_size",
    }
)


def file_name(epoch: int, step: int) -> str:
    """Returns the name of the checkpoint after step `step` of epoch `epoch`, both from 1."""
    return f"{_PREFIX}-{epoch}_{step}.ckpt"


def position(path: AnyPath) -> tuple[int, int]:
    """Returns (epoch, step) from the name of a checkpoint; (0, 0) if the name has none."""
    match = _NAME.fullmatch(pathlib.Path(path).name)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def own(folder: AnyPath) -> list[pathlib.Path]:
    """Returns the checkpoints in `folder` that have the name of file_name, oldest first."""
    paths = [path for path in pathlib.Path(folder).iterdir() if _OWN_NAME.fullmatch(path.name)]
    return sorted(paths, key=position)


def newest(path: AnyPath) -> pathlib.Path:
    """Returns `path` itself if it is a file, else the newest checkpoint in that folder.

    Checkpoints are ordered by the epoch and step in their names; names without them come first.

    Raises:
        UserError: no such file or folder, or no checkpoint in it.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"{path}: no such checkpoint or folder; {_TRAIN}")
    found = [entry for entry in path.glob("*.ckpt") if not entry.name.startswith(".")]
    if not found:
        raise UserError(f"{path}: expected checkpoints (*.ckpt), found none; {_TRAIN}")
    return max(found, key=lambda entry: (position(entry), entry.name))


def save(cell: nn.Cell, path: AnyPath, state: dict[str, int]) -> None:
    """Writes all parameters of `cell`, and `state` as scalars, to `path` in one step."""
    import mindspore as ms

    entries = [
        {"name": param.name, "data": ms.Tensor(_without_subnormals(param.asnumpy()))}
        for param in cell.get_parameters()
    ]
    with files.replacing(path) as temporary:
        try:
            ms.save_checkpoint(entries, str(temporary), append_dict=dict(state))
        finally:
            # MindSpore's own temporary file, which it leaves behind if the disk is full.
            temporary.with_suffix(".tmp").unlink(missing_ok=True)
        temporary.chmod(0o644)  # MindSpore makes its files read-only


def read(path: AnyPath) -> dict[str, ms.Parameter]:
    """Returns the parameters in a checkpoint file by name.

    Raises:
        UserError: no file, empty, corrupted or not a checkpoint.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    if path.suffix != ".ckpt":
        raise UserError(f"{path}: expected a file that ends in .ckpt")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; copy it again or train again")
    import mindspore as ms

    try:
        return ms.load_checkpoint(str(path))
    except Exception as error:  # errors of MindSpore's parser: ValueError, TypeError, ...
        raise UserError(
            f"{path}: expected a MindSpore checkpoint, found something that does not parse as one; "
            "the file is corrupted or of another kind; copy it again or train again"
        ) from error


def load_into(net: nn.Cell, path: AnyPath) -> dict[str, ms.Parameter]:
    """Loads the parameters of the network from a file and returns all parameters of the file.

    The file must hold every parameter of the network. Optimizer state is ignored.

    Raises:
        UserError: unreadable file; a parameter is missing, unknown, not finite or of another shape.
    """
    import mindspore as ms

    found = read(path)
    expected = {param.name: param for param in net.get_parameters()}
    for param in expected.values():
        _check_parameter(path, param, found)
    for name in found:
        base = name.partition(".")[2]
        if name not in expected and name not in _STATE_NAMES and base not in expected:
            raise UserError(
                f"{path}: holds a parameter {name!r} {found[name].shape} that LeNet-5 does not "
                "have; is it a checkpoint of another network?"
            )
    for name, param in expected.items():
        param.set_data(ms.Tensor(found[name].asnumpy().astype(np.float32)))
    return found


def _without_subnormals(value: np.ndarray) -> np.ndarray:
    """Returns a copy with subnormal numbers replaced by zero, for reproducible files.

    MindSpore's threads differ in whether they keep them, so that the momentum of units which no
    longer learn would differ from run to run.
    """
    value = value.copy()
    if np.issubdtype(value.dtype, np.floating):
        value[np.abs(value) < np.finfo(value.dtype).tiny] = 0
    return value


def _check_parameter(path: AnyPath, param: ms.Parameter, found: dict[str, ms.Parameter]) -> None:
    name = param.name
    if name not in found:
        raise UserError(
            f"{path}: expected a parameter {name!r} {param.shape}, found none; the file holds "
            f"{', '.join(list(found)[:8])}"
        )
    value = found[name].asnumpy()
    if value.shape != param.shape:
        hint = "is it a checkpoint of another network?"
        if name == "fc1.weight":
            hint = "were --image_height and --image_width different, or is it another network?"
        raise UserError(
            f"{path}: parameter {name!r}: expected shape {param.shape}, found {value.shape}; {hint}"
        )
    if not np.issubdtype(value.dtype, np.floating) or not np.isfinite(value).all():
        raise UserError(
            f"{path}: parameter {name!r}: expected finite floating point numbers, found others; "
            "the file is corrupted, or the training diverged"
        )
