"""Times the training of LeNet-5 on MNIST by this project and by its peers, on a CPU or a GPU.

All peers use the same network, initial distributions, data (28x28 resized to 32x32), batch size,
optimizer and constant learning rate. Each measurement is a process of its own, in alternating
order. The loss must fall, and the test accuracy, measured outside of the time, must be at least
95 % after one epoch.
"""

import argparse
import dataclasses
import functools
import pathlib
import statistics
from collections.abc import Callable
from typing import Any

from tools.bench import measure, report
from tools.bench.measure import Case, MeasurementError, Metrics, Results

_BATCH_SIZE = 32
_TARGET_ACCURACY = 0.9842  # published by the original
_MIN_ACCURACY = 0.95  # after one epoch
_FULL_EPOCH_STEPS = 1500
_MIN_LEARNING_STEPS = 500  # the loss stays flat for about 300 steps
_LAST_LOSSES = 5
_RECIPE = (f"--batch_size={_BATCH_SIZE}", "--lr=0.01", "--momentum=0.9", "--seed=3")


@dataclasses.dataclass(frozen=True)
class _Peer:
    """A row of the table.

    Attributes:
        title: first cell of the row.
        measure: measures once, given the options, the versions to fill in and an empty folder.
        on_gpu: whether the peer trains on a GPU.
    """

    title: str
    measure: Callable[[argparse.Namespace, dict[str, str], pathlib.Path], Metrics]
    on_gpu: bool = False


def _metrics(result: dict[str, Any]) -> Metrics:
    """Returns the figures of a metrics.json of //python:train or of a program in peers/.

    step_ms: median step without warm-up. epoch_ms: wall time of an epoch per step, without the
    first epoch, which compiles, if there are others. accuracy_1: accuracy after the first epoch.
    target_s: seconds of training until _TARGET_ACCURACY, without evaluation.
    """
    epochs = result["epochs"]
    losses = [entry["loss"] for entry in result["loss_curve"]]
    found = {
        "step_ms": result["timings"]["ms_per_step_median"],
        "epoch_ms": result["timings"]["ms_per_step_mean"],
        "accuracy": result["accuracy"],
        "steps": result["steps"],
        "first_loss": losses[0],
        "last_loss": statistics.median(losses[-_LAST_LOSSES:]),
    }
    if len(epochs) > 1:
        found["epoch_ms"] = statistics.median(epoch["ms_per_step"] for epoch in epochs[1:])
    if epochs:
        found["accuracy_1"] = epochs[0].get("accuracy", result["accuracy"])
    seconds = 0.0
    for epoch in epochs:
        seconds += epoch["seconds"]
        if epoch.get("accuracy", 0) >= _TARGET_ACCURACY:
            return found | {"target_s": seconds}
    return found


def _check(found: Metrics) -> None:
    """Raises MeasurementError if the network did not learn."""
    if found["steps"] >= _MIN_LEARNING_STEPS and not found["last_loss"] < found["first_loss"]:
        raise MeasurementError(
            f"the loss did not fall: from {found['first_loss']:.3f} to {found['last_loss']:.3f}"
        )
    accuracy = found.get("accuracy_1", found["accuracy"])
    if found["steps"] >= _FULL_EPOCH_STEPS and accuracy < _MIN_ACCURACY:
        raise MeasurementError(
            f"accuracy {accuracy:.2%} after one epoch: below {_MIN_ACCURACY:.0%}"
        )


def _measure(
    program: str,
    arguments: list[str],
    output: str,
    options: argparse.Namespace,
    versions: dict[str, str],
    folder: pathlib.Path,
    environment: dict[str, str] | None = None,
) -> Metrics:
    usage = measure.run(
        program,
        *arguments,
        *_RECIPE,
        folder=folder,
        environment=environment,
        timeout=options.timeout,
    )
    result = measure.read_json(folder / output)
    versions.update(result.get("versions") or {"mindspore": result["mindspore"]})
    found = _metrics(result) | usage
    _check(found)
    return found


def _ours(
    fused: bool, options: argparse.Namespace, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    arguments = [
        f"--device_target={options.device_target}",
        f"--fused_kernels={str(fused).lower()}",
        f"--epoch_size={options.epochs if fused else options.peer_epochs}",
        "--eval_each_epoch",
        "--ckpt_path=ckpt",
        "--lr_decay=none",
        f"--threads={options.threads}",
        f"--max_steps={options.max_steps}",
    ]
    found = _measure("python/train", arguments, "ckpt/metrics.json", options, versions, folder)
    if measure.read_json(folder / "ckpt/metrics.json").get("fused_kernels", False) != fused:
        raise MeasurementError(f"--fused_kernels={fused} was not obeyed")
    return found


def _torch(
    compiled: bool, options: argparse.Namespace, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    arguments = [
        "--output=result.json",
        f"--epochs={options.peer_epochs}",
        f"--threads={options.threads}",
        f"--max_steps={options.max_steps}",
        f"--device_target={options.device_target}",
        *(["--compiled"] if compiled else []),
    ]
    program = "tools/bench/peers/torch_train"
    return _measure(program, arguments, "result.json", options, versions, folder)


def _mindspore(
    isa: str, options: argparse.Namespace, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    steps = options.max_steps or (0 if isa else options.slow_steps)
    arguments = ["--output=result.json", f"--max_steps={steps}"]
    environment = {"ONEDNN_MAX_CPU_ISA": isa} if isa else None
    program = "tools/bench/peers/mindspore_train"
    return _measure(program, arguments, "result.json", options, versions, folder, environment)


_PEERS = {
    "ours": _Peer("ours", functools.partial(_ours, True), on_gpu=True),
    "unfused": _Peer("ours, `--fused_kernels=false`", functools.partial(_ours, False)),
    "torch": _Peer("PyTorch eager, data in memory", functools.partial(_torch, False), on_gpu=True),
    # On a GPU torch.compile needs Triton, which the lock leaves out.
    "torch_compiled": _Peer("PyTorch, `torch.compile`", functools.partial(_torch, True)),
    "mindspore_avx2": _Peer(
        "MindSpore, original recipe, `ONEDNN_MAX_CPU_ISA=AVX2`",
        functools.partial(_mindspore, "AVX2"),
    ),
    "mindspore": _Peer("MindSpore, original recipe", functools.partial(_mindspore, "")),
}


def _run(options: argparse.Namespace, results: Results) -> list[str]:
    cases = [
        Case(name, "training", functools.partial(_PEERS[name].measure, options, results.versions))
        for name in options.peers
    ]
    measure.run_all(cases, options.repetitions, results)
    columns = {
        "ms per step, end to end": report.spread("epoch_ms"),
        "median step, ms": report.spread("step_ms"),
        f"speed relative to {options.base}": report.ratio("epoch_ms", options.base),
        "accuracy": report.percent("accuracy"),
        "steps": report.spread("steps"),
        f"{100 * _TARGET_ACCURACY:.2f} % after, s": report.spread("target_s"),
        "whole program, s": report.spread("wall_s"),
        "peak memory, MB": report.spread("peak_mb"),
    }
    titles = {name: _PEERS[name].title for name in options.peers}
    return [
        report.table(f"training, batch {_BATCH_SIZE}", columns, results, titles),
        f"- Median (minimum–maximum) of {options.repetitions}. End to end: wall time of an epoch "
        "per step, without the first epoch, which compiles. Seconds to an accuracy include "
        "compilation, but neither start-up nor evaluation.",
        *([f"- Every peer stopped after {options.max_steps} steps."] if options.max_steps else []),
    ]


def main() -> None:
    """Runs the benchmark."""
    parser = report.parser("train", str(__doc__), list(_PEERS), "torch")
    for flag, default, text in (
        ("--epochs", 10, "epochs of `ours`"),
        ("--peer_epochs", 2, "epochs of PyTorch and `unfused`; the first one warms up"),
        ("--slow_steps", 500, "steps of `mindspore`, which takes minutes per epoch; 0: one epoch"),
        ("--max_steps", 0, "steps of every peer, for a quick look; 0: no limit"),
    ):
        parser.add_argument(
            flag,
            type=report.at_least(1 if "epochs" in flag else 0),
            default=default,
            metavar="N",
            help=f"{text} (default: {default})",
        )
    parser.add_argument(
        "--device_target",
        choices=("CPU", "GPU"),
        default="CPU",
        help="device to train on; GPU: only the peers that can use one (default: CPU)",
    )
    options = parser.parse_args()
    if options.device_target == "GPU":
        options.peers = [name for name in options.peers if _PEERS[name].on_gpu]
    if not options.peers:
        parser.error("none of the --peers trains on a GPU")
    report.run(options, ("ours", "unfused"), _run)


if __name__ == "__main__":
    main()
