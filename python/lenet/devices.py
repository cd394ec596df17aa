"""Which device to run on, and MindSpore's environment; importing this does not import MindSpore."""

import contextlib
import ctypes
import dataclasses
import glob
import importlib.util
import os
import re
import signal
from collections.abc import Iterator

from absl import logging

from lenet.errors import DeviceFailedError, DeviceUnavailableError

# oneDNN reads the second name, of its time before the first, too.
_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")

_PREFERENCE = ("Ascend", "GPU", "CPU")

# Each lists the cards that a process may see; --device_id counts those.
_ASCEND_VISIBLE = "ASCEND_RT_VISIBLE_DEVICES"
_CUDA_VISIBLE = "CUDA_VISIBLE_DEVICES"

# MindSpore names neither the variable nor the place: each CANN release sets some of these.
_CANN_VARIABLES = ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME", "ASCEND_AICPU_PATH")


# What MindSpore's plug-in for GPUs is linked to, and what cuDNN and NVRTC open later; each after
# what it needs itself.
_CUDA_LIBRARIES = (
    "libcudart.so.11.0",
    "libnvrtc-builtins.so.*",
    "libnvrtc.so.11.2",
    "libcublasLt.so.11",
    "libcublas.so.11",
    "libcudnn_ops_infer.so.8",
    "libcudnn_ops_train.so.8",
    "libcudnn_cnn_infer.so.8",
    "libcudnn_cnn_train.so.8",
    "libcudnn_adv_infer.so.8",
    "libcudnn_adv_train.so.8",
    "libcudnn.so.8",
    "libcufft.so.10",
    "libcurand.so.10",
    "libcusparse.so.11",
    "libcusolver.so.11",
)


@dataclasses.dataclass(frozen=True)
class Machine:
    """Where the signs of a device are looked for; tests name other places.

    Attributes:
        dev: folder of device nodes.
        cpuinfo: file with the flags of the CPU (Linux on x86).
        ascend: folder where CANN and the driver are installed unless variables say otherwise.
        plugins: folder of MindSpore's device plug-ins; "" for that of the installed MindSpore.
        cuda_driver: library that comes with the GPU driver.
    """

    dev: str = "/dev"
    cpuinfo: str = "/proc/cpuinfo"
    ascend: str = "/usr/local/Ascend"
    plugins: str = ""
    cuda_driver: str = "libcuda.so.1"


def prepare_environment(threads: int = 0, machine: Machine | None = None) -> None:
    """Sets what MindSpore reads when it is imported; what the user has set is left alone.

    Args:
        threads: of the CPU; 0 for one a core.
        machine: where to look for the flags of the CPU.
    """
    # MindSpore's warnings speak to those who program it; errors (3) remain.
    os.environ.setdefault("GLOG_v", "3")
    if threads:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if not _has_avx512(machine or Machine()):
        return
    for variable in _ISA_VARIABLES:
        if variable in os.environ:
            logging.info("%s is set to %s, left as it is", variable, os.environ[variable])
            return
    # For the data layout that MindSpore passes, oneDNN has no AVX-512 convolution and takes its
    # reference code: 80 ms a step instead of 8.
    os.environ[_ISA_VARIABLES[0]] = "AVX2"
    logging.info(
        "this CPU has AVX-512, with which MindSpore's convolution takes a slow path: "
        "%s=AVX2 is set (set it yourself to choose otherwise)",
        _ISA_VARIABLES[0],
    )


def resolve(device_target: str, device_id: int = 0, machine: Machine | None = None) -> str:
    """The device to run on: "Ascend", "GPU" or "CPU".

    Args:
        device_target: one of these, or "auto" for the best that is present.
        device_id: index of the card.
        machine: where to look for devices.

    Raises:
        DeviceUnavailableError: the device named is not here; says what is missing.
    """
    machine = machine or Machine()
    if device_target == "auto":
        found = next(d for d in _PREFERENCE if _obstacle(d, device_id, machine) is None)
        logging.info("device: %s (the best present)", found)
        return found
    obstacle = _obstacle(device_target, device_id, machine)
    if obstacle:
        raise DeviceUnavailableError(
            f"--device_target={device_target}: {obstacle}, or take --device_target=auto or CPU"
        )
    return device_target


def set_context(device_target: str, device_id: int = 0, threads: int = 0) -> None:
    """Imports MindSpore and tells it where to run, in graph mode.

    Once a process, in the main thread, before the first network. From here SIGTERM is Ctrl-C.

    Args:
        device_target: what resolve() returned.
        device_id: index of the card.
        threads: of the CPU; 0 for one a core.

    Raises:
        DeviceUnavailableError: MindSpore cannot use the device.
    """
    if device_target == "GPU":
        # The plug-in's kernels are compiled at first use on cards newer than it; all of them fit.
        os.environ.setdefault("CUDA_CACHE_MAXSIZE", "4000000000")
        load_cuda()
    with _interrupts_deferred():
        import mindspore as ms

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # While MindSpore runs a graph, a handler of its own turns Ctrl-C into SIGTERM.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    ms.set_context(mode=ms.GRAPH_MODE)
    if device_target == "CPU":
        ms.set_device("CPU")
        if threads:
            ms.device_context.cpu.op_tuning.threads_num(threads)
        return
    try:
        ms.set_device(device_target, device_id)
    except (RuntimeError, ValueError) as error:
        raise DeviceUnavailableError(
            f"--device_target={device_target}: MindSpore cannot use card {device_id} "
            f"({_first_line(error)}); check the driver, or take --device_target=CPU"
        ) from error


def load_cuda() -> list[str]:
    """Loads the CUDA libraries that --config=gpu laid out, and returns their paths.

    They lie in nvidia/*/lib beside MindSpore, where the loader does not look; what is loaded it
    finds by name. Without that configuration there are none, and the machine's are used.
    """
    packages = os.path.dirname(os.path.dirname(os.path.dirname(_installed_plugins())))
    found = []
    for name in _CUDA_LIBRARIES:
        for path in sorted(glob.glob(os.path.join(packages, "nvidia", "*", "lib", name))):
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            found.append(path)
    return found


@contextlib.contextmanager
def failures_reported(device_target: str) -> Iterator[None]:
    """Turns MindSpore's RuntimeError on a card into DeviceFailedError.

    On the CPU there is no device that could fail: an error there is one of the program.
    """
    try:
        yield
    except RuntimeError as error:
        if device_target == "CPU":
            raise
        raise DeviceFailedError(
            f"the {device_target} failed: {_first_line(error)}; see MindSpore's log above, and "
            "whether another program holds the card"
        ) from error


@contextlib.contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Holds Ctrl-C back to the end: within MindSpore's import it would become an ImportError."""
    pending = []
    before = signal.signal(signal.SIGINT, lambda *_: pending.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pending:
        raise KeyboardInterrupt


def _obstacle(device_target: str, device_id: int, machine: Machine) -> str | None:
    """Why a device cannot be used and what to do, or None."""
    if device_target == "Ascend":
        return _ascend_obstacle(device_id, machine)
    if device_target == "GPU":
        return _gpu_obstacle(device_id, machine)
    return None


def _ascend_obstacle(device_id: int, machine: Machine) -> str | None:
    cards = _cards(machine, "davinci")
    if not cards:
        return (
            f"no Ascend driver here ({machine.dev}/davinci* is missing); run on a machine with an "
            "Ascend card and its driver"
        )
    hidden = _hidden_by(_ASCEND_VISIBLE, device_id)
    if hidden:
        return hidden
    if _ASCEND_VISIBLE not in os.environ and device_id not in cards:
        return f"--device_id={device_id} is none of the cards here: {cards}; name one of those"
    if not _has_cann(machine):
        return (
            "the driver is here but CANN is not (libascendcl.so); install it and source its "
            "set_env.sh"
        )
    return _plugin_obstacle("ascend", machine)


def _gpu_obstacle(device_id: int, machine: Machine) -> str | None:
    cards = _cards(machine, "nvidia")
    if not cards:
        return (
            f"no NVIDIA driver here ({machine.dev}/nvidia* is missing); run on a machine with an "
            "NVIDIA card and its driver"
        )
    hidden = _hidden_by(_CUDA_VISIBLE, device_id)
    if hidden:
        return hidden
    if device_id >= len(cards):
        return f"--device_id={device_id}, but the cards here are {cards}; name one of those"
    try:
        ctypes.CDLL(machine.cuda_driver)
    except OSError as error:
        return f"the NVIDIA driver does not load ({error}); reinstall it"
    return _plugin_obstacle("gpu", machine)


def _hidden_by(variable: str, device_id: int) -> str | None:
    """Why a variable that shows some cards only, numbered anew from 0, does not show this one."""
    value = os.environ.get(variable)
    shown = [card for card in (value or "").split(",") if card.strip()]
    if value is None or device_id < len(shown):
        return None
    return (
        f"--device_id={device_id}, but {variable}={value} shows {len(shown)} cards, which count "
        "from 0; change one of the two"
    )


def _plugin_obstacle(prefix: str, machine: Machine) -> str | None:
    plugins = machine.plugins or _installed_plugins()
    if any(os.path.isdir(path) for path in glob.glob(os.path.join(plugins, prefix + "*"))):
        return None
    return (
        f"the MindSpore of this build is without the plug-in {prefix}*; build it in by "
        f"--config={prefix}, as in `bazel run --config={prefix} //python:train`"
    )


def _cards(machine: Machine, prefix: str) -> list[int]:
    """Indices of the nodes /dev/<prefix><index>."""
    names = glob.glob(os.path.join(machine.dev, prefix + "*"))
    matches = (re.fullmatch(prefix + r"(\d+)", os.path.basename(name)) for name in names)
    return sorted(int(match[1]) for match in matches if match)


def _has_cann(machine: Machine) -> bool:
    roots = [os.environ[variable] for variable in _CANN_VARIABLES if variable in os.environ]
    roots += [machine.ascend, os.path.join(machine.ascend, "ascend-toolkit", "latest")]
    folders = [os.path.join(root, lib) for root in roots for lib in ("lib64", "runtime/lib64")]
    folders += os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    return any(os.path.exists(os.path.join(folder, "libascendcl.so")) for folder in folders)


def _installed_plugins() -> str:
    spec = importlib.util.find_spec("mindspore")
    assert spec and spec.origin, "mindspore is not installed"
    return os.path.join(os.path.dirname(spec.origin), "lib", "plugin")


def _has_avx512(machine: Machine) -> bool:
    try:
        with open(machine.cpuinfo, encoding="ascii", errors="replace") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:  # not Linux
        return False
    return "avx512f" in flags.split()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
