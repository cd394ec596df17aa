"""Converts an exported LeNet-5 to an OM for an Ascend 310, with ATC of CANN.

Writes a manifest <output>.json with hashes and the chip, which infer310 checks. If CANN is not
installed, the program prints the command for a machine that has it and exits with code 3. No card
is required.
"""

import pathlib
import sys

sys.path.append(f"{pathlib.Path(__file__).resolve().parents[1]}/python")  # if run by its path

# ruff: noqa: E402
from lenet import cli
from lenet.conversion.om import convert_to_om
from lenet.options.programs import ToOmOptions


def main() -> None:
    """Runs the program with the command line."""
    cli.run(ToOmOptions, convert_to_om)


if __name__ == "__main__":
    main()
