"""Evaluates a checkpoint of LeNet-5 on all images of the test set.

Prints the accuracy and a table of classes; --report=<folder> adds the confusion matrix as a
picture and everything as JSON.
"""

from lenet import cli
from lenet.cloud import modelarts
from lenet.evaluation import evaluate
from lenet.options.programs import EvalOptions


def main(options: EvalOptions) -> None:
    evaluate.evaluate(options)


if __name__ == "__main__":
    cli.run(EvalOptions, modelarts.evaluation(main))
