"""Configuration files: the built-in defaults and the user's --config_path."""

import functools
from collections.abc import Iterator
from typing import Any, TypeVar

import yaml
from runfiles import Runfiles

from lenet.errors import UserError
from lenet.options.schema import Option, Value, options_of, unknown

OptionsT = TypeVar("OptionsT")
Sections = dict[str, dict[str, Value]]


@functools.cache
def defaults() -> Sections:
    """configs/default_config.yaml, as {section: {key: default}}."""
    path = Runfiles.Create().Rlocation("lenet_mindspore/configs/default_config.yaml")
    return _load(path)


def default_options(options_class: type[OptionsT], **changes: Value) -> OptionsT:
    """An options object of the defaults but for `changes`; paths are as the file writes them."""
    values = {o.name: defaults()[o.section][o.name] for o in options_of(options_class)}
    return options_class(**values | changes)


def read(path: str, options: list[Option]) -> dict[str, Value]:
    """The values that the file at `path` gives to `options`.

    Every key of the file must be known to some program, in its section or at the top level;
    those of other programs are left alone. A value in a section wins over one at the top level.

    Raises:
        UserError: unreadable file, bad YAML, unknown section or key, wrong type or range.
    """
    flat: dict[str, Value] = {}
    grouped: dict[str, Value] = {}
    own = {(option.section, option.name): option for option in options}
    by_name = {option.name: option for option in options}
    for section, key, value in _entries(_load(path), path):
        if section is None:
            if key in by_name:
                flat[key] = by_name[key].check(value, path)
        elif (section, key) in own:
            grouped[key] = own[section, key].check(value, path)
    return flat | grouped


def _entries(document: dict[str, Any], path: str) -> Iterator[tuple[str | None, str, Any]]:
    """Each (section or None, key, value) of a user's file, with names checked."""
    sections = defaults()
    known_keys = {key for keys in sections.values() for key in keys}
    for name, content in document.items():
        if isinstance(content, dict):
            if name not in sections:
                raise unknown("section", str(name), sections, path)
            for key, value in content.items():
                if key not in sections[name]:
                    raise unknown("key", str(key), sections[name], f"{path}: section {name}")
                yield name, key, value
        elif name in known_keys:
            yield None, name, content
        else:
            raise unknown("key", str(name), known_keys, path)


def _load(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected lines `key: value`, found {document!r:.60}")
    return document
