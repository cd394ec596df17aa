"""The cases of the benchmark of training."""

import dataclasses
import functools
import pathlib
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from tools.bench import process
from tools.bench.schedule import Case, CheckError, Metrics

BATCH_SIZE = 32
LR = 0.01
MOMENTUM = 0.9
SEED = 3
TARGET_ACCURACY = 0.9842  # what the original publishes

_LEAST_ACCURACY = 0.95  # after an epoch
_FULL_EPOCH = 1500  # steps from which a run counts as an epoch
_LEARNING = 500  # steps after which the loss, which stays as it was for the first 300, has fallen
_LAST_LOSSES = 5


@dataclasses.dataclass(frozen=True)
class Settings:
    """How much each case does.

    Attributes:
        epochs: of ours by default.
        peer_epochs: of PyTorch and of ours without the fused kernels.
        slow_steps: of MindSpore at its defaults; 0 for an epoch.
        max_steps: of every case, for a quick look; 0 for no limit.
        threads: of the CPU.
        timeout: seconds for one run.
        device_target: "CPU" or "GPU".
    """

    epochs: int
    peer_epochs: int
    slow_steps: int
    max_steps: int
    threads: int
    timeout: float
    device_target: str = "CPU"


# Measures once; versions of packages are added to the dictionary, the folder is empty.
Measure = Callable[[Settings, dict[str, str], pathlib.Path], Metrics]


@dataclasses.dataclass(frozen=True)
class Peer:
    """A row of the table.

    Attributes:
        name: for flags.
        title: for the table.
        measure: measures once.
        on_gpu: whether it can, and is something else there than the others.
    """

    name: str
    title: str
    measure: Measure
    on_gpu: bool = False


def cases(names: Sequence[str], settings: Settings, versions: dict[str, str]) -> list[Case]:
    """One case for each peer named; `versions` is filled while they run."""
    return [
        Case(name, "training", functools.partial(PEERS[name].measure, settings, versions))
        for name in names
    ]


def metrics(result: dict[str, Any]) -> Metrics:
    """The figures in a metrics.json of //python:train or of a program in peers/.

    step_ms: the median step, warm. epoch_ms: an epoch's wall time over its steps, the first epoch
    (which compiles) left out if there are others, else the mean of the warm steps. accuracy: at the
    end. accuracy_1: after the first epoch. target_s: seconds of training up to TARGET_ACCURACY,
    compilation included, evaluation excluded.
    """
    epochs = result["epochs"]
    timings = result["timings"]
    losses = [loss for _, _, loss in result["loss_curve"]]
    found = {
        "step_ms": timings["ms_per_step_median"],
        "epoch_ms": timings["ms_per_step_mean"],
        "accuracy": result["accuracy"],
        "steps": result["steps"],
        "first_loss": losses[0],
        "last_loss": statistics.median(losses[-_LAST_LOSSES:]),
    }
    if len(epochs) > 1:
        found["epoch_ms"] = statistics.median(epoch["ms_per_step"] for epoch in epochs[1:])
    if epochs:
        found["accuracy_1"] = epochs[0].get("accuracy", result["accuracy"])
    evaluations = [epoch["evaluation_s"] for epoch in epochs if "evaluation_s" in epoch]
    if evaluations:
        # The first one compiles.
        found["evaluation_s"] = statistics.median(evaluations[1:] or evaluations)
    return found | _target(epochs)


def check(found: Metrics) -> None:
    """Raises CheckError if the network did not learn what it learns by this work."""
    if found["steps"] >= _LEARNING and not found["last_loss"] < found["first_loss"]:
        raise CheckError(
            f"the loss did not fall: from {found['first_loss']:.3f} to {found['last_loss']:.3f}"
        )
    accuracy = found.get("accuracy_1", found["accuracy"])
    if found["steps"] >= _FULL_EPOCH and accuracy < _LEAST_ACCURACY:
        raise CheckError(f"accuracy {accuracy:.2%} after an epoch, below {_LEAST_ACCURACY:.0%}")


def _target(epochs: Sequence[dict[str, float]]) -> Metrics:
    seconds = 0.0
    for epoch in epochs:
        seconds += epoch["seconds"]
        if epoch.get("accuracy", 0) >= TARGET_ACCURACY:
            return {"target_s": seconds}
    return {}


def _measured(
    output: pathlib.Path, finished: process.Finished, versions: dict[str, str]
) -> Metrics:
    result = process.result(output)
    versions.update(result.get("versions", {}))
    found = metrics(result) | {"wall_s": finished.seconds, "peak_mb": finished.peak_mb}
    check(found)
    return found


def _run_ours(
    fused: bool, settings: Settings, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    fused = fused and settings.device_target == "CPU"
    arguments = [
        f"--device_target={settings.device_target}",
        f"--fused_kernels={str(fused).lower()}",
        f"--epoch_size={settings.epochs if fused else settings.peer_epochs}",
        "--eval_each_epoch",
        "--ckpt_path=ckpt",
        f"--threads={settings.threads}",
        f"--batch_size={BATCH_SIZE}",
        f"--lr={LR}",
        f"--momentum={MOMENTUM}",
        f"--seed={SEED}",
        f"--max_steps={settings.max_steps}",
    ]
    finished = process.run("python/train", *arguments, folder=folder, timeout=settings.timeout)
    output = folder / "ckpt" / "metrics.json"
    result = process.result(output)
    if result.get("fused_kernels", False) != fused:
        raise CheckError(f"asked for fused_kernels={fused}, it ran with the contrary")
    versions["mindspore"] = result["mindspore"]
    return _measured(output, finished, versions)


def _run_torch(
    compiled: bool, settings: Settings, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    arguments = [
        "--output=result.json",
        f"--epochs={settings.peer_epochs}",
        f"--threads={settings.threads}",
        f"--max_steps={settings.max_steps}",
        f"--device_target={settings.device_target}",
        *(["--compiled"] if compiled else []),
        *_recipe(),
    ]
    finished = process.run(
        "tools/bench/peers/torch_train", *arguments, folder=folder, timeout=settings.timeout
    )
    return _measured(folder / "result.json", finished, versions)


def _run_mindspore(
    isa: str, settings: Settings, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    steps = settings.max_steps if isa else settings.max_steps or settings.slow_steps
    finished = process.run(
        "tools/bench/peers/mindspore_train",
        "--output=result.json",
        f"--max_steps={steps}",
        *_recipe(),
        folder=folder,
        environment={"ONEDNN_MAX_CPU_ISA": isa} if isa else {},
        timeout=settings.timeout,
    )
    return _measured(folder / "result.json", finished, versions)


def _recipe() -> list[str]:
    return [
        f"--batch_size={BATCH_SIZE}",
        f"--lr={LR}",
        f"--momentum={MOMENTUM}",
        f"--seed={SEED}",
    ]


PEERS = {
    peer.name: peer
    for peer in (
        Peer("ours", "ours", functools.partial(_run_ours, True), on_gpu=True),
        Peer("unfused", "ours, `--fused_kernels=false`", functools.partial(_run_ours, False)),
        Peer(
            "torch",
            "PyTorch eager, data in memory",
            functools.partial(_run_torch, False),
            on_gpu=True,
        ),
        # On a GPU it compiles by Triton, which the lock leaves out.
        Peer("torch_compiled", "PyTorch, `torch.compile`", functools.partial(_run_torch, True)),
        Peer(
            "mindspore_avx2",
            "MindSpore, original recipe, `ONEDNN_MAX_CPU_ISA=AVX2`",
            functools.partial(_run_mindspore, "AVX2"),
        ),
        Peer("mindspore", "MindSpore, original recipe", functools.partial(_run_mindspore, "")),
    )
}
