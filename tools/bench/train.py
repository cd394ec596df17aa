"""Times the training of LeNet-5 on MNIST by this project and by its peers, on a CPU or a GPU.

Same network, initial distributions, data (28x28 resized to 32x32), batch size, optimizer and
learning rate for all, each measurement in a process of its own, in alternating order. Checked: the
loss falls, and the accuracy on the 10,000 test images, measured outside of the time, is at least
95 % after an epoch.
"""

import argparse
import pathlib

from tools.bench import cli, machine, schedule, training, training_report
from tools.bench.report import Report

_OURS = ("ours", "unfused")


def main() -> None:
    parser = cli.parser("train", __doc__, list(training.PEERS), "torch")
    parser.add_argument(
        "--epochs",
        type=cli.at_least(1),
        default=training_report.EPOCHS_OF_GOAL,
        metavar="N",
        help="of `ours`",
    )
    parser.add_argument(
        "--peer_epochs",
        type=cli.at_least(1),
        default=2,
        metavar="N",
        help="of PyTorch and of `unfused`; the first one warms up",
    )
    parser.add_argument(
        "--slow_steps",
        type=cli.at_least(0),
        default=500,
        metavar="N",
        help="of `mindspore`, which takes minutes an epoch; 0: an epoch",
    )
    parser.add_argument(
        "--max_steps",
        type=cli.at_least(0),
        default=0,
        metavar="N",
        help="of everyone, for a quick look; 0: no limit",
    )
    parser.add_argument(
        "--device_target",
        choices=("CPU", "GPU"),
        default="CPU",
        help="GPU: of the peers, those that can; the goals are those of a CPU",
    )
    options = parser.parse_args()
    if options.device_target == "GPU":
        options.peers = [name for name in options.peers if training.PEERS[name].on_gpu]
        if not options.peers:
            parser.error("none of the --peers trains on a GPU")
    cli.run(options, _OURS, _work)


def _work(options: argparse.Namespace, folder: pathlib.Path, command: str) -> Report:
    settings = training.Settings(
        epochs=options.epochs,
        peer_epochs=options.peer_epochs,
        slow_steps=options.slow_steps,
        max_steps=options.max_steps,
        threads=options.threads,
        timeout=options.timeout,
        device_target=options.device_target,
    )
    on_cpu = options.device_target == "CPU"
    facts = machine.facts() | {"threads": str(options.threads)}
    if not on_cpu:
        facts["GPU"] = machine.gpu()
    versions: dict[str, str] = {}
    results = schedule.run(training.cases(options.peers, settings, versions), options.repetitions)
    return Report(
        name="train",
        command=command,
        machine=facts,
        versions=versions,
        results=results,
        sections=[training_report.table(results, options.peers, options.base)],
        goals=training_report.wanted(results, options.epochs) if on_cpu else [],
        notes=training_report.notes(options),
    )


if __name__ == "__main__":
    main()
