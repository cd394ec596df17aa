"""Selects the device and prepares MindSpore for it. The import does not import MindSpore."""

import contextlib
import ctypes
import dataclasses
import importlib.util
import os
import pathlib
import re
from collections.abc import Iterator

from absl import logging

from lenet import interrupts, limits
from lenet.errors import DeviceFailedError, DeviceUnavailableError

# oneDNN also reads the second name, an older one.
_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")

_PREFERENCE = ("Ascend", "GPU", "CPU")

# Device nodes; variable that lists the visible cards, in which --device_id is an index; plug-in.
_VENDORS = {
    "Ascend": ("davinci", "ASCEND_RT_VISIBLE_DEVICES", "ascend"),
    "GPU": ("nvidia", "CUDA_VISIBLE_DEVICES", "gpu"),
}

# Each CANN release sets some of these to its folder.
_CANN_VARIABLES = ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME", "ASCEND_AICPU_PATH")

# Libraries that MindSpore's GPU plug-in links and those that cuDNN and NVRTC open later, each
# after its own dependencies.
_CUDA_LIBRARIES = """
    libcudart.so.11.0 libnvrtc-builtins.so.* libnvrtc.so.11.2 libcublasLt.so.11 libcublas.so.11
    libcudnn_ops_infer.so.8 libcudnn_ops_train.so.8 libcudnn_cnn_infer.so.8 libcudnn_cnn_train.so.8
    libcudnn_adv_infer.so.8 libcudnn_adv_train.so.8 libcudnn.so.8 libcufft.so.10 libcurand.so.10
    libcusparse.so.11 libcusolver.so.11
""".split()  # noqa: SIM905 (a list literal takes one line per name)


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
    cuda_driver: str = "libcuda.so.1"


def cpu_threads(requested: int = 0) -> int:
    """Returns the number of threads to use: `requested`, or for 0 one per available core."""
    return requested or limits.cores()


def resolve(device_target: str, device_id: int = 0, machine: Machine | None = None) -> str:
    """Returns the device to run on: "Ascend", "GPU" or "CPU".

    Args:
        device_target: one of these, or "auto" for the best one available.
        device_id: index of the card.
        machine: where to look for devices.

    Raises:
        DeviceUnavailableError: the requested device is not available; the message says why.
    """
    machine = machine or Machine()
    if device_target == "auto":
        found = next(d for d in _PREFERENCE if _obstacle(d, device_id, machine) is None)
        logging.info("device: %s (the best available)", found)
        return found
    obstacle = _obstacle(device_target, device_id, machine)
    if obstacle:
        raise DeviceUnavailableError(
            f"--device_target={device_target}: {obstacle}, or use --device_target=auto or CPU"
        )
    return device_target


def count(device: str, machine: Machine | None = None) -> int:
    """Returns the number of visible cards of a kind; 1 for "CPU"."""
    if device == "CPU":
        return 1
    nodes, variable, _ = _VENDORS[device]
    visible = os.environ.get(variable)
    return len(_cards(machine or Machine(), nodes)) if visible is None else _listed(visible)


def set_context(device: str, device_id: int = 0, threads: int = 0) -> None:
    """Imports MindSpore in graph mode on a device; SIGTERM and SIGHUP then raise KeyboardInterrupt.

    Call it once per process, in the main thread, before the network is built.

    Args:
        device: result of resolve().
        device_id: index of the card.
        threads: CPU threads; 0: one per core.

    Raises:
        DeviceUnavailableError: MindSpore cannot use the device.
    """
    prepare_environment(threads)
    if device == "GPU":
        # On cards newer than the plug-in, kernels are compiled at first use; all of them fit.
        os.environ.setdefault("CUDA_CACHE_MAXSIZE", "4000000000")
        load_cuda()
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


def prepare_environment(threads: int = 0, machine: Machine | None = None) -> None:
    """Sets variables that MindSpore reads at its import, unless the user has set them.

    Args:
        threads: CPU threads; 0: one per core.
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
    logging.info(
        "setting %s=AVX2, because MindSpore's convolution is slow with AVX-512; set the variable "
        "to override this",
        _ISA_VARIABLES[0],
    )


def load_cuda() -> list[pathlib.Path]:
    """Loads the CUDA libraries that --config=gpu installs and returns their paths.

    They are in nvidia/*/lib beside MindSpore, where the dynamic linker does not look. Without that
    configuration there are none, and the libraries of the system are used.
    """
    packages = _installed_plugins().parents[2]
    found = []
    for name in _CUDA_LIBRARIES:
        for path in sorted(packages.glob(f"nvidia/*/lib/{name}")):
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            found.append(path)
    return found


@contextlib.contextmanager
def failures_reported(device: str) -> Iterator[None]:
    """Turns MindSpore's RuntimeError on a card into DeviceFailedError.

    On the CPU, a RuntimeError is an error of the program and is passed on.
    """
    try:
        yield
    except RuntimeError as error:
        if device == "CPU":
            raise
        raise DeviceFailedError(
            f"the {device} failed: {_first_line(error)}; see MindSpore's log above, and check "
            "whether another program uses the card"
        ) from error


def _obstacle(device_target: str, device_id: int, machine: Machine) -> str | None:
    """Returns why a device cannot be used and what to do, or None."""
    if device_target == "CPU":
        return None
    nodes, variable, plugin = _VENDORS[device_target]
    cards = _cards(machine, nodes)
    if not cards:
        return (
            f"{machine.dev}/{nodes}* is missing; run on a machine with an {device_target} card and "
            "its driver"
        )
    visible = os.environ.get(variable)
    if visible is not None:
        cards_shown = _listed(visible)
        if device_id >= cards_shown:
            return (
                f"--device_id={device_id}, but {variable}={visible} shows {cards_shown} cards, "
                "numbered from 0; change one of the two"
            )
    elif device_id not in (cards if device_target == "Ascend" else range(len(cards))):
        return f"--device_id={device_id} is not a card of this machine; choose one of {cards}"
    if device_target == "Ascend" and not _has_cann(machine):
        return (
            "the driver is installed but CANN is not (libascendcl.so); install it and source its "
            "set_env.sh"
        )
    if device_target == "GPU":
        try:
            ctypes.CDLL(machine.cuda_driver)
        except OSError as error:
            return f"the NVIDIA driver does not load ({error}); reinstall it"
    plugins = machine.plugins or _installed_plugins()
    if not any(path.is_dir() for path in plugins.glob(f"{plugin}*")):
        return (
            f"the MindSpore of this build lacks the plug-in {plugin}*; add it with "
            f"--config={plugin}, as in `bazel run --config={plugin} //python:train`"
        )
    return None


def _cards(machine: Machine, prefix: str) -> list[int]:
    """Returns the indices of the device nodes <prefix><index>."""
    matches = (
        re.fullmatch(rf"{prefix}(\d+)", path.name) for path in machine.dev.glob(f"{prefix}*")
    )
    return sorted(int(match[1]) for match in matches if match)


def _listed(visible: str) -> int:
    return len([card for card in visible.split(",") if card.strip()])


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
