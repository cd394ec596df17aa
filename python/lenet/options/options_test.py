import dataclasses

import pytest
from absl import flags

from lenet import errors
from lenet.options import config, programs, schema
from lenet.options import flags as option_flags
from lenet.testing import damage

CLASSES = [cls for cls in vars(programs).values() if hasattr(cls, "program")]


def parse(arguments, options_class=programs.TrainOptions):
    values = flags.FlagValues()
    option_flags.define(options_class, values)
    values(["program", *arguments])
    return option_flags.parse(options_class, values)


def with_config(tmp_path, text, *arguments, options_class=programs.TrainOptions):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return parse([f"--config_path={path}", *arguments], options_class)


def test_damaged_configuration_files_give_options_or_one_line(tmp_path):
    text = b"# mine\ntrain: {lr: 0.02, epoch_size: 3}\nlimit: 4\nckpt_path: 'a b'\nseed: 1\n"
    for content in damage.damaged(text, 500):
        (tmp_path / "my.yaml").write_bytes(content)
        try:
            parse([f"--config_path={tmp_path / 'my.yaml'}"])
        except errors.UserError as error:
            assert "my.yaml" in str(error)
            assert "\n" not in str(error)


@pytest.mark.parametrize("options_class", CLASSES)
def test_the_fields_of_a_class_are_the_options_of_its_program(options_class):
    fields = {field.name: field.type for field in dataclasses.fields(options_class)}
    assert fields == {option.name: option.type for option in schema.options_of(options_class)}


def test_the_options_are_the_keys_of_the_default_configuration_and_each_default_is_valid():
    assert {cls.program for cls in CLASSES} | {"infer310"} == set(schema.programs())
    options = [option for program in schema.programs().values() for option in program.options]
    keys = {section: set(keys) for section, keys in config.defaults().items()}
    found = {section: {o.name for o in options if o.section == section} for section in keys}
    assert found == keys
    for option in options:
        option.check(config.defaults()[option.section][option.name], "defaults")


def test_defaults_are_those_of_the_file():
    options = parse([])
    defaults = config.defaults()
    assert options.batch_size == defaults["train"]["batch_size"]
    assert options.device_target == defaults["device"]["device_target"]


def test_command_line_overrides_file_and_file_overrides_default(tmp_path):
    text = "train: {lr: 0.5, epoch_size: 3}"
    options = with_config(tmp_path, text, "--epoch_size=7")
    assert (options.epoch_size, options.lr) == (7, 0.5)
    assert options.momentum == config.defaults()["train"]["momentum"]
    default = config.defaults()["train"]["batch_size"]
    options = with_config(tmp_path, "batch_size: 5", f"--batch_size={default}")
    assert options.batch_size == default


@pytest.mark.parametrize(
    ("text", "train", "evaluation"),
    [
        ("batch_size: 64\nquality: 30\n", 64, 64),
        ("batch_size: 64\ntrain: {batch_size: 16}\n", 16, 64),
    ],
)
def test_a_section_overrides_the_top_level(tmp_path, text, train, evaluation):
    assert with_config(tmp_path, text).batch_size == train
    options = with_config(tmp_path, text, options_class=programs.EvalOptions)
    assert options.batch_size == evaluation


def test_a_copy_of_the_defaults_and_an_empty_file_change_nothing(tmp_path):
    text = "\n".join(f"{name}: {keys!r}" for name, keys in config.defaults().items())
    assert with_config(tmp_path, text) == parse([])
    assert with_config(tmp_path, "") == parse([])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batchsize: 3", "unknown key 'batchsize'; did you mean 'batch_size'"),
        ("epochs: 5", "unknown key 'epochs'; did you mean 'epoch_size'"),
        ("learning_rate: 0.1", "unknown key 'learning_rate'; did you mean 'lr'"),
        ("train: {epoch: 5}", "section train: unknown key 'epoch'; did you mean 'epoch_size'"),
        ("qqq: 3\ntrain: {lr: 1}", "unknown key 'qqq'; expected one of aipp, aipp_path, amp_"),
        ("train: {batchsize: 3}", "section train: unknown key 'batchsize'"),
        ("trian: {batch_size: 3}", "unknown section 'trian'; did you mean 'train'"),
        (
            "batch_size: many",
            "batch_size must be an integer of at least 1 and at most 65536, not 'many'",
        ),
        ("batch_size: true", "and at most 65536, not 'true'"),
        ("batch_size: 0", "at least 1 and at most 65536, not 0"),
        ("batch_size: 1.5", "not '1.5'"),
        ("momentum: 1.01", "momentum must be a number of at least 0 and at most 1"),
        ("lr: .nan", "lr must be a number of at least 0"),
        ("lr: .inf", "lr must be a number of at least 0"),
        ("epoch_size: 0x" + 400 * "f", "epoch_size must be an integer of at least 1"),
        ("seed: 2147483648", "seed must be an integer of at least 0"),
        ("resume: 1", "resume must be true or false, not '1'"),
        ("lr: 1_0", "lr must be a number of at least 0, not '1_0'"),
        ("seed: 1e3", "seed must be an integer of at least 0, not '1e3'"),
        ("ckpt_path:", "ckpt_path must be a text, not None"),
        ("device_target: TPU", "device_target must be one of auto, Ascend, GPU, CPU"),
        ("- batch_size", "expected lines `key: value`"),
        ("a: [", "is not YAML"),
        ("train:\n\tlr: 1", "; indent with spaces, not tabs"),
        ("\x00", "is not YAML"),
        ("a: " + "[" * 5000, "is not YAML"),
        ("lr: !!int abc", "lr must be a number of at least 0, not 'abc'"),
        ("lr: 1\nseed: 2\nlr: 3", "the key 'lr' occurs twice"),
        ("train: {lr: 1, lr: 3}", "the key 'lr' occurs twice"),
    ],
)
def test_a_bad_file_is_an_error_that_names_file_key_and_value(tmp_path, text, message):
    with pytest.raises(errors.UserError) as caught:
        with_config(tmp_path, text)
    assert message in str(caught.value)
    assert "my.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_value_on_the_command_line_is_an_error():
    for argument, expected in (
        ("--lr=nan", "a number of at least 0"),
        ("--threads=-1", "0 and at"),
    ):
        with pytest.raises(errors.UserError, match=f"command line: .* must be .*{expected}"):
            parse([argument])


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("lr: 1e-3", "lr", 0.001),
        ("lr: '.5'", "lr", 0.5),
        ("resume: yes", "resume", True),
        ("resume: On", "resume", True),
        ("train: {resume: 'false', fused_kernels: n}", "fused_kernels", False),
        ("seed: 010", "seed", 10),
        ("seed: 0x10", "seed", 16),
        ("ckpt_path: /2024-01-01", "ckpt_path", "/2024-01-01"),
        ("ckpt_path: '/yes'", "ckpt_path", "/yes"),
        ("checkpoint_path: /a", "ckpt_path", "/a"),
        ("\ufefflr: 2\r\n", "lr", 2.0),
        ("device:\n#  device_id: 1\nlr: 2", "lr", 2.0),
    ],
)
def test_values_as_people_write_them(tmp_path, text, name, value):
    """cc/inference/config_file_test.cc has the same rules."""
    assert getattr(with_config(tmp_path, text), name) == value


@pytest.mark.parametrize(
    ("word", "value"), [("no", "no"), ("off", "no"), ("Yes", "yes"), ("AUTO", "auto")]
)
def test_truth_values_for_yes_and_no(tmp_path, word, value):
    predict = programs.PredictOptions
    assert with_config(tmp_path, f"invert: {word}", options_class=predict).invert == value
    assert parse([f"--invert={word}"], predict).invert == value


ORIGINAL = """
data_path: /cache/data
output_path: "/cache/train"
load_path: "/cache/checkpoint_path"
device_target: CPU
ckpt_path: '/cache/train/'
ckpt_file: '/cache/train/checkpoint_lenet-10_1875.ckpt'
num_classes: 10
lr: 0.02
batch_size: 64
learning_rate: 0.002
buffer_size: 1000
air_name: "lenet"
file_format: "mindir"
sink_size: -1
save_checkpoint_epochs: 2
result_path: ''
added_by_me: 1
---
lr: 'Learning rate'
---
device_target: ['Ascend', 'GPU', 'CPU']
"""


def test_the_original_configuration_is_accepted(tmp_path, caplog):
    with caplog.at_level("INFO"):
        train = with_config(tmp_path, ORIGINAL)
        export = with_config(tmp_path, ORIGINAL, options_class=programs.ExportOptions)
    assert (train.lr, train.batch_size, train.ckpt_path) == (0.02, 64, "/cache/train")
    assert train.sink_size == config.defaults()["train"]["sink_size"]
    assert export.ckpt_file == "/cache/train/checkpoint_lenet-10_1875.ckpt"
    assert (export.batch_size, export.file_format) == (1, "MINDIR")
    unused = (
        "load_path, num_classes, {}learning_rate, buffer_size, air_name, sink_size, "
        "save_checkpoint_epochs, result_path, added_by_me, the documents after the first `---`"
    )
    first, second = (message.partition("not used: ")[2] for message in caplog.messages)
    assert first == unused.format("")
    assert second == unused.format("batch_size (counts in the section export only), ")


def test_ckpt_path_on_the_command_line_overrides_ckpt_file_in_the_file(tmp_path):
    evaluation = programs.EvalOptions
    for flag in ("--ckpt_path=/mine", "--checkpoint_path=/mine"):
        options = with_config(tmp_path, ORIGINAL, flag, options_class=evaluation)
        assert (options.ckpt_path, options.ckpt_file) == ("/mine", "")
    assert with_config(tmp_path, ORIGINAL, options_class=evaluation).ckpt_file


def test_errors_name_the_file_that_gave_the_value(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("data_path: /none\nlr: 2")
    values = flags.FlagValues()
    option_flags.define(programs.TrainOptions, values)
    values(["train", f"--config_path={path}", "--lr=1"])

    def blamed(message):
        return option_flags.blame_file(message, programs.TrainOptions, values)

    assert blamed("--data_path: /none is missing") == f"{path}: data_path: /none is missing"
    assert (
        blamed("omit --data_path and --seed")
        == f"omit --data_path and --seed ({path} sets data_path)"
    )
    assert blamed("--lr: too high") == "--lr: too high"


def test_only_options_that_were_set_are_reported_as_without_effect(caplog):
    caplog.set_level("INFO")
    reasons = dict.fromkeys(("sink_size", "ckpt_path", "lr"), "here")
    option_flags.report_unused(parse(["--sink_size=3", "--ckpt_path=ckpt", "--seed=9"]), reasons)
    assert caplog.messages == ["--sink_size has no effect here"]


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(errors.UserError, match=r"cannot read .*none.yaml: No such file"):
        parse([f"--config_path={tmp_path}/none.yaml"])


@pytest.mark.parametrize("value", ["gpu", "GPU", "Gpu"])
def test_choices_ignore_case(tmp_path, value):
    assert parse([f"--device_target={value}"]).device_target == "GPU"
    assert with_config(tmp_path, f"device_target: {value}").device_target == "GPU"


def test_paths_are_relative_to_where_the_command_was_typed(tmp_path, monkeypatch):
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    assert parse(["--ckpt_path=out/x"]).ckpt_path == str(tmp_path / "out/x")
    assert with_config(tmp_path, "ckpt_path: ../y").ckpt_path == str(tmp_path.parent / "y")
    assert parse(["--ckpt_path=/abs"]).ckpt_path == "/abs"
    assert parse([]).data_path == ""


def test_help_opens_with_examples_and_ends_with_the_cloud_section():
    text = option_flags.help_text("train")
    assert text.startswith("Trains LeNet-5 on MNIST")
    marks = ["  bazel run //python:train\n", "  bazel run //python:train -- --", "\ntrain:"]
    marks += ["\n  --batch_size", "\ndevice:", "\n  --device_target", "\ncloud:", "--config_path"]
    positions = [text.index(mark) for mark in marks]
    assert positions == sorted(positions)
    assert "images per training step (unit: images; default: 32)" in text
    assert "--[no]resume" in text
    assert "default: ckpt; alias: --checkpoint_path)" in " ".join(text.split())


@pytest.mark.parametrize("program", schema.programs())
def test_help_fits_a_terminal_and_has_two_examples(program):
    lines = option_flags.help_text(program).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1:3] == ["", "Examples:"]
    assert all(line.startswith("  bazel run //") for line in lines[3:5])
    assert lines[5] == ""


def test_options_cannot_be_changed():
    options = parse([])
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.lr = 1.0
