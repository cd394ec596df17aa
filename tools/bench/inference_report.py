"""The report of the benchmark of inference: tables, goals, notes."""

import argparse

from tools.bench import goals, inference, report, tables
from tools.bench.goals import Goal
from tools.bench.schedule import Results


def table(results: Results, peers: list[str], base: str) -> str:
    """Markdown: the engines side by side."""
    metrics = ("p50_us", "p99_us", "batches_ms", "same", "accuracy", "peak_mb")
    of_base = {metric: report.summary(results, base, metric) for metric in metrics}
    rows = []
    for name in peers:
        found = {metric: report.summary(results, name, metric) for metric in metrics}
        rows.append(
            [
                inference.PEERS[name].title,
                _failed(results, name, "one by one") or tables.spread(found["p50_us"]),
                tables.spread(found["p99_us"]),
                tables.ratio(of_base["p50_us"], found["p50_us"]),
                _failed(results, name, "batches") or tables.spread(found["batches_ms"]),
                tables.ratio(of_base["batches_ms"], found["batches_ms"]),
                tables.percent(found["same"]),
                tables.percent(found["accuracy"]),
                tables.spread(found["peak_mb"]),
            ]
        )
    header = [
        "inference",
        "batch 1, 1 thread: p50, µs",
        "p99, µs",
        f"times as fast as {base}",
        f"10,000 images, batches of {inference.BATCH_SIZE}, {inference.BATCH_THREADS} threads: ms",
        f"times as fast as {base}",
        "same class as MindSpore",
        "accuracy",
        "peak memory, MB",
    ]
    return tables.table(header, rows)


def program_table(results: Results, peers: list[str]) -> str:
    """Markdown: infer310 from its start to its end."""
    rows = []
    for name in peers:
        found = {
            metric: report.summary(results, name, metric)
            for metric in ("jpeg_s", "idx_s", "idx_peak_mb", "first_ms")
        }
        rows.append(
            [
                f"engine {name}",
                _failed(results, name, "JPEG files") or tables.spread(found["jpeg_s"]),
                _failed(results, name, "IDX file") or tables.spread(found["idx_s"]),
                tables.spread(found["idx_peak_mb"]),
                _failed(results, name, "first result") or tables.spread(found["first_ms"]),
            ]
        )
    if not rows:
        return ""
    header = [
        "infer310, start to end",
        "10,000 JPEG files, s",
        "IDX file of 10,000, s",
        "its peak memory, MB",
        "start to first result, ms",
    ]
    return tables.table(header, rows)


def wanted(results: Results) -> list[Goal]:
    """The goals, with what was measured."""

    def median(metric: str) -> float | None:
        found = report.summary(results, "native", metric)
        return None if found is None else found.median

    return [
        Goal("batch 1, one thread: p50, µs", 10, median("p50_us")),
        Goal("10,000 images in batches on two threads, ms", 60, median("batches_ms")),
        Goal("infer310 from 10,000 JPEG files, s", 1.0, median("jpeg_s")),
        Goal("infer310 from the IDX file, s", 0.2, median("idx_s")),
        Goal("start to first result, ms", 30, median("first_ms")),
        Goal("peak memory, one image at a time, MB", 40, median("idx_peak_mb")),
        Goal(
            "same class as MindSpore, of all images",
            1.0,
            median("same"),
            at_least=True,
            shown=goals.share,
        ),
    ]


def notes(options: argparse.Namespace) -> list[str]:
    """What a reader must know beside the table."""
    lines = [
        f"Median (least–greatest) of {options.repetitions}, each in a process of its own, in "
        "alternating order. p50 and p99 are of the calls within a run.",
        "Engines side by side: all images are prepared in memory, 200 calls warm up, each call is "
        "timed; PyTorch and onnxruntime from Python, ours from C++.",
    ]
    if options.limit:
        lines.append(f"Quick look: infer310 ran {options.limit} images.")
    return lines


def _failed(results: Results, name: str, case: str) -> str:
    return tables.FAILED if case in results.failures.get(name, {}) else ""
