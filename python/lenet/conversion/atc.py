"""Runs ATC."""

import dataclasses
import os
import shlex
import subprocess
from pathlib import Path

from lenet.conversion.cann import Atc
from lenet.errors import LenetError

_FRAMEWORKS = {".air": "1", ".onnx": "5"}
_TAIL_LINES = 25  # of ATC's output in an error message


@dataclasses.dataclass(frozen=True)
class Task:
    """A conversion.

    Attributes:
        model: ONNX or AIR file.
        output: OM file without its extension, which ATC appends.
        soc_version: chip, such as Ascend310.
        input_name: name of the input of an ONNX model.
        batch: images per execution.
        height: input height in pixels.
        width: input width in pixels.
        gears: sizes of a dynamic batch, ascending; empty for a static batch.
        aipp: AIPP configuration; None for normalised float32 input.
    """

    model: Path
    output: Path
    soc_version: str
    input_name: str
    batch: int
    height: int
    width: int
    gears: tuple[int, ...] = ()
    aipp: Path | None = None


def arguments(task: Task) -> list[str]:
    """Returns the arguments of ATC.

    ATC ignores --input_shape and --input_format for an AIR, which contains them. The output stays
    float32, although an Ascend 310 computes in float16.
    """
    framework = _FRAMEWORKS[task.model.suffix.lower()]
    result = [
        f"--framework={framework}",
        f"--model={task.model}",
        f"--output={task.output}",
        f"--soc_version={task.soc_version}",
    ]
    if framework == _FRAMEWORKS[".onnx"]:
        batch = "-1" if task.gears else str(task.batch)
        result += [
            "--input_format=NCHW",
            f"--input_shape={task.input_name}:{batch},1,{task.height},{task.width}",
            "--output_type=FP32",
        ]
    if task.gears:
        result.append("--dynamic_batch_size=" + ",".join(map(str, task.gears)))
    if task.aipp:
        result.append(f"--insert_op_conf={task.aipp}")
    return result


def command_line(task: Task) -> str:
    """Returns the command for a machine with ATC, with all files in the current folder."""
    local = dataclasses.replace(
        task,
        model=Path(task.model.name),
        output=Path(task.output.name),
        aipp=task.aipp and Path(task.aipp.name),
    )
    return shlex.join(["atc", *arguments(local)])


def run(atc: Atc, task: Task, folder: Path) -> Path:
    """Converts a model and returns the OM, which is in the folder of `task.output`.

    Args:
        atc: the installed ATC.
        task: the conversion.
        folder: an empty working folder, because ATC leaves kernel_meta and fusion_result.json.

    Raises:
        LenetError: ATC failed; the message has the end of its output.
    """
    done = subprocess.run(
        atc.command(arguments(task)),
        cwd=folder,
        env=atc.environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    tail = "\n".join(done.stdout.strip().splitlines()[-_TAIL_LINES:])
    if done.returncode != 0:
        raise LenetError(
            f"{atc.program} failed with exit code {done.returncode}; see its log below "
            f"~/ascend/log; its last lines:\n{tail}"
        )
    # Newer releases may add the system to the name: lenet_linux_x86_64.om.
    found = list(task.output.parent.glob("*.om"))
    if len(found) != 1 or found[0].stat().st_size == 0:
        state = "an empty OM" if found else "no OM"
        raise LenetError(
            f"{atc.program} ended with exit code 0 and left {state}; its last lines:\n{tail}"
        )
    return found[0]
