"""The report of a benchmark as Markdown and JSON, and where it goes."""

import contextlib
import dataclasses
import json
import os
import pathlib
import secrets
from collections.abc import Sequence
from typing import Any

from tools.bench import goals, stats, tables
from tools.bench.goals import Goal
from tools.bench.schedule import Results
from tools.bench.stats import Summary


@dataclasses.dataclass(frozen=True)
class Report:
    """What a benchmark found.

    Attributes:
        name: "train" or "infer".
        command: what made it.
        machine: facts by name.
        versions: of the packages that took part, by name.
        results: the measurements.
        sections: Markdown tables with a line above each.
        goals: what was wanted.
        notes: lines of Markdown.
    """

    name: str
    command: str
    machine: dict[str, str]
    versions: dict[str, str]
    results: Results
    sections: Sequence[str]
    goals: Sequence[Goal]
    notes: Sequence[str]

    def markdown(self) -> str:
        """To stand under a heading; has none of its own."""
        facts = "; ".join(f"{name}: {value}" for name, value in self.machine.items())
        versions = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        parts = [
            f"`{self.command}`\n",
            f"{facts}. Versions: {versions or 'unknown'}.\n",
            *self.sections,
            self._failures(),
            *(f"- {note}" for note in self.notes),
            "\n" + goals.table(self.goals) if self.goals else "",
        ]
        return "\n".join(part for part in parts if part) + ("" if self.goals else "\n")

    def json(self) -> str:
        samples: dict[str, dict[str, Any]] = {}
        for (peer, metric), values in self.results.samples.items():
            entry = dataclasses.asdict(stats.summarize(values)) | {"samples": values}
            samples.setdefault(peer, {})[metric] = entry
        content = {
            "benchmark": self.name,
            "command": self.command,
            "machine": self.machine,
            "versions": self.versions,
            "results": samples,
            "failures": self.results.failures,
            "goals": [goal.as_dict() for goal in self.goals],
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def _failures(self) -> str:
        rows: list[list[str]] = []
        for peer, cases in self.results.failures.items():
            for reason in dict.fromkeys(cases.values()):
                names = [case for case, other in cases.items() if other == reason]
                rows.append([peer, ", ".join(names), reason])
        if not rows:
            return ""
        header = ["failed", "what", "reason"]
        return tables.table(header, rows, numbers=False)


def summary(results: Results, peer: str, metric: str) -> Summary | None:
    """Of what was measured, or None."""
    values = results.samples.get((peer, metric))
    return stats.summarize(values) if values else None


def write(report: Report, path: str) -> list[str]:
    """Writes the report and returns the paths written.

    Args:
        report: what to write.
        path: <file>.md for the Markdown: in a file that has the lines `<!-- NAME begin -->` and
            `<!-- NAME end -->`, NAME being that of the report, only what stands between them is
            replaced. <file>.json for the JSON. Everything else is a folder for <name>.md and
            <name>.json.
    """
    target = pathlib.Path(path)
    if target.suffix == ".json":
        _write(target, report.json())
        return [path]
    if target.suffix == ".md":
        old = target.read_text(encoding="utf-8") if target.exists() else ""
        _write(target, _inserted(old, report))
        return [path]
    target.mkdir(parents=True, exist_ok=True)
    _write(target / f"{report.name}.md", report.markdown())
    _write(target / f"{report.name}.json", report.json())
    return [str(target / f"{report.name}.md"), str(target / f"{report.name}.json")]


def _inserted(old: str, report: Report) -> str:
    begin, end = f"<!-- {report.name} begin -->\n", f"<!-- {report.name} end -->\n"
    before, found, rest = old.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        return report.markdown()
    return f"{before}{begin}\n{report.markdown()}\n{end}{after}"


def _write(path: pathlib.Path, content: str) -> None:
    """All or nothing."""
    temporary = path.with_name(f".{secrets.token_hex(4)}.tmp.{path.name}")
    try:
        temporary.write_text(content, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
