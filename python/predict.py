"""Tells the digit in pictures: PNG, JPEG or BMP, of any size and colours, or folders of them.

Ink may be darker or lighter than the paper. Pictures that cannot be used are told, the others are
done, and the exit code is 2.
"""

from lenet import cli
from lenet.options.programs import PredictOptions
from lenet.prediction import predict

if __name__ == "__main__":
    cli.run(PredictOptions, predict.predict, arguments="PICTURE_OR_FOLDER...")
