"""Replaces ATC in tests: checks its arguments against the manual and writes a simulator model.

The model is the MindIR of the build graph, whatever --model contains. Unlike ATC, this program
does not read the network.
"""

import pathlib
import re
import sys
from typing import NoReturn

from cc.ascend.testing import om
from lenet import resources
from lenet.conversion import aipp
from lenet.errors import UserError
from lenet.exporting import onnx_file

_MINDSPORE, _ONNX = "1", "5"
_FLAGS = {
    "framework",
    "model",
    "output",
    "soc_version",
    "input_format",
    "input_shape",
    "dynamic_batch_size",
    "insert_op_conf",
    "output_type",
}
_CHIPS = re.compile(r"Ascend(310|310P[1-7]|310B[1-4]|910\w*)")


def main(argv: list[str]) -> None:
    """Converts a model as `atc` does, with the same exit codes and error numbers."""
    print("ATC start working now, please wait for a moment.")
    values = _parse(argv)
    framework = _one_of(values, "framework", _MINDSPORE, _ONNX)
    model = pathlib.Path(_required(values, "model"))
    if not model.is_file():
        _fail("E10410", f"Open file [{model}] failed")
    output = pathlib.Path(_required(values, "output"))
    if not output.parent.is_dir() or output.suffix == ".om":
        _invalid("output", output)
    soc = _required(values, "soc_version")
    if not _CHIPS.fullmatch(soc):
        _invalid("soc_version", soc)
    settings = _onnx_settings(values, model) if framework == _ONNX else _air_settings(values)
    if "insert_op_conf" in values:
        settings |= _aipp_settings(pathlib.Path(values["insert_op_conf"]))
    # ATC leaves these in its working directory.
    pathlib.Path("kernel_meta").mkdir()
    pathlib.Path("fusion_result.json").write_text("[]")
    mindir = resources.path("python/lenet.mindir").read_bytes()
    pathlib.Path(f"{output}.om").write_bytes(om.encode(mindir, soc=soc, **settings))
    print("ATC run success, welcome to the next use.")


def _parse(argv: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for argument in argv:
        match = re.fullmatch(r"--(\w+)=(.*)", argument)
        if not match or match[1] not in _FLAGS or match[1] in values:
            _fail("E10018", f"unknown command line flag {argument!r}")
        values[match[1]] = match[2]
    return values


def _required(values: dict[str, str], name: str) -> str:
    if not values.get(name):
        _fail("E10004", f"Value for parameter [--{name}] is empty")
    return values[name]


def _one_of(values: dict[str, str], name: str, *choices: str) -> str:
    if _required(values, name) not in choices:
        _invalid(name, values[name])
    return values[name]


def _onnx_settings(values: dict[str, str], model: pathlib.Path) -> dict:
    _one_of(values, "input_format", "NCHW", "ND")
    _one_of(values, "output_type", "FP32", "FP16")
    try:
        expected = onnx_file.read_input(model.read_bytes(), str(model))
    except UserError as error:
        _fail("E16005", f"The model is invalid: {error}")
    name, _, text = _required(values, "input_shape").rpartition(":")
    shape = tuple(int(size) for size in text.split(","))
    if name != expected.name or shape[1:] != expected.shape[1:]:
        _fail("E10016", f"Value [{name}:{text}] for parameter [--input_shape] is invalid")
    settings = {
        "height": shape[2],
        "width": shape[3],
        "half_output": values["output_type"] != "FP32",
    }
    if "dynamic_batch_size" not in values:
        if shape[0] < 1:
            _fail("E10003", "--input_shape has -1 and there is no --dynamic_batch_size")
        return settings | {"batch": shape[0]}
    gears = [int(gear) for gear in values["dynamic_batch_size"].split(",")]
    if shape[0] != -1 or not 2 <= len(set(gears)) == len(gears) <= 100:
        _fail("E10036", f"Value [{gears}] for parameter [--dynamic_batch_size] is invalid")
    return settings | {"gears": gears}


def _air_settings(values: dict[str, str]) -> dict:
    for name in ("input_shape", "input_format", "dynamic_batch_size", "output_type"):
        if name in values:
            _fail("E10011", f"--{name} is not for --framework=1")
    return {}


def _aipp_settings(path: pathlib.Path) -> dict:
    values = aipp.parse(path.read_text(), str(path))
    if values.get("crop", "false") != "false":
        raise ValueError(f"{path}: the simulator does not crop")
    return {
        "aipp": values["input_format"],
        "mean": float(values.get("mean_chn_0", 0)),
        "minimum": float(values.get("min_chn_0", 0)),
        "reciprocal": float(values.get("var_reci_chn_0", 1)),
    }


def _invalid(name: str, value: object) -> NoReturn:
    _fail("E10001", f"Value [{value}] for parameter [--{name}] is invalid")


def _fail(code: str, text: str) -> NoReturn:
    print(f"{code}: {text}.\nATC run failed, Please check the detail log, Try 'atc --help'")
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
