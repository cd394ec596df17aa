"""The command line of ATC, and running it."""

import dataclasses
import os
import shlex
import subprocess

from lenet.conversion.cann import Atc
from lenet.errors import LenetError

_FRAMEWORKS = {".air": "1", ".onnx": "5"}
_TAIL_LINES = 25  # of what ATC says when it fails


@dataclasses.dataclass(frozen=True)
class Task:
    """A conversion.

    Attributes:
        model: path of the ONNX or AIR file.
        output: path of the OM without its ending, which ATC adds.
        soc_version: such as Ascend310.
        input_name: of an ONNX model.
        batch: images in one call.
        height: of an image.
        width: of an image.
        gears: sizes of a dynamic batch, ascending; empty: `batch`.
        aipp: path of the AIPP configuration; "" for an input of normalised float32.
    """

    model: str
    output: str
    soc_version: str
    input_name: str
    batch: int
    height: int
    width: int
    gears: tuple[int, ...] = ()
    aipp: str = ""


def arguments(task: Task) -> list[str]:
    """The arguments of ATC.

    An AIR says itself what its input is, and ATC ignores --input_shape and --input_format for it.
    The output stays float32: on an Ascend 310 the network is computed in float16 all the same.
    """
    framework = _FRAMEWORKS[os.path.splitext(task.model)[1].lower()]
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
    """The command to type on a machine that has ATC; files are in the folder it is typed in."""
    there = dataclasses.replace(
        task,
        model=os.path.basename(task.model),
        output=os.path.basename(task.output),
        aipp=os.path.basename(task.aipp),
    )
    return shlex.join(["atc", *arguments(there)])


def run(atc: Atc, task: Task, folder: str) -> str:
    """Converts and returns the path of the OM, which is in the folder of `task.output`.

    Args:
        folder: an empty one to run in; ATC litters it (kernel_meta, fusion_result.json).

    Raises:
        LenetError: ATC failed; the message has the end of what it said.
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
            f"{atc.program} failed with exit code {done.returncode}; its log is under "
            f"~/ascend/log, its last lines:\n{tail}"
        )
    # Newer releases may add the system to the name: lenet_linux_x86_64.om.
    base = os.path.dirname(task.output)
    found = [os.path.join(base, name) for name in os.listdir(base) if name.endswith(".om")]
    if len(found) != 1 or os.path.getsize(found[0]) == 0:
        state = "an empty OM" if found else "no OM"
        raise LenetError(
            f"{atc.program} ended with exit code 0 and left {state}; its last lines:\n{tail}"
        )
    return found[0]
