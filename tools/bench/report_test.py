import argparse
import json
import sys

import pytest

from tools.bench import report
from tools.bench.measure import Results

_PEERS = ["ours", "torch", "other"]


def _parse(*arguments):
    return report.parser("train", "Measures.", _PEERS, "torch").parse_args(arguments)


def test_table_shows_medians_ratios_and_failures():
    results = Results(
        {"ours": {"ms": [2.0, 1.0, 4.0], "accuracy": [0.98765]}, "torch": {"ms": [8.0]}},
        {"other": {"training": "no memory"}},
    )
    columns = {
        "ms": report.spread("ms"),
        "speed": report.ratio("ms", "torch"),
        "accuracy": report.percent("accuracy"),
    }
    assert report.table("x", columns, results, {name: name.title() for name in _PEERS}) == (
        "| x | ms | speed | accuracy |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| Ours | 2.00 (1.00–4.00) | 4.00× | 98.77 % |\n"
        "| Torch | 8.00 | 1.00× | – |\n"
        "| Other | failed | – | – |\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0123, "0.0123"), (1.5, "1.50"), (1320.4, "1320"), (5e-5, "5e-05")],
)
def test_numbers_have_three_digits(value, text):
    assert report.number(value) == text


def test_peers_keep_the_order_of_the_table():
    assert _parse("--peers=torch,ours").peers == ["ours", "torch"]
    assert _parse().peers == _PEERS


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--peers=ours,tensorflow", "unknown peer 'tensorflow'"),
        ("--peers=", "unknown peer ''"),
        ("--repetitions=0", "expected a whole number >= 1: '0'"),
        ("--repetitions=x", "expected a whole number >= 1: 'x'"),
        ("--base=x", "invalid choice"),
        ("stray", "unrecognized arguments"),
    ],
)
def test_wrong_flag_is_named(argument, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        _parse(argument)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("peer", "code"), [("ours", 1), ("torch", 0)])
def test_only_failures_of_the_project_fail_the_benchmark(tmp_path, monkeypatch, peer, code):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["train", "--output=out"])

    def work(options: argparse.Namespace, results: Results) -> list[str]:
        results.failures[peer] = {"training": "no memory"}
        results.versions["x"] = "1"
        return ["a table"]

    with pytest.raises(SystemExit) as stopped:
        report.run(_parse("--output=out"), ["ours"], work)
    assert (stopped.value.code or 0) == code
    assert f"- {peer}, training: failed: no memory" in (tmp_path / "out/train.md").read_text()
    assert json.loads((tmp_path / "out/train.json").read_text())["versions"] == {"x": "1"}


def test_folder_that_cannot_be_made_fails_before_the_measurement(tmp_path, monkeypatch):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    (tmp_path / "out").write_text("")
    with pytest.raises(SystemExit) as stopped:
        report.run(_parse("--output=out"), ["ours"], lambda *_: pytest.fail("measured"))
    assert "out" in str(stopped.value.code)
