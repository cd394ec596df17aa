"""Checkpoints: their names, which is the newest, writing and strict loading.

A file holds the parameters of the network and, for `train --resume`, those of the optimizer, as
MindSpore's ModelCheckpoint writes them; inference ignores the latter. MindSpore is imported by the
functions that need it, so that a wrong path is told without the seconds of its import.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

import numpy as np

from lenet import files
from lenet.errors import UserError

if TYPE_CHECKING:
    import mindspore as ms
    from mindspore import nn

PREFIX = "checkpoint_lenet"

_NAME = re.compile(r".*-(\d+)_(\d+)\.ckpt")
_OWN_NAME = re.compile(PREFIX + r"-(\d+)_(\d+)\.ckpt")

# Besides "<something>.<parameter of the network>" (momentum buffers), what optimizers and
# ModelCheckpoint of the MindSpore releases add, and what train.py adds.
STATE_NAMES = frozenset(
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
    """Name of the checkpoint after `step` steps of epoch `epoch`, both from 1."""
    return f"{PREFIX}-{epoch}_{step}.ckpt"


def position(path: str) -> tuple[int, int]:
    """(epoch, step) in the name of a checkpoint; (0, 0) for a name without them."""
    match = _NAME.fullmatch(os.path.basename(path))
    return (int(match[1]), int(match[2])) if match else (0, 0)


def own(folder: str) -> list[str]:
    """Paths of the checkpoints in `folder` that are named as train names them, oldest first."""
    names = [name for name in os.listdir(folder) if _OWN_NAME.fullmatch(name)]
    return [os.path.join(folder, name) for name in sorted(names, key=position)]


def newest(path: str) -> str:
    """The checkpoint to take: `path` itself if it is a file, else the newest in that folder.

    Newest is by epoch and step in the name, as numbers; names without them come first.

    Raises:
        UserError: no such file or folder, or no checkpoint in it.
    """
    if os.path.isfile(path):
        return path
    if not os.path.isdir(path):
        raise UserError(
            f"{path}: no such checkpoint or folder; train one with `bazel run //python:train`"
        )
    names = [
        name for name in os.listdir(path) if name.endswith(".ckpt") and not name.startswith(".")
    ]
    if not names:
        raise UserError(
            f"{path}: expected checkpoints (*.ckpt), found none; train one with "
            "`bazel run //python:train`"
        )
    return os.path.join(path, max(names, key=lambda name: (position(name), name)))


def prune(folder: str, keep: int) -> None:
    """Removes the oldest checkpoints named as train names them, down to `keep`."""
    for path in own(folder)[:-keep]:
        os.remove(path)


def save(cell: nn.Cell, path: str, state: dict[str, int]) -> None:
    """Writes all parameters of `cell`, and `state` as scalars, to `path` in one step."""
    import mindspore as ms

    entries = [
        {"name": param.name, "data": ms.Tensor(_without_subnormals(param.asnumpy()))}
        for param in cell.get_parameters()
    ]
    with files.replacing(path) as temporary:
        try:
            ms.save_checkpoint(entries, temporary, append_dict=dict(state))
        finally:
            # MindSpore has a temporary name of its own, and leaves the file if the disk is full.
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.splitext(temporary)[0] + ".tmp")
        os.chmod(temporary, 0o644)  # MindSpore makes its files read-only


def read(path: str) -> dict[str, ms.Parameter]:
    """The parameters in a checkpoint file by name.

    Raises:
        UserError: not a file, empty, corrupted or not a checkpoint.
    """
    _check_file(path)
    import mindspore as ms

    try:
        return ms.load_checkpoint(path)
    except Exception as error:  # MindSpore raises what its parser meets: ValueError, TypeError, …
        raise UserError(
            f"{path}: expected a MindSpore checkpoint, found something that does not parse as one; "
            "the file is corrupted or of another kind; copy it again or train anew"
        ) from error


def load_into(net: nn.Cell, path: str) -> dict[str, ms.Parameter]:
    """Loads the parameters of the network from a file; all must be there, and no others.

    Optimizer state in the file is left alone.

    Returns:
        All that the file holds, for those who want the optimizer state too.

    Raises:
        UserError: unreadable file; a parameter missing, unknown, of another shape or not finite.
    """
    import mindspore as ms

    found = read(path)
    expected = {param.name: param for param in net.get_parameters()}
    for name, param in expected.items():
        _check_parameter(path, name, param, found)
    for name in found:
        base = name.partition(".")[2]
        if name not in expected and name not in STATE_NAMES and base not in expected:
            raise UserError(
                f"{path}: holds a parameter {name!r} {found[name].shape} that LeNet-5 does not "
                "have; is it a checkpoint of another network?"
            )
    for name, param in expected.items():
        param.set_data(ms.Tensor(found[name].asnumpy().astype(np.float32)))
    return found


def _without_subnormals(value: np.ndarray) -> np.ndarray:
    """A copy with zeros for numbers too small for the full precision of their type.

    MindSpore's threads differ in whether they keep them, so they come and go from run to run in
    the momentum of units that do not learn any more: the one thing that was not reproducible.
    """
    value = value.copy()
    if np.issubdtype(value.dtype, np.floating):
        value[np.abs(value) < np.finfo(value.dtype).tiny] = 0
    return value


def _check_file(path: str) -> None:
    if not os.path.isfile(path):
        raise UserError(f"{path}: no such checkpoint")
    if not path.endswith(".ckpt"):
        raise UserError(f"{path}: expected a file that ends in .ckpt")
    if os.path.getsize(path) == 0:
        raise UserError(f"{path}: the file is empty; copy it again or train anew")


def _check_parameter(
    path: str, name: str, param: ms.Parameter, found: dict[str, ms.Parameter]
) -> None:
    if name not in found:
        raise UserError(
            f"{path}: expected a parameter {name!r} {param.shape}, found none; the file holds "
            f"{', '.join(list(found)[:8])}"
        )
    value = found[name].asnumpy()
    if value.shape != param.shape:
        hint = "is it of another network?"
        if name == "fc1.weight":
            hint = "is it of another network, or were --image_height, --image_width others?"
        raise UserError(
            f"{path}: parameter {name!r}: expected shape {param.shape}, found {value.shape}; {hint}"
        )
    if not np.issubdtype(value.dtype, np.floating) or not np.isfinite(value).all():
        raise UserError(
            f"{path}: parameter {name!r}: expected finite floating point numbers, found others; "
            "the file is corrupted, or the training diverged"
        )
