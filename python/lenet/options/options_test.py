import dataclasses
from typing import ClassVar

import pytest
from absl import flags

from lenet import errors
from lenet.options import config, programs, schema
from lenet.options import flags as option_flags


def parse(arguments, options_class=programs.TrainOptions):
    values = flags.FlagValues()
    option_flags.define(options_class, values)
    values(["program", *arguments])
    return option_flags.parse(options_class, values)


def with_config(tmp_path, text, *arguments, options_class=programs.TrainOptions):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return parse([f"--config_path={path}", *arguments], options_class)


def test_every_option_has_a_default_in_its_section_and_every_key_an_option():
    fields = {"infer310": set(config.defaults()["infer310"])}  # read by C++, tested there
    for options_class in programs.PROGRAMS.values():
        for option in schema.options_of(options_class):
            fields.setdefault(option.section, set()).add(option.name)
    assert fields == {section: set(keys) for section, keys in config.defaults().items()}


@pytest.mark.parametrize("program", programs.PROGRAMS)
def test_every_default_is_valid(program):
    for option in schema.options_of(programs.PROGRAMS[program]):
        option.check(config.defaults()[option.section][option.name], "defaults")


def test_defaults_are_those_of_the_file():
    options = parse([])
    defaults = config.defaults()
    assert options.batch_size == defaults["train"]["batch_size"]
    assert options.device_target == defaults["device"]["device_target"]


def test_command_line_wins_over_file_and_file_over_default(tmp_path):
    text = "train: {lr: 0.5, epoch_size: 3}"
    options = with_config(tmp_path, text, "--epoch_size=7")
    assert (options.epoch_size, options.lr) == (7, 0.5)
    assert options.momentum == config.defaults()["train"]["momentum"]


def test_command_line_wins_even_with_the_default_value(tmp_path):
    default = config.defaults()["train"]["batch_size"]
    options = with_config(tmp_path, "batch_size: 5", f"--batch_size={default}")
    assert options.batch_size == default


def test_top_level_keys_apply_to_the_program_that_has_them(tmp_path):
    text = "batch_size: 64\nquality: 30\n"
    assert with_config(tmp_path, text).batch_size == 64
    evaluation = with_config(tmp_path, text, options_class=programs.EvalOptions)
    assert evaluation.batch_size == 64


def test_a_section_applies_to_its_program_only_and_wins_over_the_top_level(tmp_path):
    text = "batch_size: 64\ntrain: {batch_size: 16}\n"
    assert with_config(tmp_path, text).batch_size == 16
    assert with_config(tmp_path, text, options_class=programs.EvalOptions).batch_size == 64


def test_a_copy_of_the_defaults_is_a_valid_file(tmp_path):
    text = "\n".join(f"{name}: {keys!r}" for name, keys in config.defaults().items())
    assert with_config(tmp_path, text) == parse([])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batchsize: 3", "unknown key 'batchsize'; did you mean 'batch_size'"),
        ("train: {batchsize: 3}", "section train: unknown key 'batchsize'"),
        ("trian: {batch_size: 3}", "unknown section 'trian'; did you mean 'train'"),
        ("batch_size: many", "batch_size must be a whole number of at least 1, not 'many'"),
        ("batch_size: true", "batch_size must be a whole number of at least 1, not True"),
        ("batch_size: 0", "batch_size must be a whole number of at least 1, not 0"),
        ("batch_size: 1.5", "not 1.5"),
        ("momentum: 1.01", "momentum must be a number of at least 0 and of at most 1"),
        ("lr: .nan", "lr must be a number of at least 0"),
        ("lr: .inf", "lr must be a number of at least 0"),
        ("resume: 1", "resume must be true or false, not 1"),
        ("ckpt_path:", "ckpt_path must be a text, not None"),
        ("device_target: TPU", "device_target must be one of auto, Ascend, GPU, CPU"),
        ("- batch_size", "expected lines `key: value`"),
        ("a: [", "is not YAML"),
        ("--- \nlr: 1\n---\nlr: 2", "is not YAML"),
        ("\x00", "is not YAML"),
    ],
)
def test_a_bad_file_is_an_error_that_names_file_key_and_value(tmp_path, text, message):
    with pytest.raises(errors.UserError) as caught:
        with_config(tmp_path, text)
    assert message in str(caught.value)
    assert "my.yaml" in str(caught.value)


def test_an_empty_file_changes_nothing(tmp_path):
    assert with_config(tmp_path, "") == parse([])


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(errors.UserError, match="cannot read .*none.yaml: No such file"):
        parse([f"--config_path={tmp_path}/none.yaml"])


@pytest.mark.parametrize("value", ["gpu", "GPU", "Gpu"])
def test_names_of_choices_ignore_case(tmp_path, value):
    assert parse([f"--device_target={value}"]).device_target == "GPU"
    assert with_config(tmp_path, f"device_target: {value}").device_target == "GPU"


def test_paths_are_relative_to_where_the_command_was_typed(tmp_path, monkeypatch):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    assert parse(["--ckpt_path=out/x"]).ckpt_path == str(tmp_path / "out/x")
    assert with_config(tmp_path, "ckpt_path: ../y").ckpt_path == str(tmp_path.parent / "y")
    assert parse(["--ckpt_path=/abs"]).ckpt_path == "/abs"
    assert parse([]).data_path == ""


def test_help_shows_each_flag_in_its_section_with_unit_and_default():
    text = option_flags.help_text(programs.TrainOptions)
    device, train = text.index("\ndevice:"), text.index("\ntrain:")
    assert device < text.index("--device_target") < train < text.index("--batch_size")
    assert "images a step (unit: images; default: 32)" in text
    assert "--[no]resume" in text


def test_options_cannot_be_changed():
    options = parse([])
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.lr = 1.0


def test_a_field_takes_the_section_of_the_class_that_wrote_it():
    @dataclasses.dataclass(frozen=True)
    class Base:
        section: ClassVar[str] = "base"
        a: int = schema.option("a")

    @dataclasses.dataclass(frozen=True)
    class Derived(Base):
        section: ClassVar[str] = "derived"
        b: int = schema.option("b")

    found = {option.name: option.section for option in schema.options_of(Derived)}
    assert found == {"a": "base", "b": "derived"}
