"""Stands for ATC in tests: checks its arguments as the manual says, writes a simulator's model.

The model is that of the build graph, whatever --model is. What real ATC does and this does not:
look at the network itself.
"""

import pathlib
import re
import sys
from typing import NoReturn

from runfiles import Runfiles

from lenet.conversion import onnx_input
from lenet.errors import UserError
from lenet.simom import aipp, writer

_MINDIR = "lenet_mindspore/python/lenet.mindir"
_MINDSPORE, _ONNX = "1", "5"
_KNOWN = {
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
_GEARS = (2, 100)


def main(argv: list[str]) -> None:
    print("ATC start working now, please wait for a moment.")
    values = _parse(argv)
    framework = _one_of(values, "framework", _MINDSPORE, _ONNX)
    model = pathlib.Path(_required(values, "model"))
    if not model.is_file():
        _fail("E10410", f"Open file [{model}] failed")
    output = pathlib.Path(_required(values, "output"))
    if not output.parent.is_dir() or output.suffix == ".om":
        _fail("E10001", f"Value [{output}] for parameter [--output] is invalid")
    soc = _required(values, "soc_version")
    if not _CHIPS.fullmatch(soc):
        _fail("E10001", f"Value [{soc}] for parameter [--soc_version] is invalid")
    settings = _onnx_input(values, model) if framework == _ONNX else _air_input(values)
    if "insert_op_conf" in values:
        settings |= aipp.options(pathlib.Path(values["insert_op_conf"]).read_text())
    # As ATC does, in the folder that it is started in.
    pathlib.Path("kernel_meta").mkdir()
    pathlib.Path("fusion_result.json").write_text("[]")
    mindir = pathlib.Path(Runfiles.Create().Rlocation(_MINDIR)).read_bytes()
    pathlib.Path(f"{output}.om").write_bytes(writer.encode(mindir, soc=soc, **settings))
    print("ATC run success, welcome to the next use.")


def _parse(argv: list[str]) -> dict[str, str]:
    values = {}
    for argument in argv:
        match = re.fullmatch(r"--(\w+)=(.*)", argument)
        if not match or match[1] not in _KNOWN or match[1] in values:
            _fail("E10018", f"unknown command line flag {argument!r}")
        values[match[1]] = match[2]
    return values


def _required(values: dict[str, str], name: str) -> str:
    if not values.get(name):
        _fail("E10004", f"Value for parameter [--{name}] is empty")
    return values[name]


def _one_of(values: dict[str, str], name: str, *choices: str) -> str:
    if _required(values, name) not in choices:
        _fail("E10001", f"Value [{values[name]}] for parameter [--{name}] is invalid")
    return values[name]


def _onnx_input(values: dict[str, str], model: pathlib.Path) -> dict[str, object]:
    _one_of(values, "input_format", "NCHW", "ND")
    _one_of(values, "output_type", "FP32", "FP16")
    try:
        expected = onnx_input.read(model.read_bytes(), str(model))
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
    if shape[0] != -1 or not _GEARS[0] <= len(set(gears)) == len(gears) <= _GEARS[1]:
        _fail("E10036", f"Value [{gears}] for parameter [--dynamic_batch_size] is invalid")
    return settings | {"gears": gears}


def _air_input(values: dict[str, str]) -> dict[str, object]:
    for name in ("input_shape", "input_format", "dynamic_batch_size", "output_type"):
        if name in values:
            _fail("E10011", f"--{name} is not for --framework=1")
    return {}


def _fail(code: str, text: str) -> NoReturn:
    print(f"{code}: {text}.\nATC run failed, Please check the detail log, Try 'atc --help'")
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
