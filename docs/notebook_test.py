"""Runs the notebook."""

import json

import matplotlib
import pytest

from lenet import resources


def test_every_cell_runs_and_the_engines_agree(tmp_path, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(resources.path("docs/lenet.ipynb").read_text("utf-8"))
    names: dict = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102
    assert names["result"].accuracy > 0.97
    assert names["answer"].digit == 7
    assert names["report"]["accuracy"] == pytest.approx(names["evaluation"].accuracy, abs=2e-4)
