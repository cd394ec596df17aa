"""Evaluates a checkpoint on the whole test set."""

import io
import json

import numpy as np
from absl import logging

from lenet import devices, files, kernels, memory, metrics
from lenet.data import idx, transform
from lenet.metrics import Evaluation
from lenet.model import checkpoint
from lenet.options import flags
from lenet.options.programs import EvalOptions


def run_evaluation(options: EvalOptions) -> Evaluation:
    """Prints the accuracy of a checkpoint and a table of classes; writes the report if requested.

    Raises:
        UserError: invalid data, checkpoint or report folder.
        DeviceUnavailableError, DeviceFailedError: see lenet.devices.
    """
    path = checkpoint.newest(options.ckpt_file or options.ckpt_path)
    test = idx.read_split(options.data_path, "test")
    memory.require(
        "--batch_size, --image_height and --image_width",
        (5 * len(test) + 40 * min(options.batch_size, len(test)))
        * options.image_height
        * options.image_width,
    )
    if options.ckpt_file:
        flags.report_unused(options, {"ckpt_path": "with --ckpt_file"})
    report = files.make_folder("report", options.report) if options.report else None
    device = devices.resolve(options.device_target, options.device_id)
    devices.set_context(device, options.device_id)

    from lenet.model import lenet5

    fused = options.fused_kernels and device == "CPU"
    if device == "CPU":
        kernels.report_missing()
    net = lenet5.build(options.image_height, options.image_width, fused)
    checkpoint.load_into(net, path)
    logging.info("evaluating %s on %d images", path, len(test))
    images = transform.prepare(test.images, options.image_height, options.image_width)
    with devices.failures_reported(device):
        logits = lenet5.predict_logits(net, images, options.batch_size)
    result = metrics.evaluate(logits, test.labels)
    print(f"Accuracy: {{{metrics.accuracy_line(result.accuracy)}}}")
    print(f"\n{result.table()}")
    if report:
        entries = {"checkpoint": str(path), "data_sha256": test.sha256(), **result.as_dict()}
        text = json.dumps(entries, indent=1) + "\n"
        image = report / "confusion_matrix.png"
        files.write_all({report / "report.json": text, image: _draw(result)})
        print(f"\nReport: {report / 'report.json'} and {image}")
    return result


def _draw(result: Evaluation) -> bytes:
    """Returns a PNG of the confusion matrix on a logarithmic scale, which shows the few errors."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 6.4), layout="constrained")
    intensity = np.log1p(result.confusion)
    axes.imshow(intensity, cmap="Blues")
    for (row, column), count in np.ndenumerate(result.confusion):
        color = "white" if intensity[row, column] > intensity.max() / 2 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=8)
    axes.set_xticks(range(idx.NUM_CLASSES))
    axes.set_yticks(range(idx.NUM_CLASSES))
    axes.set_xlabel("prediction")
    axes.set_ylabel("label")
    axes.set_title(f"{result.correct} of {result.total} correct ({result.accuracy:.2%})")
    content = io.BytesIO()
    figure.savefig(content, dpi=120, format="png", metadata={"Software": None})
    plt.close(figure)
    return content.getvalue()
