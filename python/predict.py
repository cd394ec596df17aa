"""Classifies the digits in pictures of any format, size and color, or in folders of them.

Ink may be darker or lighter than the paper. Unusable pictures are reported and skipped; the exit
code is then 2.
"""

from lenet import cli
from lenet.options.programs import PredictOptions
from lenet.prediction.run import run_prediction

if __name__ == "__main__":
    cli.run(PredictOptions, run_prediction, arguments="PICTURE_OR_FOLDER...")
