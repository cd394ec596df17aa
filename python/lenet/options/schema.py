"""The options of each program, as configs/options.yaml defines them."""

import contextlib
import dataclasses
import functools
import re
import sys
from typing import Any

import yaml

from lenet import resources
from lenet.errors import UserError

Value = bool | int | float | str

_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "text": str, "path": str}
# Truth values of YAML 1.1.
_WORDS = dict.fromkeys(("true", "yes", "on", "y"), True)
_WORDS |= dict.fromkeys(("false", "no", "off", "n"), False)
_MAX_INT = 2**31 - 1  # of an int of C++
_INTEGER = re.compile(r"[+-]?[0-9]+|0[xX][0-9a-fA-F]+")
_TYPE_NAMES = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}


@dataclasses.dataclass(frozen=True)
class Option:
    """An option of a program: a flag, a key of a configuration file and an attribute.

    Attributes:
        name: name of the flag, the key and the attribute.
        section: section of the configuration file that holds the key.
        type: bool, int, float or str.
        help: effect of the option.
        unit: unit of a number; "" for none.
        choices: accepted texts, in any case; empty for all.
        minimum: smallest accepted number, or None.
        maximum: largest accepted number, or None.
        is_path: whether a text is a path relative to where the user typed the command.
        aliases: other names of the flag and the key.
        top_level: whether the key counts outside of its section.
        overrides: name of an option without effect if this one is set; "" for none.
    """

    name: str
    section: str
    type: type
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    is_path: bool = False
    aliases: tuple[str, ...] = ()
    top_level: bool = True
    overrides: str = ""

    @property
    def expected(self) -> str:
        """Description of the accepted values, such as "an integer of at least 1"."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        bounds = []
        if self.minimum is not None:
            bounds.append(f"at least {self.minimum:g}")
        if self.maximum is not None:
            bounds.append(f"at most {self.maximum:g}")
        return _TYPE_NAMES[self.type] + (" of " + " and ".join(bounds) if bounds else "")

    def check(self, value: Any, source: str) -> Value:
        """Returns `value`, or its text, in the type and spelling of the option.

        Raises:
            UserError: the value is not accepted; the message names `source`.
        """
        if type(value) is str and (self.type is not str or self.choices):
            value = self._typed(value.strip())
        if self.type is float and type(value) is int:
            value = float(value)
        if not self._accepts(value):
            raise UserError(f"{source}: {self.name} must be {self.expected}, not {value!r:.80}")
        for choice in self.choices:
            if choice.lower() == value.lower():
                return choice
        return value

    def _typed(self, text: str) -> Any:
        """Returns the value that a text stands for, or the text; cc/inference does the same."""
        if self.type is bool:
            return _WORDS.get(text.lower(), text)
        if "yes" in self.choices and text.lower() in _WORDS:
            return "yes" if _WORDS[text.lower()] else "no"
        with contextlib.suppress(ValueError):
            if self.type is int and _INTEGER.fullmatch(text):
                return int(text, 16 if "x" in text.lower() else 10)
            if self.type is float and "_" not in text:
                return float(text)
        return text

    def _accepts(self, value: Any) -> bool:
        kind: object = type(value)
        if kind is not self.type:
            return False
        if self.type is str:
            return not self.choices or value.lower() in map(str.lower, self.choices)
        low = -sys.float_info.max if self.minimum is None else self.minimum
        high = _MAX_INT if self.type is int else sys.float_info.max
        high = high if self.maximum is None else self.maximum
        return self.type is bool or low <= value <= high


@dataclasses.dataclass(frozen=True)
class Program:
    """A program: its Bazel target, the texts of its --help and its options in that order."""

    target: str
    summary: str
    examples: list[str]
    details: str
    options: tuple[Option, ...]


@functools.cache
def programs() -> dict[str, Program]:
    """Returns the programs by name, such as "train" or "infer310"."""
    document = _document()
    result = {}
    for name, program in document["programs"].items():
        attributes = dict(program)
        options = tuple(
            _option(name, section, key, definition)
            for section in attributes.pop("sections")
            for key, definition in document["sections"][section].items()
        )
        result[name] = Program(**attributes, options=options)
    return result


def original_keys() -> dict[str, str | None]:
    """Returns the original program's keys without effect, with that value; None is any value."""
    return _document()["original"]


def misnomers() -> dict[str, str]:
    """Returns the options by names that other programs give to them."""
    return _document()["misnomers"]


@functools.cache
def _document() -> dict[str, Any]:
    path = resources.path("configs/options.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options_of(options_class: type[Any]) -> tuple[Option, ...]:
    """Returns the options of a class of lenet.options.programs, in the order of --help."""
    return programs()[options_class.program].options


def _option(program: str, section: str, name: str, definition: dict[str, Any]) -> Option:
    values = definition | definition.get(program, {})
    kind = values["type"]
    return Option(
        name,
        section,
        _TYPES[kind],
        values["help"],
        values.get("unit", ""),
        tuple(values.get("choices", ())),
        values.get("min"),
        values.get("max"),
        kind == "path",
        tuple(values.get("aliases", ())),
        values.get("top_level", True),
        values.get("overrides", ""),
    )
