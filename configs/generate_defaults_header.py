"""Prints a C++ header with the defaults of a configuration file.

Usage: generate_defaults_header.py default_config.yaml > defaults.h

Each section becomes a namespace, each key a constant: `train: {batch_size: 32}` is
`lenet::defaults::train::kBatchSize`; the section `export`, a word of C++ itself, is `export_`.
"""

import sys
from typing import Any

import yaml

_HEAD = """\
// Generated from configs/default_config.yaml.
#ifndef LENET_CONFIGS_DEFAULTS_H_
#define LENET_CONFIGS_DEFAULTS_H_

namespace lenet::defaults {

struct Key {
  const char* section;
  const char* name;
};

// Every key that a configuration file may hold.
"""

_KEYWORDS = {"export"}

_TAIL = """\

}  // namespace lenet::defaults

#endif  // LENET_CONFIGS_DEFAULTS_H_
"""


def constant(key: str, value: Any) -> str:
    """The C++ definition of one default."""
    name = "k" + "".join(word.capitalize() for word in key.split("_"))
    if isinstance(value, bool):
        return f"inline constexpr bool {name} = {str(value).lower()};"
    if isinstance(value, int):
        return f"inline constexpr int {name} = {value};"
    if isinstance(value, float):
        return f"inline constexpr double {name} = {value!r};"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'inline constexpr char {name}[] = "{escaped}";'
    raise TypeError(f"{key}: {value!r} is neither a truth value, a number nor a text")


def header(sections: dict[str, dict[str, Any]]) -> str:
    """The header for {section: {key: default}}."""
    keys = [f'    {{"{section}", "{key}"}},' for section in sections for key in sections[section]]
    lines = ["inline constexpr Key kKeys[] = {", *keys, "};"]
    for section, defaults in sections.items():
        namespace = section + "_" if section in _KEYWORDS else section
        lines += ["", f"namespace {namespace} {{"]
        lines += [constant(key, value) for key, value in defaults.items()]
        lines += [f"}}  // namespace {namespace}"]
    return _HEAD + "\n".join(lines) + "\n" + _TAIL


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        print(header(yaml.safe_load(file)), end="")


if __name__ == "__main__":
    main()
