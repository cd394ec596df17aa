"""The accuracy of the results that infer310 wrote."""

import json
import os

import numpy as np

from lenet import files
from lenet.errors import UserError
from lenet.evaluation import metrics
from lenet.options.programs import PostprocessOptions
from lenet.postprocessing import labels, results

_LOG = "acc.log"
_REPORT = "report.json"


def postprocess(options: PostprocessOptions) -> None:
    """Prints the accuracy and a table of classes; writes acc.log and report.json.

    A report.json that is there, such as infer310's, keeps what it says about other things.

    Raises:
        UserError: see labels.expected_labels and results.read_results; an output folder that
            cannot be made, or a report.json there that is not a JSON object.
    """
    expected = labels.expected_labels(options.dataset_path, options.data_path)
    logits = results.read_results(options.result_path, expected)
    result = metrics.evaluation(logits, np.array(list(expected.values())))
    report_path = os.path.join(options.output_path, _REPORT)
    report = _read_report(report_path) | result.as_dict()
    line = metrics.accuracy_line(result.accuracy)
    try:
        os.makedirs(options.output_path or ".", exist_ok=True)
        files.write_atomically(os.path.join(options.output_path, _LOG), line + "\n")
        files.write_atomically(report_path, json.dumps(report, indent=1) + "\n")
    except OSError as error:
        raise UserError(
            f"--output_path: cannot write to {options.output_path}: {error.strerror}"
        ) from error
    print(f"Accuracy: {{{line}}}")
    print(f"\n{result.table()}")


def _read_report(path: str) -> dict[str, object]:
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); expected JSON; move it away") from error
    if not isinstance(report, dict):
        raise UserError(f"{path}: expected a JSON object, found another value; move it away")
    return report
