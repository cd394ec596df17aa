"""What the program prints and its exit codes."""

import json
import pathlib
from typing import Any

import pytest

from tools.remote import explain_miss


def _spawn(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "commandArgs": ["make"],
        "environmentVariables": [],
        "inputs": [
            {"path": "common", "digest": {"hash": "aa", "sizeBytes": "1000000"}},
            {"path": "copy", "digest": {"hash": "aa", "sizeBytes": "1000000"}},
            {"path": f"own{number}", "digest": {"hash": f"{number}", "sizeBytes": f"{number}"}},
        ],
        "listedOutputs": [f"out/{number}"],
        "cacheable": True,
        "mnemonic": "Genrule",
        "actualOutputs": [],
        "runner": "linux-sandbox",
        "remoteCacheHit": False,
        "exitCode": 0,
        "remoteCacheable": True,
    } | fields


def _log(path: pathlib.Path, *spawns: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(spawn) for spawn in spawns))
    return str(path)


def test_all_hits_end_with_0(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = _log(tmp_path / "first", _spawn(1))
    second = _log(tmp_path / "second", _spawn(1, remoteCacheHit=True, runner="remote cache hit"))
    assert explain_miss.main([first, second]) == 0
    output = capsys.readouterr().out
    assert "1 of 1 cacheable spawns were hits (100 %)" in output
    assert "remote cache hit 1" in output


def test_misses_end_with_1_and_a_cause(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _log(tmp_path / "first", _spawn(1))
    second = _log(tmp_path / "second", _spawn(1, commandArgs=["fake"]))
    assert explain_miss.main([first, second]) == 1
    output = capsys.readouterr().out
    assert "argument: 0: 'make' → 'fake'" in output
    assert "1 missed: Genrule out/1" in output


def test_json_has_the_causes(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = _log(tmp_path / "first", _spawn(1))
    second = _log(tmp_path / "second", _spawn(1, commandArgs=["fake"]))
    assert explain_miss.main([first, second, "--json", "--sizes"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["hits"], result["cacheable_spawns"], result["hit_ratio"]) == (0, 1, 0.0)
    assert result["root_causes"] == [
        {"kind": "argument", "text": "0: 'make' → 'fake'", "missed": ["Genrule out/1"]}
    ]
    assert result["totals"][0]["files"] == 3


@pytest.mark.parametrize("content", ["", "hello", json.dumps(_spawn(1))[:-9]])
def test_what_is_no_log_ends_with_2_and_one_line(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    good = _log(tmp_path / "good", _spawn(1))
    (tmp_path / "bad").write_text(content)
    assert explain_miss.main([good, str(tmp_path / "bad")]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("explain_miss: error: ") and output.err.count("\n") == 1


def test_one_log_is_enough_only_for_sizes(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = _log(tmp_path / "log", _spawn(1))
    assert explain_miss.main([log, "--sizes"]) == 0
    with pytest.raises(SystemExit) as ended:
        explain_miss.main([log])
    assert ended.value.code == 2
    assert "name the second log" in capsys.readouterr().err


def test_paths_are_relative_to_where_the_user_is(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _log(tmp_path / "log", _spawn(1))
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    assert explain_miss.main(["log", "--sizes"]) == 0
