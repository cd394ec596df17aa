"""Selects the device and prepares MindSpore for it. The import does not import MindSpore."""

import contextlib
import ctypes
import dataclasses
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator

from absl import logging

from lenet import gpu, interrupts, limits
from lenet.errors import DeviceFailedError, DeviceUnavailableError, LenetError

# oneDNN also reads the second name, an older one.
_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")

# The newest major compute capability for which MindSpore's GPU plug-in has machine code.
_PLUGIN_CAPABILITY = 8
# Makes MindSpore compile its kernels for card argv[1]; CUDA keeps the result in a cache.
_COMPILE = """
import sys
import lenet
import mindspore as ms
ms.set_device("GPU", int(sys.argv[1]))
(ms.Tensor([1.0]) + 1).asnumpy()
"""
_COMPILING_SECONDS = 20.0  # between two signs of life

# Cards in the order in which "auto" tries them, and the variable that lists the visible ones, in
# which --device_id is an index.
_VISIBLE = {"Ascend": "ASCEND_RT_VISIBLE_DEVICES", "GPU": "CUDA_VISIBLE_DEVICES"}

# Each CANN release sets some of these to its folder.
_CANN_VARIABLES = ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME", "ASCEND_AICPU_PATH")


@dataclasses.dataclass(frozen=True)
class Machine:
    """Places that show which devices a machine has; tests use other places.

    Attributes:
        dev: folder of device nodes.
        cpuinfo: file with the CPU flags (Linux on x86).
        ascend: installation folder of CANN, unless variables name another.
        plugins: folder of MindSpore's device plug-ins; None: the one of the installed MindSpore.
        cuda_driver: library that comes with the GPU driver.
    """

    dev: pathlib.Path = pathlib.Path("/dev")
    cpuinfo: pathlib.Path = pathlib.Path("/proc/cpuinfo")
    ascend: pathlib.Path = pathlib.Path("/usr/local/Ascend")
    plugins: pathlib.Path | None = None
    cuda_driver: str = gpu.DRIVER


@dataclasses.dataclass(frozen=True)
class Device:
    """A device that start() has prepared.

    Attributes:
        name: "Ascend", "GPU" or "CPU".
        card: GPU on which this project's kernels run, while MindSpore runs on the CPU; None:
            MindSpore runs on the device.
    """

    name: str
    card: gpu.Card | None = None


def start(
    device_target: str,
    device_id: int = 0,
    threads: int = 0,
    size: tuple[int, int] | None = None,
    machine: Machine | None = None,
) -> Device:
    """Selects a device and prepares it and MindSpore; see set_context.

    With "auto", a device that cannot be opened causes a warning, and the CPU is used.

    Args:
        device_target: see resolve.
        device_id: index of the card.
        threads: CPU threads; 0: one per core.
        size: height and width of the network's input, if this project's own kernels are to run;
            None: MindSpore's operators.
        machine: where to look for devices.

    Raises:
        DeviceUnavailableError, DeviceFailedError: the requested device cannot be used.
        UserError: the GPU kernels do not take images of this size.
    """
    name = resolve(device_target, device_id, size is not None, machine)
    card = None
    own_kernels = size is not None
    try:
        if name == "GPU" and size and gpu.obstacle() is None:
            card = gpu.Card(device_id, *size)
        if device_target == "auto":
            logging.info("device: %s (the fastest available)", name)
        set_context("CPU" if card else name, device_id, threads, own_kernels)
    except LenetError as error:
        if device_target != "auto":
            raise
        logging.warning("%s; the CPU is used", error)
        name = "CPU"
        set_context(name, device_id, threads, own_kernels)
    return Device(name, card)


def cpu_threads(requested: int = 0) -> int:
    """Returns the number of threads to use: `requested`, or for 0 one per available core."""
    return requested or limits.cores()


def resolve(
    device_target: str,
    device_id: int = 0,
    fused_kernels: bool = False,
    machine: Machine | None = None,
) -> str:
    """Returns the device to run on: "Ascend", "GPU" or "CPU".

    Args:
        device_target: one of these, or "auto" for the fastest one available.
        device_id: index of the card.
        fused_kernels: whether this project's own kernels can do the work; for "auto" they are
            faster on the CPU than MindSpore's operators on a GPU.
        machine: where to look for devices.

    Raises:
        DeviceUnavailableError: the requested device is not available; the message says why.
    """
    machine = machine or Machine()
    if device_target == "auto":
        for name in _VISIBLE:
            hidden = os.environ.get(_VISIBLE[name], "0").partition(",")[0].strip() in ("", "-1")
            if not hidden and _absence(name, machine) is None:
                obstacle = _obstacle(
                    name, device_id, machine, own=fused_kernels, operators=not fused_kernels
                )
                if obstacle is None:
                    return name
                logging.warning("the %s is not used: %s", name, obstacle)
        return "CPU"
    if device_target == "CPU":
        return device_target
    obstacle = _absence(device_target, machine)
    if obstacle:
        obstacle += "; run on a machine with the card and its driver"
    else:
        obstacle = _obstacle(device_target, device_id, machine, own=fused_kernels, operators=True)
    if obstacle:
        raise DeviceUnavailableError(
            f"--device_target={device_target}: {obstacle}, or use --device_target=auto or CPU"
        )
    return device_target


def count(device: str, machine: Machine | None = None) -> int:
    """Returns the number of visible cards of a kind; 1 for "CPU"."""
    if device == "CPU":
        return 1
    machine = machine or Machine()
    if _absence(device, machine):
        return 0
    return len(_visible(machine, device))


def set_context(
    device: str, device_id: int = 0, threads: int = 0, own_kernels: bool = False
) -> None:
    """Imports MindSpore in graph mode on a device; SIGTERM and SIGHUP then raise KeyboardInterrupt.

    Call it in the main thread, before the network is built.

    Args:
        device: result of resolve().
        device_id: index of the card.
        threads: CPU threads; 0: one per core.
        own_kernels: whether this project's own kernels do the work on a CPU.

    Raises:
        DeviceUnavailableError: MindSpore cannot use the device.
    """
    prepare_environment(threads, own_kernels)
    if device == "GPU":
        # On cards newer than the plug-in, kernels are compiled at first use; all of them fit.
        os.environ.setdefault("CUDA_CACHE_MAXSIZE", "4000000000")
        compile_plugin(device_id)
    with interrupts.deferred():  # inside the import, KeyboardInterrupt would become ImportError
        import mindspore as ms

    interrupts.raise_at_signals()
    ms.set_context(mode=ms.GRAPH_MODE)
    if device == "CPU":
        ms.set_device("CPU")
        if threads:
            ms.device_context.cpu.op_tuning.threads_num(threads)
        return
    try:
        ms.set_device(device, device_id)
    except (RuntimeError, ValueError) as error:
        raise DeviceUnavailableError(
            f"--device_target={device}: MindSpore cannot use card {device_id} "
            f"({_first_line(error)}); check the driver, or use --device_target=CPU"
        ) from error


def prepare_environment(
    threads: int = 0, own_kernels: bool = False, machine: Machine | None = None
) -> None:
    """Sets variables that MindSpore reads at its import, unless the user has set them.

    Args:
        threads: CPU threads; 0: one per core.
        own_kernels: whether MindSpore's convolutions do not run, so that no message is needed.
        machine: where to look for the CPU flags.
    """
    os.environ.setdefault("GLOG_v", "3")  # MindSpore's warnings are for its developers
    if threads:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if not _has_avx512(machine or Machine()):
        return
    for variable in _ISA_VARIABLES:
        if variable in os.environ:
            logging.info("%s=%s is kept", variable, os.environ[variable])
            return
    # oneDNN has no AVX-512 convolution for the data layout that MindSpore passes and uses its
    # reference implementation: 80 ms per step instead of 8.
    os.environ[_ISA_VARIABLES[0]] = "AVX2"
    if own_kernels:
        return
    logging.info(
        "setting %s=AVX2, because MindSpore's convolution is slow with AVX-512; set the variable "
        "to override this",
        _ISA_VARIABLES[0],
    )


def compile_plugin(device_id: int) -> None:
    """Lets MindSpore compile its kernels for a card that is newer than its GPU plug-in, once.

    That takes minutes, in which MindSpore reacts to no signal. So it is done in another process,
    which ends with this one's KeyboardInterrupt.

    Raises:
        DeviceUnavailableError: the other process failed.
    """
    capability, driver = gpu.capability(device_id)
    done = gpu.cache_folder() / f"mindspore-plugin-{capability}-{driver}"
    if capability <= _PLUGIN_CAPABILITY or done.exists():
        return
    interrupts.raise_at_signals()
    logging.info("MindSpore compiles its kernels for this card, once; this takes several minutes")
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", _COMPILE, str(device_id)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        while process.returncode is None:
            try:
                process.wait(_COMPILING_SECONDS)
            except subprocess.TimeoutExpired:
                logging.info("still compiling after %.0f s", time.monotonic() - start)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise DeviceUnavailableError(
            f"MindSpore cannot compile its kernels for card {device_id} (code "
            f"{process.returncode}); see its messages above, or use --device_target=CPU"
        )
    with contextlib.suppress(OSError):  # compiles again next time
        done.parent.mkdir(parents=True, exist_ok=True)
        done.touch()


@contextlib.contextmanager
def failures_reported(device: Device) -> Iterator[None]:
    """Turns MindSpore's RuntimeError on a card into DeviceFailedError.

    On the CPU, a RuntimeError is an error of the program and is passed on.
    """
    try:
        yield
    except RuntimeError as error:
        if device.name == "CPU":
            raise
        reason = device.card.operator_error() if device.card else ""
        advice = "see MindSpore's log above, and check whether another program uses the card"
        raise DeviceFailedError(
            f"the {device.name} failed: {reason or f'{_first_line(error)}; {advice}'}"
        ) from error


def _obstacle(
    device_target: str, device_id: int, machine: Machine, *, own: bool, operators: bool
) -> str | None:
    """Returns why an Ascend or a GPU cannot be used and what to do, or None.

    Args:
        device_target: "Ascend" or "GPU".
        device_id: index of the card.
        machine: where to look for devices.
        own: whether this project's own GPU kernels can do the work.
        operators: whether MindSpore's operators on a GPU can.
    """
    try:
        visible = _visible(machine, device_target)
    except DeviceUnavailableError as error:
        return str(error)
    if device_id not in visible:
        variable = _VISIBLE[device_target]
        if variable in os.environ:
            return (
                f"--device_id={device_id}, but {variable}={os.environ[variable]} shows "
                f"{len(visible)} cards, numbered from 0; change one of the two"
            )
        return f"--device_id={device_id} is not a card of this machine; choose one of {visible}"
    if device_target == "Ascend" and not _has_cann(machine):
        return (
            "the driver is installed but CANN is not (libascendcl.so); install it and source its "
            "set_env.sh"
        )
    own_obstacle = None
    if device_target == "GPU" and own:
        own_obstacle = gpu.obstacle()
        if own_obstacle is None or not operators:
            return own_obstacle
    plugin = device_target.lower()
    plugins = machine.plugins or _installed_plugins()
    if any(path.is_dir() for path in plugins.glob(f"{plugin}*")):
        return None
    need = "MindSpore needs" if device_target == "Ascend" else "MindSpore's operators need"
    return own_obstacle or (
        f"{need} the plug-in {plugin}*, which this build lacks; add it with --config={plugin}, as "
        f"in `bazel run --config={plugin} //python:train`"
    )


def _absence(device: str, machine: Machine) -> str | None:
    """Returns what shows that the machine has no such device, or None."""
    if device == "Ascend":
        return None if _davinci(machine) else f"{machine.dev}/davinci* is missing"
    try:
        ctypes.CDLL(machine.cuda_driver)
    except OSError as error:
        return f"there is no NVIDIA driver ({error})"
    return None


def _davinci(machine: Machine) -> list[int]:
    """Returns the numbers of the device nodes of Ascend cards."""
    matches = (re.fullmatch(r"davinci(\d+)", path.name) for path in machine.dev.glob("davinci*"))
    return sorted(int(match[1]) for match in matches if match)


def _visible(machine: Machine, device: str) -> list[int]:
    """Returns the valid values of --device_id of a device that is present."""
    if device == "GPU":
        return list(range(gpu.count(machine.cuda_driver)))
    variable = os.environ.get(_VISIBLE[device])
    if variable is None:
        return _davinci(machine)
    return list(range(len([card for card in variable.split(",") if card.strip()])))


def _has_cann(machine: Machine) -> bool:
    roots = [pathlib.Path(os.environ[name]) for name in _CANN_VARIABLES if name in os.environ]
    roots += [machine.ascend, machine.ascend / "ascend-toolkit" / "latest"]
    folders = [root / lib for root in roots for lib in ("lib64", "runtime/lib64")]
    folders += map(pathlib.Path, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))
    return any((folder / "libascendcl.so").exists() for folder in folders)


def _installed_plugins() -> pathlib.Path:
    spec = importlib.util.find_spec("mindspore")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("mindspore is not installed")
    return pathlib.Path(spec.origin).parent / "lib" / "plugin"


def _has_avx512(machine: Machine) -> bool:
    try:
        lines = machine.cpuinfo.read_text("ascii", errors="replace").splitlines()
    except OSError:  # not Linux
        return False
    return any("avx512f" in line.split() for line in lines if line.startswith("flags"))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
