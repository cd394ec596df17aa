"""Configuration files: the defaults and the user's --config_path."""

import difflib
import functools
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import yaml

from lenet import resources
from lenet.errors import UserError
from lenet.options.schema import Option, Value, options_of

OptionsT = TypeVar("OptionsT")
Sections = dict[str, dict[str, Value]]


@functools.cache
def defaults() -> Sections:
    """Returns configs/default_config.yaml as {section: {key: default}}.

    Without this project's own kernels, fused_kernels is false.
    """
    sections = _load(resources.path("configs/default_config.yaml"))
    if resources.find(resources.KERNELS) is None:
        for keys in sections.values():
            keys.update(dict.fromkeys(keys.keys() & {"fused_kernels"}, False))
    return sections


def default_options(options_class: type[OptionsT], **changes: Value) -> OptionsT:
    """Returns the default options with `changes`; paths stay as they are written."""
    values = {o.name: defaults()[o.section][o.name] for o in options_of(options_class)}
    return options_class(**values | changes)


def read(path: str, options: Iterable[Option]) -> dict[str, Value]:
    """Returns the values that a configuration file gives to `options`.

    Each key must exist in default_config.yaml, in its section or at the top level; keys of other
    programs are ignored. A value in a section overrides one at the top level.

    Raises:
        UserError: unreadable file, invalid YAML, unknown section or key, value not accepted.
    """
    flat: dict[str, Value] = {}
    grouped: dict[str, Value] = {}
    by_name = {option.name: option for option in options}
    for section, key, value in _entries(_load(pathlib.Path(path)), path):
        option = by_name.get(key)
        if option and section is None:
            flat[key] = option.check(value, path)
        elif option and section == option.section:
            grouped[key] = option.check(value, path)
    return flat | grouped


def _entries(document: dict[str, Any], path: str) -> Iterator[tuple[str | None, str, Any]]:
    """Yields (section or None, key, value) for each key after checking that the names exist."""
    sections = defaults()
    all_keys = {key for keys in sections.values() for key in keys}
    for name, content in document.items():
        if isinstance(content, dict):
            _check_known("section", name, sections, path)
            for key, value in content.items():
                _check_known("key", key, sections[name], f"{path}: section {name}")
                yield name, key, value
        else:
            _check_known("key", name, all_keys, path)
            yield None, name, content


def _check_known(kind: str, name: object, known: Iterable[str], source: str) -> None:
    names = sorted(known)
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "expected one of " + ", ".join(names)
        raise UserError(f"{source}: unknown {kind} {name!r}; {hint}")


def _load(path: pathlib.Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {error}") from error
    if document is not None and not isinstance(document, dict):
        raise UserError(f"{path}: expected lines `key: value`, found {document!r:.60}")
    return document or {}
