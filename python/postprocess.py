"""Compares the results of infer310 with the labels and prints the accuracy.

Writes acc.log (one line, 'Accuracy':0.9843) and report.json (accuracy, counts, classes).
"""

from lenet import cli
from lenet.options.programs import PostprocessOptions
from lenet.postprocessing.run import run_postprocessing


def main() -> None:
    """Runs the program with the command line."""
    cli.run(PostprocessOptions, run_postprocessing)


if __name__ == "__main__":
    main()
