"""Converts an exported model to an OM and writes a manifest for it."""

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
from pathlib import Path

from absl import logging

from lenet import files, resources
from lenet.conversion import aipp, atc, cann
from lenet.errors import DeviceUnavailableError, UserError
from lenet.exporting import onnx_file
from lenet.options.programs import ToOmOptions

_SUFFIXES = (".onnx", ".air", ".mindir")
_DEFAULT_SOC = "Ascend310"
_SOC = re.compile(r"Ascend\d{3}\w*")
_GEAR_COUNTS = range(2, 101)
_MAX_GEAR = 4096

# An AIR has CANN's own format, which is not read here; the input of a MindIR is read after its
# conversion to ONNX.
_UNREAD_INPUT = onnx_file.Input("x", (1, 1, 0, 0))


def convert_to_om(options: ToOmOptions) -> None:
    """Writes `output` and its manifest `output`.json.

    Raises:
        UserError: model, AIPP configuration, gears, output or chip are invalid.
        DeviceUnavailableError: ATC is not installed; the message has the command to run elsewhere.
        LenetError: ATC failed.
    """
    model = Path(options.model)
    _check_model(model)
    found = cann.find_atc()
    gears = _gears(options)
    aipp_path = _aipp_path(options)
    source = _input(options)
    task = atc.Task(
        model=model,
        output=_output(options),
        soc_version=_soc_version(options.soc_version, required=found is not None),
        input_name=source.name,
        batch=source.shape[0],
        height=options.image_height,
        width=options.image_width,
        gears=gears,
        aipp=aipp_path,
    )
    if found is None:
        raise _no_atc(task)
    output = Path(f"{task.output}.om")
    # ATC writes to a folder beside the output, so that the OM can be renamed.
    with tempfile.TemporaryDirectory(prefix=".to_om.", dir=output.parent) as folder:
        om, done = _run(found, task, Path(folder))
        manifest = _manifest(om, model, done, found.version())
        # The manifest is removed first, so that it never belongs to another OM.
        manifest_path = Path(f"{output}.json")
        manifest_path.unlink(missing_ok=True)
        om.replace(output)
        files.write_json(manifest_path, manifest)
    print(
        f"{output}: {output.stat().st_size} bytes, for {task.soc_version}, "
        f"{'luma bytes (AIPP)' if task.aipp else 'normalised float32'}, "
        f"batch {','.join(map(str, task.gears or (done.batch,)))}"
    )
    mode = "DVPP" if task.aipp else "CPU"
    print(f"next: bazel run //cc:infer310 -- --mindir_path={output} --cpu_dvpp={mode}")


def _run(found: cann.Atc, task: atc.Task, folder: Path) -> tuple[Path, atc.Task]:
    """Converts in `folder`. Returns the OM and the task given to ATC."""
    if task.model.suffix.lower() == ".mindir":
        from lenet.conversion import mindir_source

        onnx = mindir_source.to_onnx(task.model, task.height, task.width, folder)
        source = onnx_file.read_input(onnx.read_bytes(), str(onnx))
        task = dataclasses.replace(task, model=onnx, input_name=source.name, batch=source.shape[0])
    for name in ("out", "work"):
        (folder / name).mkdir()
    task = dataclasses.replace(task, output=folder / "out" / "model")
    logging.info("%s for %s; takes a minute", found.program, task.soc_version)
    return atc.run(found, task, folder / "work"), task


def _check_model(path: Path) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        raise UserError(
            f"--model: expected a file .onnx, .air or .mindir, found {str(path)!r}; export one "
            f"with `{resources.command('//python:export', '--file_format=ONNX')}`"
        )
    try:
        if not path.read_bytes():
            raise UserError(f"--model: {path} is empty")
    except OSError as error:
        raise UserError(f"--model: cannot read {path}: {error.strerror}") from error


def _input(options: ToOmOptions) -> onnx_file.Input:
    path = Path(options.model)
    if path.suffix.lower() != ".onnx":
        return _UNREAD_INPUT
    found = onnx_file.read_input(path.read_bytes(), str(path))
    height, width = options.image_height, options.image_width
    if len(found.shape) != 4 or found.shape[1] != 1:
        raise UserError(
            f"{path}: expected a LeNet with an input [N, 1, H, W], found {list(found.shape)}"
        )
    if found.shape[2:] != (height, width):
        raise UserError(
            f"{path}: the model takes images of {found.shape[2]}x{found.shape[3]}, "
            f"--image_height and --image_width are {height}x{width}"
        )
    return dataclasses.replace(found, shape=(found.shape[0] or 1, *found.shape[1:]))


def _gears(options: ToOmOptions) -> tuple[int, ...]:
    text = options.dynamic_batch
    if not text:
        return ()
    if Path(options.model).suffix.lower() == ".air":
        raise UserError("--dynamic_batch: the batch of an AIR is fixed; use the ONNX")
    words = text.split(",")
    gears = sorted({int(word) for word in words if re.fullmatch(r"\s*\d{1,6}\s*", word)})
    valid = len(gears) == len(words) in _GEAR_COUNTS and 1 <= gears[0] <= gears[-1] <= _MAX_GEAR
    if not valid:
        raise UserError(
            f"--dynamic_batch: expected {_GEAR_COUNTS[0]} to {_GEAR_COUNTS[-1]} different sizes "
            f"from 1 to {_MAX_GEAR}, such as 1,8,16, found {text!r}"
        )
    return tuple(gears)


def _aipp_path(options: ToOmOptions) -> Path | None:
    if not options.aipp:
        if options.aipp_path:
            raise UserError("--aipp_path requires --aipp")
        return None
    path = Path(options.aipp_path) if options.aipp_path else resources.path("configs/aipp.cfg")
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"--aipp_path: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"--aipp_path: {path} is not a text file") from error
    aipp.check(content, str(path), options.image_height, options.image_width)
    return path


def _output(options: ToOmOptions) -> Path:
    """Returns the OM without its extension; by default it lies beside the model."""
    default = Path(options.model).with_suffix("")
    stem = options.output.removesuffix(".om") or f"{default}{'_aipp' if options.aipp else ''}"
    path = Path(stem + ".om")
    if path.is_dir():
        raise UserError(f"--output: expected a file name, {path} is a folder")
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output: cannot make the folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"--output: no permission to write to the folder {folder}")
    return Path(stem)


def _soc_version(given: str, *, required: bool) -> str:
    """Returns the chip from the option or npu-smi, or the default if it is not required."""
    if given:
        if not _SOC.fullmatch(given):
            raise UserError(
                f"--soc_version: expected Ascend and the name in `npu-smi info`, such as "
                f"{_DEFAULT_SOC} or Ascend310P3, found {given!r}"
            )
        return given
    found, reason = cann.soc_version()
    if not found and required:
        raise UserError(
            f"--soc_version is required, such as --soc_version={_DEFAULT_SOC}: {reason}; the name "
            "is Ascend and the name of the card in `npu-smi info`"
        )
    return found or _DEFAULT_SOC


def _no_atc(task: atc.Task) -> DeviceUnavailableError:
    lines = [
        f"ATC, the converter of CANN, is not installed (searched in {cann.places()}). Install the "
        "CANN toolkit (for an Ascend 310: 8.0 or older; no card is required) and source its "
        "set_env.sh, or convert on a machine that has it:"
    ]
    if task.model.suffix.lower() == ".mindir":
        flags = "--ckpt_file=<checkpoint> --file_format=ONNX"
        lines.append("  " + resources.command("//python:export", flags))
        task = dataclasses.replace(task, model=task.model.with_suffix(".onnx"))
    copied = " ".join(map(str, filter(None, [task.model, task.aipp])))
    lines += [
        f"  copy there: {copied}",
        f"  {atc.command_line(task)}",
        f"  copy back: {task.output.name}.om",
        f"where {task.soc_version} is Ascend and the name of the card in `npu-smi info`",
    ]
    return DeviceUnavailableError("\n".join(lines))


def _manifest(om: Path, source: Path, task: atc.Task, version: str) -> dict[str, object]:
    """Returns the manifest; cc/ascend/manifest.h reads model_sha256 and soc_version."""
    return {
        "model_sha256": files.sha256(om),
        "source": source.name,
        "source_sha256": files.sha256(source),
        "soc_version": task.soc_version,
        "atc_version": version,
        "input_form": "luma" if task.aipp else "float",
        "height": task.height,
        "width": task.width,
        "batch": list(task.gears or (task.batch,)),
        "aipp_sha256": files.sha256(task.aipp) if task.aipp else "",
    }
