"""Evaluates a checkpoint on the whole test set."""

import dataclasses

from absl import logging

from lenet import devices, files, kernels, memory, metrics
from lenet.data import idx, transform
from lenet.metrics import Evaluation
from lenet.model import checkpoint
from lenet.options import flags
from lenet.options.programs import EvalOptions
from lenet.report import page


def run_evaluation(options: EvalOptions) -> Evaluation:
    """Prints the accuracy of a checkpoint and a table of classes; writes the report if requested.

    Raises:
        UserError: invalid data, checkpoint or report folder.
        DeviceUnavailableError, DeviceFailedError: see lenet.devices.
    """
    default = flags.default_path(options, "ckpt_path")
    path = checkpoint.newest_or_built(options.ckpt_file or options.ckpt_path, default)
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
    size = options.image_height, options.image_width
    own = size if options.fused_kernels else None
    device = devices.start(options.device_target, options.device_id, size=own)

    from lenet.model import lenet5

    on_cpu = device.name == "CPU"
    if on_cpu:
        kernels.report_missing()
    net = lenet5.build(*size, options.fused_kernels and on_cpu)
    checkpoint.load_into(net, path)
    logging.info("evaluating %s on %d images", path, len(test))
    pixels = transform.resize(test.images, *size)
    with devices.failures_reported(device):
        logits = lenet5.classify(net, pixels, device, options.batch_size)
    result = metrics.evaluate(logits, test.labels)
    print(f"Accuracy: {{{metrics.accuracy_line(result.accuracy)}}}")
    print(f"\n{result.table()}")
    if report:
        entries = {"checkpoint": str(path), "data_sha256": test.sha256(), **result.as_dict()}
        files.write_json(report / "report.json", entries)
        content = page.Report(
            title=f"LeNet-5, {path.name}",
            images=test.images,
            labels=test.labels,
            logits=logits,
            figures={"device": device.name},
            tables={"Options": dataclasses.asdict(options)},
        )
        print(f"\nReport: {page.write(report, content, result)}")
    return result
