"""Writes the files of a report: pictures, tables and report.html, which includes them all."""

from __future__ import annotations

import base64
import csv
import dataclasses
import html
import io
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from lenet import environment, files
from lenet.metrics import Evaluation
from lenet.report import charts

CURVES = "curves.png"
CONFUSION = "confusion_matrix.png"
MISTAKES = "mistakes.png"
TABLE = "results.csv"
PAGE = "report.html"
TRAINING_FILES = (CURVES, CONFUSION, MISTAKES, TABLE, PAGE)

_EPOCH_COLUMNS = (
    "epoch",
    "mean_loss",
    "learning_rate",
    "accuracy",
    "validation_accuracy",
    "seconds",
    "ms_per_step",
)

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --accent: #1f5fa8 }
@media (prefers-color-scheme: dark) { :root { --accent: #7db4f0 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none }
.figures li { border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1rem }
.figures b { display: block; font-size: 1.5rem; color: var(--accent) }
img { max-width: 100%; height: auto; background: #fff; border-radius: 8px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right }
th:first-child, td:first-child { text-align: left }
td.text { text-align: left; overflow-wrap: anywhere }
"""


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """Content of a report.

    Attributes:
        title: heading of the page.
        images: see charts.draw_mistakes.
        labels: integers [N].
        logits: float [N, classes].
        figures: names and values shown at the top, after the accuracy.
        tables: further tables of two columns by heading, such as the options of the run.
        epochs: see charts.draw_curves.
        loss_curve: see charts.draw_curves; empty without a training.
    """

    title: str
    images: np.ndarray | Mapping[int, np.ndarray]
    labels: np.ndarray
    logits: np.ndarray
    figures: dict[str, str]
    tables: dict[str, dict[str, Any]]
    epochs: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    loss_curve: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def write(folder: pathlib.Path, report: Report, result: Evaluation) -> pathlib.Path:
    """Writes the pictures, results.csv after a training, and the page; returns the page's path."""
    pictures = {"Mistakes": MISTAKES, "Confusion matrix": CONFUSION}
    charts.draw_mistakes(folder / MISTAKES, report.images, report.labels, report.logits)
    charts.draw_confusion(folder / CONFUSION, result)
    if report.loss_curve:
        charts.draw_curves(folder / CURVES, report.loss_curve, report.epochs)
        pictures = {"Training": CURVES} | pictures
        files.write_atomically(folder / TABLE, _csv(report.epochs))
    sections = [_picture(title, folder / name) for title, name in pictures.items()]
    rows = [list(row.values()) for row in result.classes()]
    sections.append(_table("Classes", list(result.classes()[0]), rows))
    if report.epochs:
        names = [name for name in _EPOCH_COLUMNS if any(name in entry for entry in report.epochs)]
        rows = [[entry.get(name, "") for name in names] for entry in report.epochs]
        sections.append(_table("Epochs", names, rows))
    for heading, entries in (report.tables | {"Environment": environment.describe()}).items():
        sections.append(_table(heading, [], [list(entry) for entry in entries.items()]))
    figures = {
        "accuracy": f"{result.accuracy:.2%}",
        "misclassified": f"{result.total - result.correct} of {result.total}",
    }
    items = "".join(
        f"<li><b>{html.escape(value)}</b>{html.escape(name)}</li>"
        for name, value in (figures | report.figures).items()
    )
    title = html.escape(report.title)
    page = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<style>{_STYLE}</style>\n<h1>{title}</h1>\n"
        f'<ul class="figures">{items}</ul>\n' + "\n".join(sections) + "\n</html>\n"
    )
    files.write_atomically(folder / PAGE, page)
    return folder / PAGE


def _csv(epochs: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, _EPOCH_COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(epochs)
    return text.getvalue()


def _picture(title: str, path: pathlib.Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<h2>{title}</h2>\n<img alt="{title}" src="data:image/png;base64,{data}">'


def _table(heading: str, names: list[str], rows: list[list[Any]]) -> str:
    """Returns a table; without names, the second column is text."""
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in names)
    kind = "" if names else ' class="text"'
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{html.escape(_text(value))}</td>" for value in row) + "</tr>\n"
        for row in rows
    )
    return (
        f'<h2>{html.escape(heading)}</h2>\n<div class="scroll"><table>'
        + (f"<tr>{head}</tr>\n" if names else "")
        + f"{body}</table></div>"
    )


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
