"""absl flags for an options class, and an instance of the class from what the user gave."""

import os
import textwrap
from typing import TypeVar

from absl import flags

from lenet.options import config
from lenet.options.schema import Option, Value, options_of

OptionsT = TypeVar("OptionsT")

_CONFIG_FLAG = "config_path"
_HELP_WIDTH = 96
_INDENT = " " * 6


def define(options_class: type, flag_values: flags.FlagValues) -> None:
    """Defines one flag for each option, and --config_path."""
    defaults = config.defaults()
    for option in options_of(options_class):
        _define_one(option, defaults[option.section][option.name], flag_values)
    flags.DEFINE_string(
        _CONFIG_FLAG, "", "YAML file with values for the flags", flag_values=flag_values
    )


def parse(options_class: type[OptionsT], flag_values: flags.FlagValues) -> OptionsT:
    """The options: from the command line, else from --config_path, else the defaults.

    Raises:
        UserError: a bad configuration file (config.read), or a number that is not finite.
    """
    options = options_of(options_class)
    config_path = absolute(flag_values[_CONFIG_FLAG].value)
    from_file = config.read(config_path, options) if config_path else {}
    values = {}
    for option in options:
        flag = flag_values[option.name]
        if flag.present or option.name not in from_file:
            value = option.check(flag.value, "command line")
        else:
            value = from_file[option.name]
        values[option.name] = absolute(value) if option.path else value
    return options_class(**values)


def absolute(path: str) -> str:
    """`path` as seen from where the user typed the command; "" stays "".

    `bazel run` starts programs in their runfiles and tells where the user was in
    BUILD_WORKING_DIRECTORY.
    """
    if not path:
        return path
    base = os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd())
    return os.path.normpath(os.path.join(base, os.path.expanduser(path)))


def help_text(options_class: type) -> str:
    """All flags, grouped by section, with unit and default."""
    defaults = config.defaults()
    lines = []
    section = None
    for option in options_of(options_class):
        if option.section != section:
            section = option.section
            lines.append(f"\n{section}:")
        lines += _help_lines(option, defaults[option.section][option.name])
    lines += ["", f"  --{_CONFIG_FLAG}", "      YAML file with values for these flags"]
    lines += ["  --helpfull", "      these and the flags of absl (logging, --flagfile)"]
    return "\n".join(lines)


def _help_lines(option: Option, default: Value) -> list[str]:
    shown = str(default).lower() if option.type is bool else default
    notes = [f"unit: {option.unit}"] if option.unit else []
    if option.choices:
        notes.append(" | ".join(option.choices))
    notes.append(f"default: {shown}" if shown != "" else "default: empty")
    text = f"{option.help} ({'; '.join(notes)})"
    name = f"  --[no]{option.name}" if option.type is bool else f"  --{option.name}"
    wrapped = textwrap.wrap(text, _HELP_WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return [name, *wrapped]


def _define_one(option: Option, default: Value, flag_values: flags.FlagValues) -> None:
    value = option.check(default, "configs/default_config.yaml")
    if option.choices:
        flags.DEFINE_enum(
            option.name,
            value,
            option.choices,
            option.help,
            flag_values=flag_values,
            case_sensitive=False,
        )
    elif option.type is bool:
        flags.DEFINE_boolean(option.name, value, option.help, flag_values=flag_values)
    elif option.type is str:
        flags.DEFINE_string(option.name, value, option.help, flag_values=flag_values)
    else:
        define_number = flags.DEFINE_integer if option.type is int else flags.DEFINE_float
        define_number(
            option.name,
            value,
            option.help,
            lower_bound=option.minimum,
            upper_bound=option.maximum,
            flag_values=flag_values,
        )
