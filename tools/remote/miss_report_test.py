"""Sizes are counted once, and long reports are cut short."""

import json
import pathlib
from typing import Any

from tools.remote import miss_report
from tools.remote.misses import Cause, Comparison, Miss, Tally


def _spawn(number: int) -> dict[str, Any]:
    return {
        "commandArgs": ["make"],
        "inputs": [
            {"path": "common", "digest": {"hash": "aa", "sizeBytes": "1000000"}},
            {"path": "copy", "digest": {"hash": "aa", "sizeBytes": "1000000"}},
            {"path": f"own{number}", "digest": {"hash": f"{number}", "sizeBytes": f"{number}"}},
        ],
        "listedOutputs": [f"out/{number}"],
        "mnemonic": "Genrule",
    }


def test_sizes_count_each_content_once_and_sort_by_bytes(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(json.dumps(_spawn(number)) for number in range(1, 31)))
    spawns, kinds = miss_report.sizes(log)
    assert len(spawns) == 15
    assert spawns[0] == miss_report.Inputs("Genrule out/30", 1, 3, 2_000_030, 1_000_030)
    assert spawns[-1].name == "Genrule out/16"
    own = sum(range(1, 31))
    assert kinds[0] == miss_report.Inputs("Genrule", 30, 90, 60_000_000 + own, 1_000_000 + own)
    assert [kind.name for kind in kinds] == ["Genrule", "all"]


def _comparison(hits: int, misses: tuple[Miss, ...]) -> Comparison:
    tallies = {"Genrule": Tally(hits, hits + len(misses))}
    return Comparison(tallies, {"local": len(misses)}, ("Genrule //:x",), (), misses)


def test_less_than_all_is_never_shown_as_100_percent() -> None:
    miss = Miss("Genrule //:y", (Cause("not stored", "why"),))
    text = miss_report.render(_comparison(99_999, (miss,)))
    assert "99,999 of 100,000 cacheable spawns were hits (99.9 %)" in text
    assert "tagged against caches: 1: Genrule //:x" in text


def test_of_a_second_build_without_a_cache_only_differences_are_shown() -> None:
    same = Miss("S", (Cause("not stored", "why"),))
    other = Miss("O", (Cause("not deterministic", "S: out"), Cause("not stored", "why")))
    text = miss_report.render_rebuilt(_comparison(0, (same, other)))
    assert text.startswith("2 spawns ran again, 1 with other inputs or results")
    assert "not deterministic: S: out" in text and "1 that differ: O" in text
    assert "not stored" not in text


def test_many_inputs_with_the_same_dependents_are_one_cause() -> None:
    causes = tuple(Cause("input", f"file{number:04}: only in the first") for number in range(1500))
    text = miss_report.render(_comparison(0, (Miss("A", causes), Miss("B", causes))))
    assert "file0000" in text and "input: 1,496 more like these" in text
    assert "2 missed: A, B" in text
    assert len(text.splitlines()) < 15


def test_many_causes_are_cut_short() -> None:
    misses = tuple(Miss(f"S{n}", (Cause("input", f"f{n}: x"),)) for n in range(50))
    text = miss_report.render(_comparison(0, misses))
    assert "… and 30 more" in text
