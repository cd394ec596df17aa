"""Prints the C++ header with the flags of infer310.

Usage: generate_options_header > infer310_options.h
"""

import json

import lenet
from lenet.options import config, flags, schema

_HEADER = """\
// Generated from configs/options.yaml and configs/default_config.yaml.
#ifndef LENET_CONFIGS_INFER310_OPTIONS_H_
#define LENET_CONFIGS_INFER310_OPTIONS_H_

namespace lenet {{

struct Option {{
  enum class Type {{ kBool, kInt, kText }};

  const char* section;
  const char* name;
  Type type;
  const char* choices;   // accepted texts, separated by commas; "" for all
  int minimum;           // of an integer
  int maximum;
  const char* expected;  // description of the accepted values
  bool top_level;        // whether the key counts outside of its section
}};

// The options of infer310. Each is a flag and a key of a configuration file.
inline constexpr Option kInfer310Options[] = {{
{options}
}};

struct ConfigKey {{
  const char* section;
  const char* name;
}};

// The keys of all programs in a configuration file.
inline constexpr ConfigKey kConfigKeys[] = {{
{keys}
}};

// Keys of the original program's file without effect here, with the value that
// has none, or null for all values.
inline constexpr struct {{
  const char* name;
  const char* value;
}} kOriginalKeys[] = {{
{original}
}};

// Names of options in other programs, and the names here.
inline constexpr struct {{
  const char* name;
  const char* option;
}} kMisnomers[] = {{
{misnomers}
}};

inline constexpr char kInfer310Help[] = R"help({help}
)help";

inline constexpr char kInfer310Version[] = "infer310 (lenet_mindspore {version})\\n";

}}  // namespace lenet

#endif  // LENET_CONFIGS_INFER310_OPTIONS_H_

// One source file defines the flags.
#ifdef LENET_DEFINE_INFER310_FLAGS
{flags}
#endif
"""

_INT_MAX = 2**31 - 1
_FLAG_TYPES = {bool: "bool", int: "int", str: "std::string"}
_OPTION_TYPES = {bool: "kBool", int: "kInt", str: "kText"}


def _row(option: schema.Option) -> str:
    low = -_INT_MAX if option.minimum is None else option.minimum
    high = _INT_MAX if option.maximum is None else option.maximum
    choices = ",".join(option.choices)
    kind = f"Option::Type::{_OPTION_TYPES[option.type]}"
    texts = (option.section, option.name, choices, option.expected, option.top_level)
    section, name, choices, expected, top_level = map(json.dumps, texts)
    return f"    {{{section}, {name}, {kind}, {choices}, {low}, {high}, {expected}, {top_level}}},"


def _flag(option: schema.Option) -> str:
    default = json.dumps(config.defaults()[option.section][option.name])
    help_text = json.dumps(option.help)
    return f"ABSL_FLAG({_FLAG_TYPES[option.type]}, {option.name}, {default}, {help_text});"


def main() -> None:
    """Prints the header."""
    options = schema.programs()["infer310"].options
    keys = [f'    {{"{section}", "{key}"}},' for section, d in config.keys().items() for key in d]
    original = [
        f'    {{"{name}", {"nullptr" if value is None else json.dumps(value)}}},'
        for name, value in schema.original_keys().items()
    ]
    misnomers = [f'    {{"{name}", "{key}"}},' for name, key in schema.misnomers().items()]
    fields = {
        "options": map(_row, options),
        "keys": keys,
        "flags": map(_flag, options),
        "original": original,
        "misnomers": misnomers,
    }
    text = {name: "\n".join(lines) for name, lines in fields.items()}
    print(
        _HEADER.format(**text, help=flags.help_text("infer310"), version=lenet.__version__), end=""
    )


if __name__ == "__main__":
    main()
