"""Configuration files: the defaults and the user's --config_path."""

import difflib
import functools
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import yaml

from lenet import resources
from lenet.errors import UserError
from lenet.options.schema import Option, Value, misnomers, options_of, original_keys, programs

OptionsT = TypeVar("OptionsT")
Sections = dict[str, dict[str, Value]]

_TYPO = 0.8  # similarity of a misspelled key, from 0 to 1


@functools.cache
def defaults() -> Sections:
    """Returns configs/default_config.yaml as {section: {key: default}}.

    Without this project's own kernels, fused_kernels is false.
    """
    text = resources.path("configs/default_config.yaml").read_text(encoding="utf-8")
    sections = yaml.safe_load(text)
    if resources.find(resources.KERNELS) is None:
        for keys in sections.values():
            keys.update(dict.fromkeys(keys.keys() & {"fused_kernels"}, False))
    return sections


def default_options(options_class: type[OptionsT], **changes: Value) -> OptionsT:
    """Returns the default options with `changes`; paths stay as they are written."""
    values = {o.name: defaults()[o.section][o.name] for o in options_of(options_class)}
    return options_class(**values | changes)


def checked_options(options_class: type[OptionsT], changes: dict[str, Any]) -> OptionsT:
    """Returns the default options with `changes`, checked like flags; paths become absolute.

    Raises:
        UserError: unknown option, or a value that it does not accept.
    """
    options = {option.name: option for option in options_of(options_class)}
    for name in changes:
        _check_known("option", name, options, options_class.__name__)
    values = {name: defaults()[option.section][name] for name, option in options.items()}
    for name, value in changes.items():
        text = str(value) if isinstance(value, pathlib.PurePath) else value
        values[name] = options[name].check(text, options_class.__name__)
    for name, option in options.items():
        if option.is_path and values[name]:
            values[name] = str(pathlib.Path(str(values[name])).absolute())
    return options_class(**values)


def as_yaml(options: Any) -> str:
    """Returns a configuration file that gives a program these options."""
    sections: Sections = {}
    for option in options_of(type(options)):
        sections.setdefault(option.section, {})[option.name] = getattr(options, option.name)
    return yaml.safe_dump(sections, sort_keys=False, allow_unicode=True)


def keys() -> dict[str, list[str]]:
    """Returns the keys of each section of a configuration file, with their aliases."""
    names = {section: dict.fromkeys(values) for section, values in defaults().items()}
    for program in programs().values():
        for option in program.options:
            names[option.section].update(dict.fromkeys(option.aliases))
    return {section: list(values) for section, values in names.items()}


def read(path: str, options: Iterable[Option]) -> tuple[dict[str, Value], list[str]]:
    """Returns the values that a configuration file gives to `options`, and the keys not used.

    A key is in its section or at the top level; a value in a section overrides one at the top
    level. Keys of other programs are ignored. At the top level of a file without sections, other
    keys have no use, as in the original program's default_config.yaml, of which only the first
    document counts.

    Raises:
        UserError: unreadable file, invalid YAML, unknown section, unknown key in a section or with
            nearly the name of an option, value not accepted.
    """
    flat: dict[str, Value] = {}
    grouped: dict[str, Value] = {}
    by_name = {name: option for option in options for name in (option.name, *option.aliases)}
    unused: list[str] = []
    document, others = _load(pathlib.Path(path))
    for section, key, value in _entries(document, path):
        option = by_name.get(key)
        if section is None and _is_unused(key, value, option):
            unused.append(key)
            if option and not option.top_level:
                unused[-1] += f" (counts in the section {option.section} only)"
        elif option and section is None:
            flat[option.name] = option.check(value, path)
        elif option and section == option.section:
            grouped[option.name] = option.check(value, path)
    if others:
        unused.append("the documents after the first `---`")
    return flat | grouped, unused


def _entries(document: dict[str, Any], path: str) -> Iterator[tuple[str | None, str, Any]]:
    """Yields (section or None, key, value) for each key after checking the names."""
    sections = keys()
    all_keys = {key for names in sections.values() for key in names}
    flat = not any(isinstance(content, dict) for content in document.values())
    for name, content in document.items():
        if content is None and name in sections:  # all keys of it are comments
            continue
        if isinstance(content, dict):
            _check_known("section", name, sections, path)
            for key, value in content.items():
                _check_known("key", key, sections[name], f"{path}: section {name}")
                yield name, key, value
        else:
            # In a flat file, a key that is present cannot be misspelled in another one.
            known = all_keys.difference(document) if flat and name not in all_keys else all_keys
            if name not in original_keys() or misnomers().get(name) in known:
                _check_known("key", name, known, path, _TYPO if flat else 0)
            yield None, name, content


def _is_unused(key: str, value: object, option: Option | None) -> bool:
    """Returns whether to report a key at the top level as unused; not if another program has it."""
    if key in original_keys():
        return original_keys()[key] in (None, value)
    if option:
        return not option.top_level
    return not any(key in names for names in keys().values())


def _check_known(
    kind: str, name: object, known: Iterable[str], source: str, typo: float = 0
) -> None:
    """Raises UserError if a name is unknown and, with `typo`, as similar to a known one as that."""
    names = sorted(known)
    near = nearest(str(name), names, typo or 0.6)
    if name in names or (typo and not near):
        return
    hint = f"did you mean {near!r}?" if near else "expected one of " + ", ".join(names)
    raise UserError(f"{source}: unknown {kind} {name!r}; {hint}")


def nearest(name: str, known: Iterable[str], similarity: float = 0.6) -> str:
    """Returns what an unknown name stands for, or the known name that is most like it, or ""."""
    names = sorted(known)
    meant = misnomers().get(name)
    near = [meant] if meant in names else difflib.get_close_matches(name, names, 1, similarity)
    return near[0] if near else ""


class _TextLoader(yaml.SafeLoader):
    """Loads numbers, dates and truth values as text: the option decides what a text stands for."""

    yaml_implicit_resolvers = {
        start: [(tag, regexp) for tag, regexp in resolvers if tag.endswith(":null")]
        for start, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Returns a mapping; a key that occurs twice is an error, as YAML has it."""
        names = set()
        for key, _ in node.value:
            if str(key.value) in names:
                problem = f"the key {key.value!r} occurs twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            names.add(str(key.value))
        return super().construct_mapping(node, deep)


for _tag in ("int", "float", "bool", "timestamp", "binary"):
    yaml.add_constructor(f"tag:yaml.org,2002:{_tag}", lambda _, node: node.value, _TextLoader)


def _load(path: pathlib.Path) -> tuple[dict[str, Any], list[Any]]:
    """Returns the first document of a file, and the others."""
    try:
        documents = list(yaml.load_all(path.read_bytes(), _TextLoader))  # noqa: S506
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        hint = "; indent with spaces, not tabs" if "'\\t'" in str(error) else ""
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}{hint}") from error
    document = documents[0] if documents else None
    if document is not None and not isinstance(document, dict):
        raise UserError(f"{path}: expected lines `key: value`, found {document!r:.60}")
    return document or {}, documents[1:]
