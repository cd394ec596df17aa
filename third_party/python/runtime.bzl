"""Finds which of MindSpore's runtimes a machine needs: cpu, or with it the plug-in for gpu or ascend."""

ENVIRON = ["LENET_RUNTIME"]

# The driver's device node. That of both: as lenet.devices, the Ascend.
_SIGNS = {
    "ascend": "/dev/davinci_manager",
    "gpu": "/dev/nvidiactl",
}

_HELP = "LENET_RUNTIME={found}: expected auto, cpu, gpu or ascend (--config=cpu, gpu or ascend sets it)"

def find_runtime(repository_ctx):
    """The runtime that LENET_RUNTIME names, or whose driver is on this machine.

    Args:
      repository_ctx: of a repository rule that lists ENVIRON in `environ`.

    Returns:
      "cpu", "gpu" or "ascend". Fails if LENET_RUNTIME is something else.
    """
    chosen = repository_ctx.os.environ.get("LENET_RUNTIME", "auto")
    if chosen in ["cpu", "gpu", "ascend"]:
        return chosen
    if chosen != "auto":
        fail(_HELP.format(found = chosen))
    for runtime, sign in _SIGNS.items():
        if repository_ctx.path(sign).exists:
            return runtime
    return "cpu"
