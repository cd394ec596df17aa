"""Each kind of difference between two logs, and what follows from it for dependent spawns."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tools.remote import misses
from tools.remote.execution_log import LogError
from tools.remote.misses import Cause, Comparison

_HIT = {"runner": "disk cache hit", "cacheHit": True}


def _spawn(
    label: str,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    mnemonic: str = "Genrule",
    variables: Mapping[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A spawn as 7.7.1 logs it; files are given as path: content."""
    return {
        "commandArgs": ["make", label],
        "environmentVariables": [
            {"name": name, "value": value} for name, value in (variables or {}).items()
        ],
        "platform": {"properties": []},
        "inputs": _files(inputs),
        "listedOutputs": list(outputs),
        "remotable": True,
        "cacheable": True,
        "mnemonic": mnemonic,
        "actualOutputs": _files(outputs),
        "runner": "linux-sandbox",
        "cacheHit": False,
        "status": "",
        "exitCode": 0,
        "remoteCacheable": True,
        "targetLabel": label,
    } | fields


def _files(files: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"path": path, "digest": {"hash": content, "sizeBytes": str(len(content))}}
        for path, content in files.items()
    ]


def _old(spawn: dict[str, Any]) -> dict[str, Any]:
    """The same as 4.2.3 logs it."""
    old = dict(spawn)
    old["remoteCacheHit"] = old.pop("cacheHit")
    del old["targetLabel"]
    return old


def _compare(
    folder: pathlib.Path, first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]
) -> Comparison:
    for name, spawns in (("first.json", first), ("second.json", second)):
        (folder / name).write_text("".join(json.dumps(spawn, indent=2) for spawn in spawns))
    return misses.compare(folder / "first.json", folder / "second.json")


def _only_cause(comparison: Comparison) -> Cause:
    ((cause, _),) = comparison.root_causes()
    return cause


_A = _spawn("//:a", {"a.in": "1"}, {"out/a": "2"})
_B = _spawn("//:b", {"out/a": "2"}, {"out/b": "3"})
_C = _spawn("//:c", {"out/b": "3"}, {"out/c": "4"})


def test_hits_have_no_cause(tmp_path: pathlib.Path) -> None:
    comparison = _compare(tmp_path, [_A, _B], [_A | _HIT, _B | _HIT])
    assert (comparison.hits, comparison.spawns, comparison.ratio) == (2, 2, 1.0)
    assert comparison.misses == ()
    assert comparison.runners == {"disk cache hit": 2}


def test_hits_are_counted_by_mnemonic(tmp_path: pathlib.Path) -> None:
    link = _spawn("//:l", {}, {"out/l": "5"}, mnemonic="CppLink")
    comparison = _compare(tmp_path, [_A, link], [_A | _HIT, link])
    assert comparison.mnemonics == {
        "CppLink": misses.Tally(0, 1),
        "Genrule": misses.Tally(1, 1),
    }
    assert comparison.ratio == 0.5


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            {"environmentVariables": [{"name": "HOME", "value": "/root"}]},
            Cause("environment", "HOME: none → '/root'"),
        ),
        ({"commandArgs": ["make", "//:x"]}, Cause("argument", "1: '//:a' → '//:x'")),
        ({"commandArgs": ["make", "//:a", "-v"]}, Cause("argument", "2: none → '-v'")),
        (
            {"platform": {"properties": [{"name": "image", "value": "7"}]}},
            Cause("platform", "image: none → '7'"),
        ),
        (
            {"inputs": _files({"a.in": "9"})},
            Cause("input", "a.in: content differs (no spawn makes it)"),
        ),
        (
            {"inputs": _files({"a.in": "1", "b.in": "1"})},
            Cause("input", "b.in: only in the second"),
        ),
        ({"inputs": []}, Cause("input", "a.in: only in the first")),
        (
            {"listedOutputs": ["out/new"]},
            Cause("not in the first log", "Genrule //:a"),
        ),
    ],
)
@pytest.mark.parametrize("form", [dict, _old])
def test_each_difference_is_named(
    tmp_path: pathlib.Path, change: dict[str, Any], cause: Cause, form: Any
) -> None:
    comparison = _compare(tmp_path, [form(_A)], [form(_A | change)])
    found = _only_cause(comparison)
    assert found.kind == cause.kind
    if "targetLabel" in form(_A) or cause.kind != "not in the first log":
        assert found == cause


def test_a_value_that_changes_is_shown_as_both(tmp_path: pathlib.Path) -> None:
    first = _spawn("//:a", {}, {"o": "1"}, variables={"USER": "alice"})
    second = _spawn("//:a", {}, {"o": "1"}, variables={"USER": "bob"})
    assert _only_cause(_compare(tmp_path, [first], [second])).text == "USER: 'alice' → 'bob'"


def test_of_long_arguments_the_part_that_differs_is_shown(tmp_path: pathlib.Path) -> None:
    first = _A | {"commandArgs": ["sh", "-c", "x" * 500 + "/home/alice" + "y" * 500]}
    second = _A | {"commandArgs": ["sh", "-c", "x" * 500 + "/home/bob" + "y" * 500]}
    text = _only_cause(_compare(tmp_path, [first], [second])).text
    assert "alice" in text and "bob" in text
    assert len(text) < 250


def test_dependents_have_the_cause_of_what_made_their_inputs(tmp_path: pathlib.Path) -> None:
    second = [
        _A | {"commandArgs": ["make", "/tmp/x"], "actualOutputs": _files({"out/a": "20"})},
        _spawn("//:b", {"out/a": "20"}, {"out/b": "30"}),
        _spawn("//:c", {"out/b": "30"}, {"out/c": "40"}),
    ]
    comparison = _compare(tmp_path, [_A, _B, _C], second)
    assert comparison.root_causes() == [
        (
            Cause("argument", "1: '//:a' → '/tmp/x'"),
            ["Genrule //:a", "Genrule //:b", "Genrule //:c"],
        )
    ]


def test_what_reaches_a_spawn_by_a_symlink_is_found_by_its_content(tmp_path: pathlib.Path) -> None:
    link_first = _spawn("//:b", {"solib/a": "2"}, {"out/b": "3"})
    link_second = _spawn("//:b", {"solib/a": "20"}, {"out/b": "30"})
    changed = _A | {"inputs": _files({"a.in": "9"}), "actualOutputs": _files({"out/a": "20"})}
    comparison = _compare(tmp_path, [_A, link_first], [changed, link_second])
    assert _only_cause(comparison) == Cause("input", "a.in: content differs (no spawn makes it)")
    assert len(comparison.misses) == 2


def test_other_outputs_of_the_same_inputs_are_not_deterministic(tmp_path: pathlib.Path) -> None:
    second = [
        _A | {"actualOutputs": _files({"out/a": "20"})},
        _spawn("//:b", {"out/a": "20"}, {"out/b": "30"}),
    ]
    comparison = _compare(tmp_path, [_A, _B], second)
    assert comparison.root_causes() == [
        (
            Cause("not deterministic", "Genrule //:a: the same inputs gave other outputs: out/a"),
            ["Genrule //:a", "Genrule //:b"],
        )
    ]


def test_what_is_not_cacheable_is_to_blame_if_it_is_not_deterministic(
    tmp_path: pathlib.Path,
) -> None:
    first = _A | {"cacheable": False}
    second = [
        first | {"actualOutputs": _files({"out/a": "20"})},
        _spawn("//:b", {"out/a": "20"}, {"out/b": "30"}),
    ]
    comparison = _compare(tmp_path, [first, _B], second)
    assert comparison.uncacheable == ("Genrule //:a",)
    assert comparison.spawns == 1
    ((cause, missed),) = comparison.root_causes()
    assert cause.kind == "not deterministic"
    assert "not cacheable, so it ran in both" in cause.text
    assert missed == ["Genrule //:b"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "was the cache not written"),
        ({"exitCode": 1, "status": "NON_ZERO_EXIT"}, "it failed (NON_ZERO_EXIT 1)"),
        ({"cacheable": False}, "tagged against it"),
    ],
)
def test_what_the_first_build_did_not_store_is_said(
    tmp_path: pathlib.Path, change: dict[str, Any], reason: str
) -> None:
    cause = _only_cause(_compare(tmp_path, [_A | change], [_A]))
    assert cause.kind == "not stored"
    assert reason in cause.text


def test_a_second_build_without_a_cache_differs_only_where_it_does(tmp_path: pathlib.Path) -> None:
    second = [
        _A,
        _B | {"actualOutputs": _files({"out/b": "30"})},
        _spawn("//:c", {"out/b": "30"}, {"out/c": "4"}),
    ]
    comparison = _compare(tmp_path, [_A, _B, _C], second)
    assert len(comparison.misses) == 3
    differing = comparison.differing()
    assert [miss.name for miss in differing.misses] == ["Genrule //:b", "Genrule //:c"]
    assert _only_cause(differing).kind == "not deterministic"


def test_the_times_in_the_outputs_of_a_test_do_not_count(tmp_path: pathlib.Path) -> None:
    first = _spawn("//:t", {}, {"test.xml": "1"}, mnemonic="TestRunner")
    second = _spawn("//:t", {}, {"test.xml": "2"}, mnemonic="TestRunner")
    comparison = _compare(tmp_path, [first], [second])
    assert _only_cause(comparison).kind == "not stored"
    assert comparison.tests_run == ("TestRunner //:t",)


def test_a_cache_that_had_something_else_is_to_blame(tmp_path: pathlib.Path) -> None:
    second = [
        _A | _HIT | {"actualOutputs": _files({"out/a": "20"})},
        _spawn("//:b", {"out/a": "20"}, {"out/b": "30"}),
    ]
    cause = _only_cause(_compare(tmp_path, [_A, _B], second))
    assert cause == Cause(
        "cache was not empty", "out/a: the cache had another result of Genrule //:a"
    )


def test_the_cause_with_the_most_dependents_comes_first(tmp_path: pathlib.Path) -> None:
    changed = _A | {"inputs": _files({"a.in": "9"}), "actualOutputs": _files({"out/a": "20"})}
    other = _spawn("//:0", {}, {"out/0": "7"})
    second = [other, changed, _spawn("//:b", {"out/a": "20"}, {"out/b": "3"})]
    comparison = _compare(tmp_path, [other, _A, _B], second)
    kinds = [(cause.kind, len(missed)) for cause, missed in comparison.root_causes()]
    assert kinds == [("input", 2), ("not stored", 1)]


def test_spawns_that_make_each_other_do_not_hang(tmp_path: pathlib.Path) -> None:
    first = [_spawn("//:a", {"b": "1"}, {"a": "1"}), _spawn("//:b", {"a": "1"}, {"b": "1"})]
    second = [_spawn("//:a", {"b": "2"}, {"a": "2"}), _spawn("//:b", {"a": "2"}, {"b": "2"})]
    assert len(_compare(tmp_path, first, second).misses) == 2


@pytest.mark.parametrize(("first", "second"), [([], [_A]), ([_A], [])])
def test_a_log_without_spawns_is_an_error(
    tmp_path: pathlib.Path, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    with pytest.raises(LogError, match="has no spawn"):
        _compare(tmp_path, first, second)
