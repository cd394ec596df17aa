"""Licences of components, as SPDX expressions: from a table by hand, else from wheels' metadata."""

from __future__ import annotations

import collections.abc
import dataclasses
import email.parser
import re

from third_party.supply import locks

# What metadata says in words, where that is not ambiguous ("BSD" is).
_WORDS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 3-clause": "BSD-3-Clause",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
# A licence's short name, such as "BSD-3-Clause"; "BSD" has no number and is none but for these.
_SHORT = re.compile(r"[A-Za-z]+(-[A-Za-z]+)*-[0-9][A-Za-z0-9.-]*|MIT(-CMU|-0)?|ISC|Unlicense|Zlib")
_JOINED = re.compile(r" (?:AND|OR|WITH) ")


class LicenceError(Exception):
    """The table is wrong, or a component's licence is not known."""


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Of an installed distribution."""

    name: str
    version: str
    licence: str  # empty: it says nothing that is clear


def read_metadata(text: str) -> Metadata:
    """Of a METADATA file, the fields License-Expression, License and the classifiers."""
    headers = email.parser.HeaderParser().parsestr(text)
    licence = headers["License-Expression"] or _expression(headers["License"] or "")
    classifiers = [
        _WORDS.get(line.rpartition(" :: ")[2].lower(), "")
        for line in headers.get_all("Classifier", [])
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    if not licence and len(classifiers) == 1:
        (licence,) = classifiers
    return Metadata(locks.normalized(headers["Name"]), headers["Version"], licence)


def _expression(words: str) -> str:
    """The SPDX expression for a field that is free text; empty if that is not sure."""
    words = words.strip()
    if words.lower() in _WORDS:
        return _WORDS[words.lower()]
    parts = _JOINED.split(words)
    return words if all(_SHORT.fullmatch(part) for part in parts) else ""


def read_table(text: str) -> dict[str, str]:
    """{"<type>/<name>" or "<type>/<name>@<version>": SPDX expression} of licences.txt.

    Raises:
      LicenceError: a line has no licence, or a key is there twice.
    """
    table: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        key, _, licence = line.partition("#")[0].strip().partition(" ")
        if not key:
            continue
        if not licence or key in table:
            raise LicenceError(
                f"licences.txt:{number}: {'twice' if licence else 'no licence'}: {key}"
            )
        table[key] = licence.strip()
    return table


class Licences:
    """Answers for components, and remembers what nobody asked for and what it did not know."""

    def __init__(
        self, table: dict[str, str], installed: collections.abc.Iterable[Metadata] = ()
    ) -> None:
        self._table = table
        self._installed = {metadata.name: metadata.licence for metadata in installed}
        self._used: set[str] = set()
        self._unknown: set[str] = set()

    def of(self, kind: str, name: str, version: str = "") -> str:
        """The licence of a component; empty if neither the table nor metadata has it.

        What is installed answers for other versions too: which of a lock's versions it is depends
        on the Python in use, and the answer may not.
        """
        for key in (f"{kind}/{name}@{version}", f"{kind}/{name}"):
            if key in self._table:
                self._used.add(key)
                return self._table[key]
        licence = self._installed.get(name, "") if kind == "pypi" else ""
        if not licence:
            self._unknown.add(f"{kind}/{name} {version}".strip())
        return licence

    def check(self) -> None:
        """Called when everything was asked for.

        Raises:
          LicenceError: it did not know a licence, or nobody needed a line of the table.
        """
        if self._unknown:
            raise LicenceError(
                "add licences to third_party/supply/licences.txt: "
                + ", ".join(sorted(self._unknown))
            )
        if unused := sorted(set(self._table) - self._used):
            raise LicenceError(
                "third_party/supply/licences.txt: nothing needs these lines: " + ", ".join(unused)
            )
