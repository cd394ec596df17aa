"""Classifies the digits in pictures of any format, size and color, or in folders of them.

Ink may be darker or lighter than the paper. Digits side by side are read from left to right.
Unusable pictures are reported and skipped; the exit code is then 2, and also if an answer is not
certain.
"""

from lenet import cli
from lenet.options.programs import PredictOptions
from lenet.prediction.run import run_prediction


def main() -> None:
    """Runs the program with the command line."""
    cli.run(PredictOptions, run_prediction, arguments="PICTURE_OR_FOLDER...")


if __name__ == "__main__":
    main()
