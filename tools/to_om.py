"""Converts an exported LeNet-5 to an OM, the form in which an Ascend 310 runs it, by ATC of CANN.

Beside the OM a file <output>.json notes what it was made of and for which chip; infer310 checks
both. Without CANN here, exit code 3 comes with the command to run where there is one; no card is
needed for it.
"""

from lenet import cli
from lenet.conversion import convert
from lenet.options.programs import ToOmOptions

if __name__ == "__main__":
    cli.run(ToOmOptions, convert.convert)
