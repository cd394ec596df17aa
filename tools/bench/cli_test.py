import argparse
import sys

import pytest

from tools.bench import cli
from tools.bench.process import ProcessError
from tools.bench.report import Report
from tools.bench.schedule import Results

_PEERS = ["ours", "torch", "other"]


def parse(*arguments):
    return cli.parser("train", "Measures.", _PEERS, "torch").parse_args(arguments)


def run(work, *arguments):
    """The exit code of cli.run()."""
    with pytest.raises(SystemExit) as stopped:
        cli.run(parse(*arguments), ["ours"], work)
    return stopped.value.code


def reporting(failures=None):
    def work(options, folder, command):
        results = Results({}, failures or {})
        return Report("train", command, {}, {}, results, ["a table\n"], [], [])

    return work


@pytest.fixture(autouse=True)
def _command_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train", "--peers=ours,torch"])


def test_defaults():
    options = parse()
    assert options.repetitions == 5
    assert options.peers == _PEERS
    assert options.base == "torch"
    assert options.output == []


def test_peers_keep_the_order_of_the_table():
    assert parse("--peers=torch,ours").peers == ["ours", "torch"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--peers=ours,tensorflow", "unknown peer 'tensorflow'; known are ours, torch, other"),
        ("--peers=", "names no peer"),
        ("--repetitions=0", "expected a whole number of at least 1, found '0'"),
        ("--repetitions=x", "expected a whole number of at least 1, found 'x'"),
        ("--base=x", "invalid choice"),
        ("--rep=3", "unrecognized arguments"),
        ("stray", "unrecognized arguments"),
    ],
)
def test_a_wrong_flag_ends_with_2(argument, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(argument)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_help(capsys):
    with pytest.raises(SystemExit) as stopped:
        parse("--help")
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "bazel run //tools/bench:train --" in text
    assert "Exit codes: 0 done" in text
    assert "(default: 5)" in text
    assert "['" not in text


def test_the_report_goes_to_stdout_and_to_files(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    assert run(reporting(), "--output=out", "--output=a.json") == 0
    text = capsys.readouterr().out
    assert "a table" in text
    assert text.startswith("`bazel run //tools/bench:train -- --peers=ours,torch`")
    assert (tmp_path / "out/train.md").exists()
    assert (tmp_path / "a.json").exists()


def test_a_peer_may_fail_but_ours_may_not():
    assert run(reporting({"torch": {"x": "y"}})) == 0
    assert run(reporting({"ours": {"x": "y"}})) == 1


def test_what_cannot_be_prepared_ends_with_1(capsys):
    def work(options, folder, command):
        raise ProcessError("preprocess: exit code 1")

    assert run(work) == 1
    assert "train: error: preprocess: exit code 1" in capsys.readouterr().err


def test_ctrl_c_leaves_nothing(tmp_path, capsys):
    folders = []

    def work(options, folder, command):
        folders.append(folder)
        (folder / "file").touch()
        raise KeyboardInterrupt

    assert run(work, f"--output={tmp_path}/out") == 130
    assert not folders[0].exists()
    assert list(tmp_path.iterdir()) == []
    assert "train: interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["missing/a.md", "file/x", "file/a.json"])
def test_a_bad_output_is_told_before_the_work(path, tmp_path, capsys):
    (tmp_path / "file").touch()

    def work(options, folder, command):
        raise AssertionError("it began")

    assert run(work, f"--output={tmp_path}/{path}") == 2
    assert "train: error: --output=" in capsys.readouterr().err


def test_at_least():
    assert cli.at_least(0)("0") == 0
    with pytest.raises(argparse.ArgumentTypeError):
        cli.at_least(1)("0")
