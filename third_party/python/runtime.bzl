"""Finds the MindSpore runtime for a machine.

cpu: MindSpore for the CPU. nvrtc: the same and NVRTC, which compiles this project's GPU kernels.
gpu: the same, MindSpore's GPU plug-in and the CUDA libraries. ascend: MindSpore with its Ascend plug-in.
"""

ENVIRON = ["LENET_RUNTIME"]

# Device node of each driver. With both, Ascend has precedence, as in lenet.devices.
_DEVICES = {
    "ascend": "/dev/davinci_manager",
    "nvrtc": "/dev/nvidiactl",
}
_RUNTIMES = ["ascend", "cpu", "gpu", "nvrtc"]

_HELP = "LENET_RUNTIME={found}: expected auto, {known} (--config=NAME sets it)"

def find_runtime(repository_ctx):
    """Returns the runtime of LENET_RUNTIME, by default the one whose driver is on this machine.

    Args:
      repository_ctx: context of a repository rule that lists ENVIRON in `environ`.

    Returns:
      One of _RUNTIMES. Fails for any other value of LENET_RUNTIME.
    """
    chosen = repository_ctx.os.environ.get("LENET_RUNTIME", "auto")
    if chosen in _RUNTIMES:
        return chosen
    if chosen != "auto":
        fail(_HELP.format(found = chosen, known = ", ".join(_RUNTIMES)))
    for runtime, device in _DEVICES.items():
        if repository_ctx.path(device).exists:
            return runtime
    return "cpu"
