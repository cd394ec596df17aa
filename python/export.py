"""Exports a checkpoint to MindIR, ONNX or AIR, and verifies the result on a few images.

MINDIR writes two files: <file_name>.mindir and, for MindSpore Lite 2.0, <file_name>_lite.mindir.
"""

from lenet import cli
from lenet.cloud import modelarts
from lenet.exporting.run import run_export
from lenet.options.programs import ExportOptions


def main() -> None:
    """Runs the program with the command line."""
    cli.run(ExportOptions, modelarts.export(run_export))


if __name__ == "__main__":
    main()
