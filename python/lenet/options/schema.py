"""How an options class describes its fields, and how values are checked.

An options class is a frozen dataclass whose fields are made by `option()` and whose `section`
names the section of configs/default_config.yaml that holds their defaults:

    @dataclasses.dataclass(frozen=True)
    class DeviceOptions:
        section: ClassVar[str] = "device"
        device_id: int = option("index of the card", minimum=0)

Classes are combined by inheritance; each field belongs to the section of the class that wrote it.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable
from typing import Any

from lenet.errors import UserError

Value = bool | int | float | str

_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclasses.dataclass(frozen=True)
class Option:
    """One field of an options class.

    Attributes:
        name: of the field, the flag and the key in a configuration file.
        section: of configs/default_config.yaml that holds the default.
        type: bool, int, float or str.
        help: one line, without the default.
        unit: of the value, for --help; "" where it has none.
        choices: accepted values of a text (case is ignored); empty for any.
        minimum: smallest accepted number, or None.
        maximum: largest accepted number, or None.
        path: whether the text is a path, relative to where the user typed the command.
    """

    name: str
    section: str
    type: type
    help: str
    unit: str
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    path: bool

    def expected(self) -> str:
        """What a value must be, for messages: "a whole number of at least 1"."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        bounds = []
        if self.minimum is not None:
            bounds.append(f"of at least {self.minimum:g}")
        if self.maximum is not None:
            bounds.append(f"of at most {self.maximum:g}")
        return " ".join([_TYPE_NAMES[self.type], " and ".join(bounds)]).strip()

    def check(self, value: object, source: str) -> Value:
        """Returns `value` in the type of this option, or raises UserError that names `source`."""
        if self.type is float and type(value) is int:
            value = float(value)
        if type(value) is not self.type or not self._fits(value):
            raise UserError(f"{source}: {self.name} must be {self.expected()}, not {value!r}")
        for choice in self.choices:
            if choice.lower() == str(value).lower():
                return choice
        return value

    def _fits(self, value: Any) -> bool:
        if self.choices:
            return value.lower() in (choice.lower() for choice in self.choices)
        if self.type is float and not math.isfinite(value):
            return False
        if self.minimum is not None and value < self.minimum:
            return False
        return self.maximum is None or value <= self.maximum


def option(
    help: str,
    *,
    unit: str = "",
    choices: Iterable[str] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    path: bool = False,
) -> Any:
    """A field of an options class; see Option for the arguments."""
    return dataclasses.field(
        metadata={
            "help": help,
            "unit": unit,
            "choices": tuple(choices),
            "minimum": minimum,
            "maximum": maximum,
            "path": path,
        }
    )


def options_of(options_class: type) -> list[Option]:
    """The options of a class and of the classes it inherits from, in that order of writing."""
    result = []
    for field in dataclasses.fields(options_class):
        owner = next(c for c in reversed(options_class.__mro__) if field.name in _annotations(c))
        result.append(Option(field.name, owner.section, field.type, **field.metadata))
    return result


def _annotations(cls: type) -> dict[str, Any]:
    return cls.__dict__.get("__annotations__", {})


def unknown(kind: str, name: str, known: Iterable[str], source: str) -> UserError:
    """The error for a name that nothing reads, with the nearest one that something does."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "known are " + ", ".join(names)
    return UserError(f"{source}: unknown {kind} {name!r}; {hint}")
