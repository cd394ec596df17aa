"""Writes the bill of materials or NOTICE from the lists of what is fetched.

Inputs are named by what they are: --pypi requirements=requirements.lock. Exit code 2: an input is
not as expected, or a licence is not known.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from third_party.supply import components, licences, locks, notice_text, sbom_document

_READERS = {"pypi": components.python, "npm": components.npm, "deb": components.debian}


def _read(path: str) -> str:
    return pathlib.Path(path).read_text(encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    for kind in _READERS:
        parser.add_argument(f"--{kind}", action="append", default=[], metavar="GROUP=FILE")
    parser.add_argument("--licences", required=True, help="licences.txt")
    parser.add_argument("--metadata", nargs="*", default=[], help="METADATA files of wheels")
    parser.add_argument("--mnist", required=True, help="wheel_to_idx.py")
    parser.add_argument("--sbom", help="bill of materials to write")
    parser.add_argument("--notice", help="NOTICE to write")
    return parser


def _components(options: argparse.Namespace) -> list[components.Component]:
    table = licences.read_table(_read(options.licences))
    known = licences.Licences(table, (licences.read_metadata(_read(p)) for p in options.metadata))
    found = [components.mnist(_read(options.mnist), known)]
    for kind, reader in _READERS.items():
        for argument in getattr(options, kind):
            group, _, path = argument.partition("=")
            if group not in components.GROUPS:
                raise components.ComponentError(f"--{kind}={argument}: no group {group!r}")
            found += reader(_read(path), group, known)
    known.check()
    return found


def main() -> None:
    options = _parser().parse_args()
    try:
        found = _components(options)
    except (components.ComponentError, licences.LicenceError, locks.LockError) as error:
        print(f"generate: {error}", file=sys.stderr)
        sys.exit(2)
    for path, render in (
        (options.sbom, sbom_document.render),
        (options.notice, notice_text.render),
    ):
        if path:
            pathlib.Path(path).write_text(render(found), encoding="utf-8")


if __name__ == "__main__":
    main()
