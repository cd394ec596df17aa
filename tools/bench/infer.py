"""Times the trained LeNet-5 on this CPU, by this project's engines and by their peers.

All peers use the same parameters and the same 10,000 test images. Each measurement is a process of
its own, in alternating order. At least 9,990 images must get the class that MindSpore's own
operators give. infer310 is also timed as a user runs it, from JPEG files and from the IDX file.
"""

import argparse
import csv
import dataclasses
import functools
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from tools.bench import measure, report
from tools.bench.measure import Case, MeasurementError, Metrics, Results

_BATCH_SIZE = 1000
_BATCH_THREADS = 2
_LABELS_HEADER_BYTES = 8
_MIN_ACCURACY = 0.95
_MAX_DIFFERENT = 10  # images

Measure = Callable[[argparse.Namespace, dict[str, str], pathlib.Path], Metrics]


@dataclasses.dataclass(frozen=True)
class _Engine:
    """A row of the table.

    Attributes:
        title: first cell of the row.
        program: program in peers/.
        model: model file for batches of one.
        batch_model: model file for batches of _BATCH_SIZE.
        arguments: further arguments; "{batch}" is replaced by the batch size.
        own: name of the engine in infer310, or "".
    """

    title: str
    program: str
    model: str
    batch_model: str
    arguments: tuple[str, ...] = ()
    own: str = ""


def _own_engine(name: str, title: str) -> _Engine:
    model = ("python/lenet.mindir", "tools/bench/lenet_batch.mindir")
    return _Engine(title, "engine_infer", *model, (f"--engine={name}",), own=name)


_PARAMETERS = "tools/bench/reference_parameters.npz"
_PEERS = {
    "native": _own_engine("native", "ours, engine native"),
    "lite": _own_engine("lite", "MindSpore Lite 2.0 (engine lite)"),
    "onnxruntime": _Engine(
        "onnxruntime", "onnxruntime_infer", "python/lenet.onnx", "tools/bench/lenet_batch.onnx"
    ),
    "torch": _Engine(
        "PyTorch eager", "torch_infer", _PARAMETERS, _PARAMETERS, ("--batch_size={batch}",)
    ),
}


def _check(classes: Sequence[int], accuracy: float) -> Metrics:
    """Compares classes with those of MindSpore's operators, image by image.

    Raises:
        MeasurementError: too many differ, or the accuracy is too low.
    """
    reference = measure.find("tools/bench/reference_classes.bin").read_bytes()[: len(classes)]
    same = sum(a == b for a, b in zip(classes, reference, strict=True))
    if len(classes) - same > _MAX_DIFFERENT:
        raise MeasurementError(f"only {same} of {len(classes)} classes equal the reference's")
    if accuracy < _MIN_ACCURACY:
        raise MeasurementError(f"accuracy {accuracy:.2%}: below {_MIN_ACCURACY:.0%}")
    return {"same": same / len(classes), "accuracy": accuracy}


def _side_by_side(
    engine: _Engine,
    batch: int,
    options: argparse.Namespace,
    versions: dict[str, str],
    folder: pathlib.Path,
) -> Metrics:
    """Times the calls of an engine over prepared images in memory."""
    own_files = [
        f"--images={measure.find('Data/test/t10k-images.idx3-ubyte', 'mnist')}",
        f"--lite_plugin={measure.find('cc/engine/infer310_lite.so')}",
    ]
    usage = measure.run(
        f"tools/bench/peers/{engine.program}",
        "--output=result.json",
        f"--model={measure.find(engine.model if batch == 1 else engine.batch_model)}",
        f"--threads={1 if batch == 1 else _BATCH_THREADS}",
        *(argument.format(batch=batch) for argument in engine.arguments),
        *(own_files if engine.own else []),
        folder=folder,
        timeout=options.timeout,
    )
    result = measure.read_json(folder / "result.json")
    versions.update(result["versions"])
    labels = measure.find("Data/test/t10k-labels.idx1-ubyte", "mnist").read_bytes()
    right = sum(
        a == b for a, b in zip(result["classes"], labels[_LABELS_HEADER_BYTES:], strict=True)
    )
    checked = _check(result["classes"], right / len(result["classes"]))
    if batch > 1:
        return {"batches_ms": result["total_ms"]} | checked
    times = {"p50_us": result["p50_us"], "p99_us": result["p99_us"]}
    return times | checked | {"peak_mb": usage["peak_mb"]}


def _infer310(
    engine: _Engine, options: argparse.Namespace, folder: pathlib.Path, *arguments: str
) -> tuple[Metrics, dict[str, Any]]:
    """Runs infer310 and returns its wall time and peak memory, and its report.json."""
    usage = measure.run(
        "cc/infer310",
        "--device_target=CPU",
        f"--engine={engine.own}",
        "--result_path=result_Files",
        f"--threads={options.threads}",
        *arguments,
        folder=folder,
        timeout=options.timeout,
    )
    result = measure.read_json(folder / "report.json")
    if result["engine"] != engine.own:
        raise MeasurementError(f"ran engine {result['engine']} instead of {engine.own}")
    return usage, result


def _end_to_end(
    engine: _Engine,
    kind: str,
    options: argparse.Namespace,
    versions: dict[str, str],
    folder: pathlib.Path,
) -> Metrics:
    images = [f"--dataset_path={options.jpeg}"] if kind == "jpeg" else []
    usage, result = _infer310(engine, options, folder, f"--limit={options.limit}", *images)
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        classes = [int(row["digit"]) for row in csv.DictReader(file)]
    _check(classes, result["accuracy"])
    return {f"{kind}_s": usage["wall_s"], f"{kind}_peak_mb": usage["peak_mb"]}


def _first_result(
    engine: _Engine, options: argparse.Namespace, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    usage, _ = _infer310(engine, options, folder, "--limit=1")
    return {"first_ms": usage["wall_s"] * 1e3}


def _cases(engine: _Engine) -> dict[str, Measure]:
    found: dict[str, Measure] = {
        "one by one": functools.partial(_side_by_side, engine, 1),
        "batches": functools.partial(_side_by_side, engine, _BATCH_SIZE),
    }
    if engine.own:
        found["JPEG files"] = functools.partial(_end_to_end, engine, "jpeg")
        found["IDX file"] = functools.partial(_end_to_end, engine, "idx")
        found["first result"] = functools.partial(_first_result, engine)
    return found


def _run(options: argparse.Namespace, results: Results) -> list[str]:
    own = [name for name in options.peers if _PEERS[name].own]
    by_peer = {name: _cases(_PEERS[name]) for name in options.peers}
    kinds = dict.fromkeys(kind for found in by_peer.values() for kind in found)
    cases = [
        Case(name, kind, functools.partial(by_peer[name][kind], options, results.versions))
        for kind in kinds
        for name in options.peers
        if kind in by_peer[name]
    ]
    with tempfile.TemporaryDirectory(prefix="lenet_bench_") as folder:
        options.jpeg = pathlib.Path(folder) / "jpeg"
        if own:
            measure.say("writing the test set as JPEG files …")
            measure.run(
                "python/preprocess",
                f"--output_path={options.jpeg}",
                "--image_format=jpg",
                f"--limit={options.limit}",
                folder=pathlib.Path(folder),
                timeout=options.timeout,
            )
        measure.run_all(cases, options.repetitions, results)
    batches = f"10,000 images, batches of {_BATCH_SIZE}, {_BATCH_THREADS} threads"
    side_by_side = {
        "batch 1, 1 thread: p50, µs": report.spread("p50_us"),
        "p99, µs": report.spread("p99_us"),
        f"speed relative to {options.base}": report.ratio("p50_us", options.base),
        f"{batches}: ms": report.spread("batches_ms"),
        f"{batches}: speed relative to {options.base}": report.ratio("batches_ms", options.base),
        "same class as MindSpore": report.percent("same"),
        "accuracy": report.percent("accuracy"),
        "peak memory, MB": report.spread("peak_mb"),
    }
    program = {
        "10,000 JPEG files, s": report.spread("jpeg_s"),
        "IDX file of 10,000, s": report.spread("idx_s"),
        "its peak memory, MB": report.spread("idx_peak_mb"),
        "start to first result, ms": report.spread("first_ms"),
    }
    titles = {name: _PEERS[name].title for name in options.peers}
    own_titles = {name: f"engine {name}" for name in own}
    return [
        report.table("inference", side_by_side, results, titles),
        report.table("infer310, start to end", program, results, own_titles),
        f"- Median (minimum–maximum) of {options.repetitions}. p50 and p99 refer to the calls "
        "within a run. Engines side by side: images are prepared in memory, 200 calls warm up; "
        "PyTorch and onnxruntime are called from Python, our engines from C++.",
        *([f"- infer310 ran {options.limit} images."] if options.limit else []),
    ]


def main() -> None:
    """Runs the benchmark."""
    parser = report.parser("infer", str(__doc__), list(_PEERS), "onnxruntime")
    parser.add_argument(
        "--limit",
        type=report.at_least(0),
        default=0,
        metavar="N",
        help="images for infer310, for a quick look; 0: all (default: 0)",
    )
    report.run(parser.parse_args(), [name for name in _PEERS if _PEERS[name].own], _run)


if __name__ == "__main__":
    main()
