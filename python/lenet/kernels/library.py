"""Where the shared library with the kernels is."""

import os

from runfiles import Runfiles

from lenet.errors import DeviceUnavailableError

_LIBRARY = "lenet_mindspore/cc/kernels/libcustom_ops.so"


def function(name: str) -> str:
    """What ops.Custom takes as `func` for an operator of cc/kernels/custom_ops.cc.

    Raises:
        DeviceUnavailableError: the library is not where the build puts it.
    """
    runfiles = Runfiles.Create()
    path = runfiles.Rlocation(_LIBRARY) if runfiles else None
    if not path or not os.path.isfile(path):
        raise DeviceUnavailableError(
            f"the fused kernels are not here ({path or _LIBRARY}); start the program by `bazel "
            "run`, or take --fused_kernels=false"
        )
    return f"{path}:{name}"


def threads(wanted: int) -> int:
    """Threads of a kernel: `wanted`, or one a core that this process may use for 0."""
    return wanted or len(os.sched_getaffinity(0))
