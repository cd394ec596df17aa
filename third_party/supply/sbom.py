"""Writes a bill of materials (CycloneDX JSON) with licences: sbom.py OUTPUT NOTICE LOCK..."""

import json
import pathlib
import runpy
import sys

from third_party.supply import notice


def main() -> None:
    """Runs cyclonedx-py on all locks and adds the licences that NOTICE has."""
    output, notice_file, *locks = map(pathlib.Path, sys.argv[1:])
    merged = output.with_suffix(".txt")
    merged.write_text("\n".join(path.read_text("utf-8") for path in locks), "utf-8")
    options = ["--output-reproducible", "--spec-version=1.6", f"--output-file={output}"]
    sys.argv = ["cyclonedx-py", "requirements", *options, str(merged)]
    try:
        runpy.run_module("cyclonedx_py", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    bill = json.loads(output.read_text("utf-8"))
    licences = notice.licences(notice_file.read_text("utf-8"))
    for component in bill["components"]:
        component["licenses"] = [{"expression": licences[component["name"]]}]
    output.write_text(json.dumps(bill, indent=1), "utf-8")


if __name__ == "__main__":
    main()
