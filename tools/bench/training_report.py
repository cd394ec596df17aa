"""The report of the benchmark of training: table, goals, notes."""

import argparse

from tools.bench import goals, report, tables, training
from tools.bench.goals import Goal
from tools.bench.schedule import Results

EPOCHS_OF_GOAL = 10


def table(results: Results, peers: list[str], base: str) -> str:
    """Markdown: a row for each peer."""
    header = [
        f"training, batch {training.BATCH_SIZE}",
        "ms a step, end to end",
        "median step, ms",
        f"times as fast as {base}",
        "accuracy (steps)",
        f"{training.TARGET_ACCURACY:.2%} after, s".replace("%", " %"),
        "peak memory, MB",
    ]
    base_ms = report.summary(results, base, "epoch_ms")
    rows = []
    for name in peers:
        title = training.PEERS[name].title
        found = {
            metric: report.summary(results, name, metric)
            for metric in ("epoch_ms", "step_ms", "accuracy", "steps", "target_s", "peak_mb")
        }
        if found["epoch_ms"] is None:
            rows.append([title, tables.FAILED, *[tables.MISSING] * 5])
            continue
        rows.append(
            [
                title,
                tables.spread(found["epoch_ms"]),
                tables.spread(found["step_ms"]),
                tables.ratio(base_ms, found["epoch_ms"]),
                f"{tables.percent(found['accuracy'])} ({found['steps'].median:.0f})",
                tables.spread(found["target_s"]),
                tables.spread(found["peak_mb"]),
            ]
        )
    return tables.table(header, rows)


def wanted(results: Results, epochs: int) -> list[Goal]:
    """The goals, with what was measured."""

    def median(peer: str, metric: str) -> float | None:
        found = report.summary(results, peer, metric)
        return None if found is None else found.median

    def faster_than(peer: str) -> float | None:
        ours, other = median("ours", "epoch_ms"), median(peer, "epoch_ms")
        return other / ours if ours and other else None

    step = median("ours", "epoch_ms")
    ten = epochs == EPOCHS_OF_GOAL
    return [
        Goal("training end to end, ms a step", 0.85, step),
        Goal("an epoch of 1,875 steps, s", 1.6, step and step * 1.875),
        Goal(
            "times as fast as PyTorch eager",
            4,
            faster_than("torch"),
            at_least=True,
            shown=goals.times,
        ),
        Goal(
            "times as fast as the original's recipe",
            100,
            faster_than("mindspore"),
            at_least=True,
            shown=goals.times,
        ),
        Goal("98.42 % test accuracy after, s", 5, median("ours", "target_s")),
        Goal("ten epochs with evaluation, s", 20, median("ours", "wall_s") if ten else None),
        Goal(
            "accuracy after ten epochs",
            0.989,
            median("ours", "accuracy") if ten else None,
            at_least=True,
            shown=goals.share,
        ),
        Goal("peak memory of training, MB", 1200, median("ours", "peak_mb")),
        Goal("evaluation of 10,000 images, s", 0.15, median("ours", "evaluation_s")),
    ]


def notes(options: argparse.Namespace) -> list[str]:
    """What a reader must know beside the table."""
    lines = [
        f"Median (least–greatest) of {options.repetitions}, each in a process of its own, in "
        "alternating order. End to end: the wall time of an epoch over its steps, without the "
        "first epoch, which compiles; where only one was run, the mean of its warm steps.",
        "The seconds to an accuracy hold compilation, but neither start-up nor evaluation; ten "
        "epochs with evaluation is the wall time of the whole program.",
    ]
    if "mindspore" in options.peers and options.slow_steps and not options.max_steps:
        lines.append(
            f"MindSpore with the original recipe was stopped after {options.slow_steps} steps."
        )
    if options.max_steps:
        lines.append(f"Quick look: everyone was stopped after {options.max_steps} steps.")
    return lines
