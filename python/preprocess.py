"""Writes the MNIST test images as JPEG, PNG or tensor files, the input of infer310.

The folder gets test_{index}_{label}.{jpg,png,bin} and manifest.csv (file,label). Images have the
size of the network's input already. A run that was interrupted goes on where it stopped.
"""

from lenet import cli
from lenet.options.programs import PreprocessOptions
from lenet.preprocessing import preprocess

if __name__ == "__main__":
    cli.run(PreprocessOptions, preprocess.preprocess)
