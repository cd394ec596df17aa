"""The cases of the benchmark of inference."""

import array
import dataclasses
import functools
import pathlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tools.bench import process
from tools.bench.schedule import Case, CheckError, Metrics

IMAGES = 10000
CLASSES = 10
BATCH_SIZE = 1000
BATCH_THREADS = 2

_IMAGES = "../mnist/Data/test/t10k-images.idx3-ubyte"
_LABELS = "../mnist/Data/test/t10k-labels.idx1-ubyte"
_LABELS_HEADER = 8  # bytes
_LEAST_ACCURACY = 0.95
_MOST_DIFFERENT = 10  # images of another class than the reference
_RESULT = re.compile(r"test_(\d+)_\d+\.bin")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the cases share.

    Attributes:
        jpeg: folder with the test set as JPEG files.
        limit: images for infer310, for a quick look; 0 for all.
        threads: of infer310 end to end.
        timeout: seconds for one run.
    """

    jpeg: pathlib.Path
    limit: int
    threads: int
    timeout: float


# Measures once; versions of packages are added to the dictionary, the folder is empty.
Measure = Callable[[Settings, dict[str, str], pathlib.Path], Metrics]


@dataclasses.dataclass(frozen=True)
class Peer:
    """A row of the table.

    Attributes:
        name: for flags.
        title: for the table.
        cases: {name: measures it once}.
    """

    name: str
    title: str
    cases: dict[str, Measure]


@dataclasses.dataclass(frozen=True)
class Engine:
    """How an engine is measured beside the others.

    Attributes:
        program: in peers/.
        model: file for batches of one.
        batch_model: file for batches of BATCH_SIZE.
        any_batch: the model does not fix the size of a batch, it is given by a flag.
        files: {flag: file of the build}.
        flags: {flag: value}.
    """

    program: str
    model: str
    batch_model: str
    any_batch: bool = False
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    flags: dict[str, str] = dataclasses.field(default_factory=dict)


def cases(names: Sequence[str], settings: Settings, versions: dict[str, str]) -> list[Case]:
    """The cases of the peers named, those that compare side by side; fills `versions`."""
    kinds = dict.fromkeys(kind for name in names for kind in PEERS[name].cases)
    return [
        Case(name, kind, functools.partial(PEERS[name].cases[kind], settings, versions))
        for kind in kinds
        for name in names
        if kind in PEERS[name].cases
    ]


def write_jpeg(folder: pathlib.Path, limit: int, timeout: float) -> pathlib.Path:
    """Writes the test set as JPEG files, by //python:preprocess; returns their folder."""
    target = folder / "jpeg"
    target.mkdir()
    process.run(
        "python/preprocess",
        "--output_path=images",
        "--image_format=jpg",
        f"--limit={limit}",
        folder=target,
        timeout=timeout,
    )
    return target / "images"


def reference_classes() -> bytes:
    """What MindSpore's operators answer for each image; see reference.py."""
    return pathlib.Path(process.path("tools/bench/reference_classes.bin")).read_bytes()


def compare(classes: Sequence[int], reference: Sequence[int], accuracy: float) -> Metrics:
    """How many classes are those of the reference, and the accuracy.

    Raises:
        CheckError: too few are the same, or the accuracy is too low.
    """
    expected = reference[: len(classes)]
    same = sum(a == b for a, b in zip(classes, expected, strict=True))
    if len(classes) - same > _MOST_DIFFERENT:
        raise CheckError(f"the same class as the reference on only {same} of {len(classes)} images")
    if accuracy < _LEAST_ACCURACY:
        raise CheckError(f"accuracy {accuracy:.2%}, below {_LEAST_ACCURACY:.0%}")
    return {"same": same / len(classes), "accuracy": accuracy}


def result_classes(folder: pathlib.Path) -> list[int]:
    """The classes in a result folder of infer310, by the index of the image.

    Raises:
        CheckError: a result is missing or not one.
    """
    found: dict[int, int] = {}
    for path in folder.iterdir():
        match = _RESULT.fullmatch(path.name)
        content = path.read_bytes()
        if not match or len(content) != 4 * CLASSES:
            raise CheckError(f"{path.name} is not a result of infer310")
        logits = array.array("f", content)
        if sys.byteorder == "big":
            logits.byteswap()
        found[int(match[1])] = logits.index(max(logits))
    if not found or sorted(found) != list(range(len(found))):
        raise CheckError(f"expected a result for each image, found {len(found)} with gaps")
    return [found[index] for index in range(len(found))]


def _labels() -> bytes:
    return pathlib.Path(process.path(_LABELS)).read_bytes()[_LABELS_HEADER:]


def _side_by_side(
    peer: Engine,
    batch_size: int,
    threads: int,
    settings: Settings,
    versions: dict[str, str],
    folder: pathlib.Path,
) -> Metrics:
    """One run of a program in peers/."""
    model = peer.model if batch_size == 1 else peer.batch_model
    batch = [f"--batch_size={batch_size}"] if peer.any_batch else []
    finished = process.run(
        f"tools/bench/peers/{peer.program}",
        "--output=result.json",
        f"--model={process.path(model)}",
        f"--threads={threads}",
        *batch,
        *(f"--{flag}={process.path(file)}" for flag, file in peer.files.items()),
        *(f"--{flag}={value}" for flag, value in peer.flags.items()),
        folder=folder,
        timeout=settings.timeout,
    )
    result = process.result(folder / "result.json")
    versions.update(result["versions"])
    classes = result["classes"]
    right = sum(a == b for a, b in zip(classes, _labels(), strict=True))
    checked = compare(classes, reference_classes(), right / len(classes))
    if batch_size > 1:
        return {"batches_ms": result["total_ms"]} | checked
    times = {"p50_us": result["p50_us"], "p99_us": result["p99_us"]}
    return times | checked | {"peak_mb": finished.peak_mb}


def _infer310(
    engine: str, settings: Settings, folder: pathlib.Path, *arguments: str
) -> tuple[process.Finished, dict[str, Any]]:
    """One run of infer310 and its report.json."""
    finished = process.run(
        "cc/infer310",
        "--device_target=CPU",
        f"--engine={engine}",
        "--result_path=result_Files",
        *arguments,
        folder=folder,
        timeout=settings.timeout,
    )
    result = process.result(folder / "report.json")
    if result["engine"] != engine:
        raise CheckError(f"asked for engine {engine}, it ran with {result['engine']}")
    return finished, result


def _end_to_end(
    engine: str, kind: str, settings: Settings, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    images = [f"--dataset_path={settings.jpeg}"] if kind == "jpeg" else []
    finished, result = _infer310(
        engine,
        settings,
        folder,
        f"--threads={settings.threads}",
        f"--limit={settings.limit}",
        *images,
    )
    classes = result_classes(folder / "result_Files")
    compare(classes, reference_classes(), result["accuracy"])
    return {f"{kind}_s": finished.seconds, f"{kind}_peak_mb": finished.peak_mb}


def _first(
    engine: str, settings: Settings, versions: dict[str, str], folder: pathlib.Path
) -> Metrics:
    finished, _ = _infer310(engine, settings, folder, "--limit=1")
    return {"first_ms": finished.seconds * 1e3, "first_peak_mb": finished.peak_mb}


def _cases(peer: Engine) -> dict[str, Measure]:
    found: dict[str, Measure] = {
        "one by one": functools.partial(_side_by_side, peer, 1, 1),
        "batches": functools.partial(_side_by_side, peer, BATCH_SIZE, BATCH_THREADS),
    }
    if peer.program == "engine_infer":
        engine = peer.flags["engine"]
        found |= {
            "JPEG files": functools.partial(_end_to_end, engine, "jpeg"),
            "IDX file": functools.partial(_end_to_end, engine, "idx"),
            "first result": functools.partial(_first, engine),
        }
    return found


def _own_engine(name: str) -> Engine:
    return Engine(
        program="engine_infer",
        model="python/lenet.mindir",
        batch_model="tools/bench/lenet_batch.mindir",
        files={
            "images": _IMAGES,
            "lite_plugin": "cc/engine/infer310_lite.so",
        },
        flags={"engine": name},
    )


_ONNXRUNTIME = Engine(
    program="onnxruntime_infer",
    model="python/lenet.onnx",
    batch_model="tools/bench/lenet_batch.onnx",
)
_TORCH = Engine(
    program="torch_infer",
    model="tools/bench/reference_parameters.npz",
    batch_model="tools/bench/reference_parameters.npz",
    any_batch=True,
)

PEERS = {
    peer.name: peer
    for peer in (
        Peer("native", "ours, engine native", _cases(_own_engine("native"))),
        Peer("lite", "MindSpore Lite 2.0 (engine lite)", _cases(_own_engine("lite"))),
        Peer("onnxruntime", "onnxruntime", _cases(_ONNXRUNTIME)),
        Peer("torch", "PyTorch eager", _cases(_TORCH)),
    )
}
