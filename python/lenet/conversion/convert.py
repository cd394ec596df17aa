"""Converts an exported model to an OM for an Ascend, and notes beside it what it was made of."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import tempfile

from absl import logging
from runfiles import Runfiles

from lenet import files
from lenet.conversion import aipp, atc, cann
from lenet.exporting import onnx_file
from lenet.errors import DeviceUnavailableError, UserError
from lenet.options.programs import ToOmOptions

_ENDINGS = (".onnx", ".air", ".mindir")
_AIPP = "lenet_mindspore/configs/aipp.cfg"
_USUAL_SOC = "Ascend310"
_SOC = re.compile(r"Ascend\d{3}\w*")
_GEARS = (2, 100)  # how many ATC takes
_MAX_GEAR = 4096

# Of an AIR nothing but its file name is looked at: its form is CANN's own.
_AIR_INPUT = onnx_file.Input("x", (1, 1, 0, 0))


def convert(options: ToOmOptions) -> None:
    """Writes `output`, and `output`.json, which infer310 checks the model by.

    Raises:
        UserError: bad model, AIPP configuration, gears or output; an unknown chip.
        DeviceUnavailableError: no ATC here; the message has the command to run elsewhere.
        LenetError: ATC failed.
    """
    _check_model(options.model)
    found = cann.find_atc()
    task = _task(options, soc_needed=found is not None)
    if found is None:
        raise _no_atc(task)
    output = task.output + ".om"
    # The OM is made in a folder beside its place, so that it can be renamed to it.
    with tempfile.TemporaryDirectory(prefix=".to_om.", dir=os.path.dirname(output)) as folder:
        om, done = _run(found, task, folder)
        manifest = _manifest(om, options.model, done, found.version())
        _publish(om, manifest, output)
    print(
        f"{output}: {os.path.getsize(output)} bytes, for {task.soc_version}, "
        f"{'luma bytes (AIPP)' if task.aipp else 'normalised float32'}, "
        f"batch {','.join(map(str, manifest['batch']))}"
    )
    mode = "DVPP" if task.aipp else "CPU"
    print(f"next: bazel run //cc:infer310 -- --mindir_path={output} --cpu_dvpp={mode}")


def _task(options: ToOmOptions, *, soc_needed: bool) -> atc.Task:
    """What the user asked for, checked."""
    gears = _gears(options)
    aipp_path = _aipp_path(options)
    source = _input(options)
    output = _output(options)
    return atc.Task(
        model=options.model,
        output=output[: -len(".om")],
        soc_version=_soc_version(options.soc_version, needed=soc_needed),
        input_name=source.name,
        batch=source.shape[0],
        height=options.image_height,
        width=options.image_width,
        gears=gears,
        aipp=aipp_path,
    )


def _run(found: cann.Atc, task: atc.Task, folder: str) -> tuple[str, atc.Task]:
    """Converts in `folder`; returns the OM in it, and the task that ATC was given."""
    if _ending(task.model) == ".mindir":
        from lenet.conversion import mindir_source

        onnx = mindir_source.to_onnx(task.model, task.height, task.width, folder)
        source = onnx_file.read_input(_read(onnx), onnx)
        task = dataclasses.replace(task, model=onnx, input_name=source.name, batch=source.shape[0])
    places = [os.path.join(folder, name) for name in ("out", "work")]
    for place in places:
        os.mkdir(place)
    task = dataclasses.replace(task, output=os.path.join(places[0], "model"))
    logging.info("%s for %s; takes a minute", found.program, task.soc_version)
    return atc.run(found, task, places[1]), task


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _check_model(path: str) -> None:
    if _ending(path) not in _ENDINGS:
        raise UserError(
            f"--model: expected a file .onnx, .air or .mindir, found {path!r}; export one with "
            "`bazel run //python:export -- --file_format=ONNX`"
        )
    try:
        if not _read(path):
            raise UserError(f"--model: {path} is empty")
    except OSError as error:
        raise UserError(f"--model: cannot read {path}: {error.strerror}") from error


def _input(options: ToOmOptions) -> onnx_file.Input:
    """The model's input; of a MindIR it is known when its ONNX is made."""
    if _ending(options.model) != ".onnx":
        return _AIR_INPUT
    found = onnx_file.read_input(_read(options.model), options.model)
    height, width = options.image_height, options.image_width
    if len(found.shape) != 4 or found.shape[1] != 1:
        raise UserError(
            f"{options.model}: expected a LeNet with an input [N, 1, H, W], found "
            f"{list(found.shape)}"
        )
    if found.shape[2:] != (height, width):
        raise UserError(
            f"{options.model}: the model takes images of {found.shape[2]}x{found.shape[3]}, "
            f"--image_height and --image_width are {height}x{width}"
        )
    if found.shape[0] == 0:  # not fixed in the file
        return dataclasses.replace(found, shape=(1, *found.shape[1:]))
    return found


def _gears(options: ToOmOptions) -> tuple[int, ...]:
    text = options.dynamic_batch
    if not text:
        return ()
    if _ending(options.model) == ".air":
        raise UserError(
            "--dynamic_batch: the batch of an AIR is fixed, ATC cannot change it; give the ONNX"
        )
    words = text.split(",")
    gears = sorted({int(word) for word in words if re.fullmatch(r"\s*\d{1,6}\s*", word)})
    if (
        len(gears) != len(words)
        or not _GEARS[0] <= len(gears) <= _GEARS[1]
        or not 1 <= gears[0] <= gears[-1] <= _MAX_GEAR
    ):
        raise UserError(
            f"--dynamic_batch: expected {_GEARS[0]} to {_GEARS[1]} different sizes from 1 to "
            f"{_MAX_GEAR}, such as 1,8,16, found {text!r}"
        )
    return tuple(gears)


def _aipp_path(options: ToOmOptions) -> str:
    if not options.aipp:
        if options.aipp_path:
            raise UserError("--aipp_path is for --aipp: give both or none")
        return ""
    path = options.aipp_path or Runfiles.Create().Rlocation(_AIPP)
    try:
        content = _read(path).decode()
    except OSError as error:
        raise UserError(f"--aipp_path: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"--aipp_path: {path} is no text") from error
    aipp.check(content, path, options.image_height, options.image_width)
    return path


def _output(options: ToOmOptions) -> str:
    """The OM; by default beside the model."""
    default = os.path.splitext(options.model)[0] + ("_aipp" if options.aipp else "")
    path = options.output or default
    path = path if path.endswith(".om") else path + ".om"
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise UserError(f"--output: expected the name of a file, {path} is a folder")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output: cannot make the folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"--output: no right to write to the folder {folder}")
    return path


def _soc_version(given: str, *, needed: bool) -> str:
    """As given, or as npu-smi says; where it is not needed, the usual one instead of an error."""
    if given:
        if not _SOC.fullmatch(given):
            raise UserError(
                f"--soc_version: expected Ascend and the name in `npu-smi info`, such as "
                f"{_USUAL_SOC} or Ascend310P3, found {given!r}"
            )
        return given
    found, reason = cann.soc_version()
    if not found and needed:
        raise UserError(
            f"--soc_version is needed, such as --soc_version={_USUAL_SOC}: {reason}; the name is "
            "Ascend and what `npu-smi info` on the machine with the card calls it"
        )
    return found or _USUAL_SOC


def _no_atc(task: atc.Task) -> DeviceUnavailableError:
    lines = [
        f"ATC, the converter of CANN, is not here (looked in {cann.places()}). Install the CANN "
        "toolkit (for an Ascend 310: 8.0 or older; no card is needed) and source its set_env.sh, "
        "or do it on a machine that has it:"
    ]
    if _ending(task.model) == ".mindir":
        lines.append("  bazel run //python:export -- --ckpt_file=<checkpoint> --file_format=ONNX")
        task = dataclasses.replace(task, model=os.path.splitext(task.model)[0] + ".onnx")
    copied = " ".join(filter(None, [task.model, task.aipp]))
    lines += [
        f"  copy there: {copied}",
        f"  {atc.command_line(task)}",
        f"  copy back: {os.path.basename(task.output)}.om",
        f"where {task.soc_version} is what `npu-smi info` calls the card, with Ascend before it",
    ]
    return DeviceUnavailableError("\n".join(lines))


def _manifest(om: str, source: str, task: atc.Task, version: str) -> dict[str, object]:
    """What cc/ascend/manifest.h reads."""
    return {
        "model_sha256": _sha256(om),
        "source": os.path.basename(source),
        "source_sha256": _sha256(source),
        "soc_version": task.soc_version,
        "atc_version": version,
        "input_form": "luma" if task.aipp else "float",
        "height": task.height,
        "width": task.width,
        "batch": list(task.gears or (task.batch,)),
        "aipp_sha256": _sha256(task.aipp) if task.aipp else "",
    }


def _sha256(path: str) -> str:
    return hashlib.sha256(_read(path)).hexdigest()


def _publish(om: str, manifest: dict[str, object], output: str) -> None:
    """Puts both files in place, so that at no time the manifest is that of another model."""
    path = output + ".json"
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)
    os.replace(om, output)
    files.write_atomically(path, json.dumps(manifest, indent=2) + "\n")
