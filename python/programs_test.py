"""What holds for every Python program."""

import pathlib

import pytest

from lenet.options import programs, schema
from lenet.testing import programs as built

PROGRAMS = sorted(programs.PROGRAMS)
LABELS = {name: "//tools:to_om" if name == "to_om" else f"//python:{name}" for name in PROGRAMS}


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_lists_every_flag_and_exits_0(program, tmp_path):
    result = built.run(LABELS[program], "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert f"bazel run {LABELS[program]}" in result.stdout
    for option in schema.options_of(programs.PROGRAMS[program]):
        assert option.name in result.stdout
    assert "default: " in result.stdout


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no_such_flag"], "no_such_flag"),
        (["--config_path=none.yaml"], "none.yaml"),
        (["--config_path=bad.yaml"], "bad.yaml is not YAML"),
        (["--config_path=unknown.yaml"], "unknown key 'epoch_sice'; did you mean 'epoch_size'"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(program, arguments, message, tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [")
    (tmp_path / "unknown.yaml").write_text("epoch_sice: 3")
    result = built.run(LABELS[program], *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"{program}: error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.yaml", "unknown.yaml"]


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name != "predict"])
def test_a_stray_argument_is_refused(program, tmp_path):
    result = built.run(LABELS[program], "stray", cwd=tmp_path)
    assert result.returncode == 2
    assert "unexpected argument 'stray'" in result.stderr


def test_every_option_is_read_by_the_code():
    # The original had eight keys that nothing read.
    root = pathlib.Path(programs.__file__).parents[1]
    code = "\n".join(
        path.read_text()
        for path in sorted(root.rglob("*.py"))
        if path.parent.name != "options" and not path.name.endswith("_test.py")
    )
    for options_class in programs.PROGRAMS.values():
        for option in schema.options_of(options_class):
            assert f"options.{option.name}" in code, f"{option.section}.{option.name} has no reader"
