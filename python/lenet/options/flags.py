"""Command-line flags (absl) of a program, its --help, and its options as the user gave them."""

import os
import pathlib
import re
import textwrap
from typing import Any, TypeVar

from absl import flags, logging

from lenet import resources
from lenet.errors import UserError
from lenet.options import config, schema
from lenet.options.schema import Option, options_of

OptionsT = TypeVar("OptionsT")

_WIDTH = 80  # columns of --help
_CONFIG_FLAG = "config_path"
_VERSION_HELP = "  --version\n      print the version"
_CONFIG_HELP = "YAML file with values for these flags; see configs/default_config.yaml"
_EXIT_CODES = (
    "Exit codes: 0 done; 1 the work failed; 2 wrong input; 3 device or engine not available; "
    "4 the device failed; 130 interrupted."
)


def define(options_class: type, flag_values: flags.FlagValues) -> None:
    """Defines one flag per option, and --config_path."""
    for option in options_of(options_class):
        default = config.defaults()[option.section][option.name]
        # `parse` checks the texts.
        if option.type is bool:
            flags.DEFINE_boolean(option.name, bool(default), option.help, flag_values=flag_values)
        else:
            flags.DEFINE_string(option.name, str(default), option.help, flag_values=flag_values)
        for alias in option.aliases:
            flags.DEFINE_alias(alias, option.name, flag_values=flag_values)
    flags.DEFINE_string(_CONFIG_FLAG, "", _CONFIG_HELP, flag_values=flag_values)


def parse(options_class: type[OptionsT], flag_values: flags.FlagValues) -> OptionsT:
    """Returns the options: from the command line, else from --config_path, else the defaults.

    Raises:
        UserError: wrong configuration file (see config.read), or a value that is not accepted.
    """
    options = options_of(options_class)
    config_path = absolute(str(flag_values[_CONFIG_FLAG].value))
    from_file, unused = config.read(config_path, options) if config_path else ({}, [])
    if unused:
        logging.info("%s: not used: %s", config_path, ", ".join(unused))
    values = {}
    for option in options:
        flag = flag_values[option.name]
        if option.overrides and flag_values[option.overrides].present:
            from_file.pop(option.name, None)
        if flag.present or option.name not in from_file:
            value = option.check(flag.value, "command line")
        else:
            value = from_file[option.name]
        values[option.name] = absolute(str(value)) if option.is_path else value
    return options_class(**values)


def blame_file(message: str, options_class: type[OptionsT], flag_values: flags.FlagValues) -> str:
    """Returns an error message that names the configuration file for the values from it."""
    path = absolute(str(flag_values[_CONFIG_FLAG].value))
    options = options_of(options_class)
    try:
        found = config.read(path, options)[0] if path else {}
    except UserError:
        return message
    names = []
    for option in options:
        value = found.get(option.name)
        if value is None or flag_values[option.name].present:
            continue
        is_named = re.search(rf"--{option.name}\b", message) is not None
        if is_named or (option.is_path and value and absolute(str(value)) in message):
            names.append(option.name)
    if any(re.match(rf"--{name}\b", message) for name in names):
        return f"{path}: {message[2:]}"
    return f"{message} ({path} sets {', '.join(names)})" if names else message


def report_unused(options: Any, reasons: dict[str, str]) -> None:
    """Logs which options of `reasons` were set (differ from their defaults) without effect."""
    for option in options_of(type(options)):
        default = config.defaults()[option.section][option.name]
        default = absolute(str(default)) if option.is_path else default
        if option.name in reasons and getattr(options, option.name) != default:
            logging.info("--%s has no effect %s", option.name, reasons[option.name])


def unknown(name: str, options_class: type[Any]) -> str:
    """Returns the error message for a flag that a program does not have."""
    known = [name for o in options_of(options_class) for name in (o.name, *o.aliases)]
    near = config.nearest(name.replace("-", "_"), known)
    return f"unknown flag --{name}; " + (f"did you mean --{near}?" if near else "see --help")


def is_modelarts_job(options_class: type[Any], flag_values: flags.FlagValues) -> bool:
    """Returns whether the flags or a configuration file enable ModelArts."""
    try:
        return getattr(parse(options_class, flag_values), "enable_modelarts", False)
    except UserError:
        return False


def absolute(path: str) -> str:
    """Returns `path` relative to the folder where the user typed the command; "" stays "".

    `bazel run` starts programs in their runfiles and passes the user's folder as
    BUILD_WORKING_DIRECTORY.
    """
    if not path:
        return path
    base = os.environ.get("BUILD_WORKING_DIRECTORY", pathlib.Path.cwd())
    return os.path.normpath(base / pathlib.Path(path).expanduser())


def default_path(options: Any, name: str) -> str:
    """Returns the default of an option that is a path, as parse() would return it."""
    option = next(option for option in options_of(type(options)) if option.name == name)
    return absolute(str(config.defaults()[option.section][name]))


def help_text(name: str, arguments: str = "", footer: str = "") -> str:
    """Returns the text of --help.

    Args:
        name: name of the program in configs/options.yaml.
        arguments: positional arguments in the usage line.
        footer: lines after the last option.
    """
    program = schema.programs()[name]
    examples = ["  " + resources.command(program.target, flags) for flags in program.examples]
    usage = f"Usage: {resources.command(program.target, f'[flags] {arguments}')}"
    lines = [program.summary, "", "Examples:", *examples, "", _wrap(program.details), "", usage]
    section = ""
    for option in program.options:
        if option.section != section:
            section = option.section
            lines += ["", f"{section}:"]
        lines += _help_lines(option)
    lines += ["", f"  --{_CONFIG_FLAG}", _wrap(_CONFIG_HELP, 6), _VERSION_HELP]
    lines += [footer] if footer else []
    return "\n".join([*lines, "", _wrap(_EXIT_CODES)])


def _help_lines(option: Option) -> list[str]:
    default = config.defaults()[option.section][option.name]
    notes = [f"unit: {option.unit}"] if option.unit else []
    if option.choices:
        notes.append(" | ".join(option.choices))
    shown = str(default).lower() if option.type is bool else default
    notes.append(f"default: {shown}" if shown != "" else "default: empty")
    notes += [f"alias: --{alias}" for alias in option.aliases]
    name = f"  --[no]{option.name}" if option.type is bool else f"  --{option.name}"
    return [name, _wrap(f"{option.help} ({'; '.join(notes)})", 6)]


def _wrap(text: str, indent: int = 0) -> str:
    filled = textwrap.fill(text, _WIDTH - indent, break_on_hyphens=False)
    return textwrap.indent(filled, " " * indent)
