"""Markdown: tables, and numbers as they stand in them."""

from collections.abc import Sequence

from tools.bench.stats import Summary

MISSING = "–"
FAILED = "failed"  # the report tells the reason


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = True) -> str:
    """A Markdown table; with `numbers` all columns but the first are aligned to the right."""
    marks = ["---", *["---:" if numbers else "---"] * (len(header) - 1)]
    lines = [header, marks, *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def number(value: float) -> str:
    """Three significant digits, without an exponent: "0.812", "11.7", "1320"."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:#.3g}" if abs(value) >= 0.001 else f"{value:.2g}"


def spread(summary: Summary | None) -> str:
    """ "0.812 (0.801–0.830)": the median, and the least and the greatest."""
    if summary is None:
        return MISSING
    text = number(summary.median)
    if summary.count == 1:
        return text
    return f"{text} ({number(summary.minimum)}–{number(summary.maximum)})"


def percent(summary: Summary | None) -> str:
    """ "98.43 %" of a share between 0 and 1."""
    return MISSING if summary is None else f"{summary.median:.2%}".replace("%", " %")


def ratio(base: Summary | None, summary: Summary | None) -> str:
    """How many times as fast as the base, by medians of times."""
    if base is None or summary is None:
        return MISSING
    return f"{number(base.median / summary.median)}×"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
