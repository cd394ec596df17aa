"""Times the trained LeNet-5 on this CPU, by this project's engines and by their peers.

Same parameters and the same 10,000 test images for all, each measurement in a process of its own,
in alternating order. Checked: the same class as MindSpore's own operators on at least 9,990
images. Also times infer310 as a user runs it, from JPEG files and from the IDX file.
"""

import argparse
import pathlib

from tools.bench import cli, inference, inference_report, machine, schedule
from tools.bench.report import Report

_OURS = ("native", "lite")


def main() -> None:
    parser = cli.parser("infer", __doc__, list(inference.PEERS), "onnxruntime")
    parser.add_argument(
        "--limit",
        type=cli.at_least(0),
        default=0,
        metavar="N",
        help="images for infer310, for a quick look; 0: all",
    )
    cli.run(parser.parse_args(), _OURS, _work)


def _work(options: argparse.Namespace, folder: pathlib.Path, command: str) -> Report:
    facts = machine.facts() | {"threads": str(options.threads)}
    jpeg = folder
    if set(_OURS) & set(options.peers):
        schedule.say("writing the test set as JPEG files …")
        jpeg = inference.write_jpeg(folder, options.limit, options.timeout)
    settings = inference.Settings(
        jpeg=jpeg, limit=options.limit, threads=options.threads, timeout=options.timeout
    )
    versions: dict[str, str] = {}
    results = schedule.run(inference.cases(options.peers, settings, versions), options.repetitions)
    return Report(
        name="infer",
        command=command,
        machine=facts,
        versions=versions,
        results=results,
        sections=[
            inference_report.table(results, options.peers, options.base),
            inference_report.program_table(
                results, [name for name in options.peers if name in _OURS]
            ),
        ],
        goals=inference_report.wanted(results),
        notes=inference_report.notes(options),
    )


if __name__ == "__main__":
    main()
