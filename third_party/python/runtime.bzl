"""Finds the MindSpore runtime for a machine: cpu, or cpu with the plug-in for gpu or ascend."""

ENVIRON = ["LENET_RUNTIME"]

# Device node of each driver. With both, Ascend has precedence, as in lenet.devices.
_DEVICES = {
    "ascend": "/dev/davinci_manager",
    "gpu": "/dev/nvidiactl",
}

_HELP = "LENET_RUNTIME={found}: expected auto, cpu, gpu or ascend (--config=cpu, gpu or ascend sets it)"

def find_runtime(repository_ctx):
    """Returns the runtime of LENET_RUNTIME, by default the one whose driver is on this machine.

    Args:
      repository_ctx: context of a repository rule that lists ENVIRON in `environ`.

    Returns:
      "cpu", "gpu" or "ascend". Fails for any other value of LENET_RUNTIME.
    """
    chosen = repository_ctx.os.environ.get("LENET_RUNTIME", "auto")
    if chosen in ["cpu", "gpu", "ascend"]:
        return chosen
    if chosen != "auto":
        fail(_HELP.format(found = chosen))
    for runtime, device in _DEVICES.items():
        if repository_ctx.path(device).exists:
            return runtime
    return "cpu"
