"""Writes the MNIST test images as JPEG, PNG or tensor files, the input of infer310.

Writes test_{index}_{label}.{jpg,png,bin} and manifest.csv (file,label). Images are resized to the
input of the network. An interrupted run is continued.
"""

from lenet import cli
from lenet.options.programs import PreprocessOptions
from lenet.preprocessing.run import run_preprocessing


def main() -> None:
    """Runs the program with the command line."""
    cli.run(PreprocessOptions, run_preprocessing)


if __name__ == "__main__":
    main()
