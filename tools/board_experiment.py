"""One experiment for board_check.sh, in a process of its own, since it may take AscendCL down.

Usage: board_experiment NAME [ARGUMENT...]; the names are in lenet.board.experiments, besides
`compare EXPECTED FOUND CLASSES LOGITS` and `pictures FOLDER gray|colour|large COUNT`. The last line
is "ok: ...", "differs: ..." or "not run: ...", with exit code 0, 1 or 77.
"""

import sys

from lenet.board import acl, experiments, results

_OTHERS = {"compare": results.compare, "pictures": results.pictures}
_NOT_RUN = 77


def main(name: str, *arguments: str) -> int:
    work = (experiments.EXPERIMENTS | _OTHERS)[name]
    try:
        # The first argument of an experiment that has one is the number of the device.
        values = [int(value) if value.isdigit() else value for value in arguments[:1]]
        print("ok:", work(*values, *arguments[1:]), flush=True)
    except experiments.DiffersError as error:
        print("differs:", error, flush=True)
        return 1
    except acl.CallError as error:
        print("differs: a call that is no part of the experiment:", error, flush=True)
        return 1
    except acl.NotHereError as error:
        print("not run:", error)
        return _NOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
