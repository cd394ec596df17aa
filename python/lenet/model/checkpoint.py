"""Checkpoint files: names, the newest one, writing and strict loading.

A file holds the parameters of the network and the optimizer state, in the format of MindSpore's
ModelCheckpoint; only `train --resume` reads the optimizer state. Functions import MindSpore where
they need it, so that a wrong path is reported without the seconds of the import.
"""

from __future__ import annotations

import pathlib
import re
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from absl import logging

from lenet import files, resources
from lenet.errors import UserError
from lenet.files import AnyPath

if TYPE_CHECKING:
    import mindspore as ms
    from mindspore import nn

_PREFIX = "checkpoint_lenet"
_NAME = re.compile(r".*-(\d+)_(\d+)\.ckpt")
_OWN_NAME = re.compile(_PREFIX + r"-(\d+)_(\d+)\.ckpt")
_SUFFIXES = (".ckpt", ".safetensors")
_CHECKSUM = "crc32"
_TRAIN = f"train one with `{resources.command('//python:train')}`"

# Optimizers put these words before a parameter's name; other words are the name of a cell.
_OPTIMIZER_PREFIXES = re.compile(
    r"(moment|accum|velocity|stat|linear|learning_rate|ms|mean|m|v)\w*\."
)
# First bytes of the files of save_checkpoint(enc_key=...): AES-GCM, AES-CBC, SM4-CBC.
_ENCRYPTED = tuple(bytes([first, 0x5E, 0x3A, 0x7F]) for first in (0xD8, 0xD9, 0xDA))


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
    found = [path for path in path.iterdir() if path.suffix in _SUFFIXES and path.name[0] != "."]
    if not found:
        raise UserError(f"{path}: expected checkpoints (*.ckpt), found none; {_TRAIN}")
    return max(found, key=lambda entry: (position(entry), entry.name))


def save(cell: nn.Cell, path: AnyPath, state: Mapping[str, int | np.float32]) -> None:
    """Writes all parameters of `cell`, and `state` as scalars, to `path` in one step.

    A name in `state` replaces the parameter, such as the optimizer's learning rates of all steps.

    Raises:
        OSError: names `path`; if the disk is full, also the size.
    """
    from mindspore.train.checkpoint_pb2 import Checkpoint

    values = {param.name: _without_subnormals(param.asnumpy()) for param in cell.get_parameters()}
    values |= {name: np.array(value) for name, value in state.items()}
    # MindSpore's own checksum (crc_check) makes files that its earlier versions cannot read.
    values[_CHECKSUM] = np.array(_checksum(values))
    # Not save_checkpoint, which reports a full disk by several lines of its log.
    content = Checkpoint()
    for name, value in values.items():
        tensor = content.value.add(tag=name).tensor
        tensor.dims.extend(value.shape)
        tensor.tensor_type = value.dtype.name.capitalize()
        tensor.tensor_content = value.tobytes()
    files.write_atomically(path, content.SerializeToString())


def read(path: AnyPath) -> dict[str, ms.Tensor]:
    """Returns the tensors in a checkpoint file by name.

    Text that the writer added (append_dict) is left out.

    Raises:
        UserError: no file, empty, encrypted, corrupted or not a checkpoint.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    if path.suffix not in _SUFFIXES:
        raise UserError(f"{path}: expected a file that ends in {' or '.join(_SUFFIXES)}")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty; copy it again or train again")
    with path.open("rb") as file:
        if file.read(4) in _ENCRYPTED:
            raise UserError(
                f"{path}: the checkpoint is encrypted; decrypt it with "
                "mindspore.load_checkpoint(..., dec_key=...) and save it without a key"
            )
    import mindspore as ms

    try:
        if path.suffix == ".ckpt":
            values = _parse(path.read_bytes())
        else:
            found = ms.load_checkpoint(str(path), format=path.suffix[1:])
            values = {name: value.asnumpy() for name, value in found.items()}
    except Exception as error:  # of the parsers: ValueError, TypeError, ...
        raise UserError(
            f"{path}: expected a MindSpore checkpoint, found something that does not parse as one; "
            "the file is corrupted or of another kind; copy it again or train again"
        ) from error
    checksum = values.pop(_CHECKSUM, None)
    if checksum is not None and checksum != _checksum(values):
        raise UserError(
            f"{path}: the file is corrupted, its checksum differs; copy it again or train again"
        )
    return {name: ms.Tensor(value) for name, value in values.items()}


def _parse(content: bytes) -> dict[str, np.ndarray]:
    """Returns the tensors in a file of MindSpore's format; bfloat16 becomes float32.

    MindSpore's load_checkpoint does not check sizes: a corrupted file overwrites its memory.

    Raises:
        Exception: of any kind, if the file is corrupted.
    """
    from mindspore.train.checkpoint_pb2 import Checkpoint

    end = content[-17:]
    if end.startswith(b"crc_num"):  # of save_checkpoint(crc_check=True)
        content = content[:-17]
        if int.from_bytes(end[7:], "big") != zlib.crc32(content):
            raise ValueError("the checksum differs")
    parts: dict[str, bytes] = {}
    shapes = {}
    for entry in Checkpoint.FromString(content).value:
        tensor = entry.tensor
        if not entry.tag.isprintable():  # messages show it
            raise ValueError("a name is corrupted")
        if tensor.tensor_content and tensor.tensor_type != "str":
            parts[entry.tag] = parts.get(entry.tag, b"") + tensor.tensor_content
            shapes[entry.tag] = tensor.tensor_type.lower(), [size for size in tensor.dims if size]
    values = {}
    for name, (kind, shape) in shapes.items():
        if kind == "bfloat16":
            raw = np.frombuffer(parts[name], np.uint16).astype(np.uint32) << 16
            values[name] = raw.view(np.float32).reshape(shape)
        else:
            values[name] = np.frombuffer(parts[name], kind).reshape(shape)
    return values


def _checksum(values: Mapping[str, np.ndarray]) -> int:
    """Returns the CRC-32 of names and values."""
    result = 0
    for name, value in values.items():
        result = zlib.crc32(name.encode() + value.tobytes(), result)
    return result


def load_into(net: nn.Cell, path: AnyPath) -> dict[str, ms.Tensor]:
    """Loads the parameters of the network from a file and returns all tensors of the file.

    The file must hold every parameter of the network, all with the same prefix if they have one,
    such as `network.`, which the returned names lack. Other content is ignored.

    Raises:
        UserError: unreadable file; a parameter is missing, not finite or of another shape.
    """
    import mindspore as ms

    expected = {param.name: param for param in net.get_parameters()}
    found = _without_prefix(read(path), list(expected))
    values = {name: _value(path, param, found) for name, param in expected.items()}
    others = [
        name
        for name, value in found.items()
        if value.size > 1 and not any(name.endswith(known) for known in expected)
    ]
    if others:
        logging.info("%s: ignored what LeNet-5 does not have: %s", path, ", ".join(others))
    for name, param in expected.items():
        param.set_data(ms.Tensor(values[name]))
    return found


def _without_prefix(found: dict[str, ms.Tensor], expected: list[str]) -> dict[str, ms.Tensor]:
    """Removes the shortest prefix that all expected names have in `found`, if they have one."""
    first = expected[0]
    prefixes = sorted(name.removesuffix(first) for name in found if name.endswith(first))
    for prefix in sorted(prefixes, key=len):
        complete = all(prefix + name in found for name in expected)
        if complete and not _OPTIMIZER_PREFIXES.match(prefix):
            return {name.replace(prefix, "", 1): value for name, value in found.items()}
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


def _value(path: AnyPath, param: ms.Parameter, found: dict[str, ms.Tensor]) -> np.ndarray:
    """Returns the value of a parameter of the network in a file, float32."""
    import mindspore as ms

    name = param.name
    if name not in found:
        raise UserError(
            f"{path}: expected a parameter {name!r} {param.shape}, found none; the file holds "
            f"{', '.join(list(found)[:8])}; is it a checkpoint of another network?"
        )
    if found[name].shape != param.shape:
        hint = "is it a checkpoint of another network?"
        if name == "fc1.weight":
            hint = "were --image_height and --image_width different, or is it another network?"
        raise UserError(
            f"{path}: parameter {name!r}: expected shape {param.shape}, found "
            f"{found[name].shape}; {hint}"
        )
    floating = found[name].dtype in (ms.float16, ms.bfloat16, ms.float32, ms.float64)
    value = found[name].asnumpy().astype(np.float32)
    if not floating or not np.isfinite(value).all():
        raise UserError(
            f"{path}: parameter {name!r}: expected finite floating point numbers, found others; "
            "the file is corrupted, or the training diverged"
        )
    return value
