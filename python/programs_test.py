"""Behavior that all Python programs share."""

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


@pytest.mark.parametrize(
    ("name", "argument", "message"),
    [(name, "--no_such_flag", "no_such_flag") for name in PROGRAMS]
    + [
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
