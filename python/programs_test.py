"""Behavior that all Python programs share."""

import pytest

from lenet.options import schema
from lenet.testing import programs as built

PROGRAMS = {name: each for name, each in schema.programs().items() if name != "infer310"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_lists_every_flag_and_exits_0(name, tmp_path):
    program = PROGRAMS[name]
    result = built.run(program.target, "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith(program.summary)
    for option in program.options:
        assert option.name in result.stdout
    assert "--helpfull" in result.stdout


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no_such_flag"], "no_such_flag"),
        (["--config_path=none.yaml"], "none.yaml"),
        (["--config_path=bad.yaml"], "bad.yaml is not YAML"),
        (["--config_path=unknown.yaml"], "unknown key 'epoch_sice'; did you mean 'epoch_size'"),
        (["stray"], "unexpected argument 'stray'"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(name, arguments, message, tmp_path):
    if (name, arguments) == ("predict", ["stray"]):
        pytest.skip("predict has positional arguments")
    (tmp_path / "bad.yaml").write_text("a: [")
    (tmp_path / "unknown.yaml").write_text("epoch_sice: 3")
    result = built.run(PROGRAMS[name].target, *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"{name}: error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.yaml", "unknown.yaml"]
