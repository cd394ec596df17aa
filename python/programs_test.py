"""Behavior that all Python programs share."""

import re
import signal

import pytest

from lenet.options import schema
from lenet.testing import programs as built

PROGRAMS = {name: each for name, each in schema.programs().items() if name != "infer310"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_lists_every_flag_and_exits_0(name, tmp_path):
    program = PROGRAMS[name]
    result = built.run(program.target, "--no_such_flag", "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith(program.summary)
    for option in program.options:
        assert option.name in result.stdout
    assert "--helpfull" in result.stdout


def test_version_names_this_project_and_mindspore(tmp_path):
    result = built.run("train", "--no_such_flag", "--version", cwd=tmp_path)
    assert result.returncode == 0
    assert re.fullmatch(
        r"train \(lenet_mindspore \d+\.\d+\.\d+, MindSpore 2\.\d+\.\d+, .* with own kernels\)\n",
        result.stdout,
    )


@pytest.mark.parametrize(
    ("name", "argument", "message"),
    [(name, "--no_such_flag", "unknown flag --no_such_flag; see --help") for name in PROGRAMS]
    + [
        ("train", "--learning_rate=1", "unknown flag --learning_rate; did you mean --lr?"),
        ("train", "--epoch-size=1", "did you mean --epoch_size?"),
        ("train", "--epoch_size=1.5", "epoch_size must be an integer of at least 1, not '1.5'"),
        ("train", "--resume=perhaps", "flag --resume=perhaps: value not accepted; see --help"),
        ("train", "stray", "unexpected argument 'stray'"),
        ("train", "--config_path=none.yaml", "none.yaml"),
        ("train", "--config_path=bad.yaml", "bad.yaml is not YAML"),
        ("train", "--config_path=unknown.yaml", "unknown key 'lrr'; did you mean 'lr'"),
        ("preprocess", "--quality=101", "quality must be an integer of at least 1 and at most 100"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(name, argument, message, tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [")
    (tmp_path / "unknown.yaml").write_text("lrr: 3")
    result = built.run(PROGRAMS[name].target, argument, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"{name}: error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.yaml", "unknown.yaml"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_into_a_closed_pipe_prints_no_traceback(name, tmp_path):
    process = built.start(PROGRAMS[name].target, "--help", cwd=tmp_path)
    assert process.stdout and process.stderr
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 1)


@pytest.mark.parametrize(
    ("name", "imports"), [(name, 0) for name in PROGRAMS] + [("eval", 60), ("eval", 120)]
)
def test_ctrl_c_while_modules_are_imported(name, imports, tmp_path):
    process = built.start_traced(PROGRAMS[name].target, "--help", cwd=tmp_path)
    built.read_until(process, "import 'absl'", stream="stderr")
    if imports:
        built.read_until(process, "import '", count=imports, stream="stderr")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 130
    assert err.splitlines()[-1] == f"{name}: error: interrupted"
    assert "Traceback" not in err
