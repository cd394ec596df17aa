"""Evaluates a checkpoint of LeNet-5 on all images of the test set.

Prints the accuracy and a table of classes. --report=<folder> also writes the confusion matrix as a
picture and all numbers as JSON.
"""

from lenet import cli
from lenet.cloud import modelarts
from lenet.evaluation.run import run_evaluation
from lenet.options.programs import EvalOptions


def main() -> None:
    """Runs the program with the command line."""
    cli.run(EvalOptions, modelarts.evaluation(run_evaluation))


if __name__ == "__main__":
    main()
