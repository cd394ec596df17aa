"""Computes the accuracy of the results that infer310 wrote."""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np

from lenet import files, metrics
from lenet.errors import UserError
from lenet.options import flags
from lenet.options.programs import PostprocessOptions
from lenet.postprocessing import inputs
from lenet.report import charts, page


def run_postprocessing(options: PostprocessOptions) -> None:
    """Prints the accuracy and a table of classes; writes acc.log and report.json.

    Other entries of an existing report.json, such as infer310's, are kept.

    Raises:
        UserError: invalid labels or results (lenet.postprocessing.inputs); an output folder that
            cannot be created, or a report.json there that is not a JSON object; missing results,
            after the accuracy of the others.
    """
    if options.dataset_path:
        flags.report_unused(options, {"data_path": "with --dataset_path"})
    expected = inputs.expected_labels(options.dataset_path, options.data_path)
    logits, missing = inputs.read_results(options.result_path, expected)
    absent = set(missing)
    labels = [label for image, label in expected.items() if image not in absent]
    result = metrics.evaluate(logits, np.array(labels))
    line = metrics.accuracy_line(result.accuracy)
    folder = files.make_folder("output_path", options.output_path)
    report = _read_report(folder / "report.json") | result.as_dict()
    text = files.json_text(report) + "\n"
    files.write_all({folder / "acc.log": line + "\n", folder / "report.json": text})
    print(f"Accuracy: {{{line}}}")
    print(f"\n{result.table()}")
    if options.report:
        print(f"\nReport: {_write_page(folder, options, expected, absent, logits)}")
    inputs.raise_if_missing(options.result_path, missing, len(expected))


def _write_page(
    folder: pathlib.Path,
    options: PostprocessOptions,
    expected: dict[str, int],
    absent: set[str],
    logits: np.ndarray,
) -> pathlib.Path:
    names = [image for image in expected if image not in absent]
    labels = np.array([expected[name] for name in names])
    shown = charts.most_confident_mistakes(labels, logits)
    pictures = inputs.read_pictures(
        options.dataset_path, options.data_path, [names[index] for index in shown]
    )
    content = page.Report(
        title="LeNet-5, results of infer310",
        images=dict(zip(shown, pictures, strict=True)),
        labels=labels,
        logits=logits,
        figures={},
        tables={"Options": dataclasses.asdict(options)},
    )
    return page.write(folder, content, metrics.evaluate(logits, labels))


def _read_report(path: pathlib.Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {path} ({error}); expected JSON; move it away") from error
    if not isinstance(report, dict):
        raise UserError(f"{path}: expected a JSON object, found another value; move it away")
    return report
