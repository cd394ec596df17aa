"""Exports a checkpoint to MindIR (also in the form MindSpore Lite 2.0 reads), ONNX or AIR.

What was written is run on a few test images and compared with the checkpoint. With MINDIR there
are two files: <file_name>.mindir and, for MindSpore Lite 2.0, <file_name>_lite.mindir.
"""

from lenet import cli
from lenet.cloud import modelarts
from lenet.exporting import export
from lenet.options.programs import ExportOptions

if __name__ == "__main__":
    cli.run(ExportOptions, modelarts.export(export.export))
