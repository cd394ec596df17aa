"""Writes a model file of the simulator of AscendCL, in place of ATC."""

import argparse
import pathlib

from lenet.simom import aipp, writer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mindir", type=pathlib.Path, required=True, help="of batch 1")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--aipp", type=pathlib.Path, help="AIPP configuration; none: float input")
    parser.add_argument("--gears", default="", help="batch sizes, as 1,8,16; none: batch 1")
    options = parser.parse_args()
    settings = aipp.options(options.aipp.read_text()) if options.aipp else {}
    gears = [int(gear) for gear in options.gears.split(",") if gear]
    options.output.write_bytes(writer.encode(options.mindir.read_bytes(), gears=gears, **settings))


if __name__ == "__main__":
    main()
