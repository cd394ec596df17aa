"""Both formats, broken files, and the memory that a long log takes."""

import json
import pathlib
import tracemalloc

import pytest

from tools.remote import execution_log
from tools.remote.execution_log import File, LogError

# As 4.2.3 writes it.
_OLD = """{
  "commandArgs": ["/usr/bin/gcc", "-DX\\u003d1", "-c", "a.cc"],
  "environmentVariables": [{
    "name": "LC_ALL",
    "value": "C.UTF-8"
  }],
  "platform": {
    "properties": [{
      "name": "OSFamily",
      "value": "linux"
    }]
  },
  "inputs": [{
    "path": "a.cc",
    "digest": {
      "hash": "aa",
      "sizeBytes": "689",
      "hashFunctionName": "SHA-256"
    }
  }, {
    "path": "empty.h"
  }],
  "listedOutputs": ["out/a.d", "out/a.o"],
  "remotable": true,
  "cacheable": true,
  "timeoutMillis": "0",
  "progressMessage": "Compiling a.cc",
  "mnemonic": "CppCompile",
  "actualOutputs": [{
    "path": "out/a.o",
    "digest": {
      "hash": "bb",
      "sizeBytes": "2728",
      "hashFunctionName": "SHA-256"
    }
  }],
  "runner": "remote cache hit",
  "remoteCacheHit": true,
  "status": "",
  "exitCode": 0,
  "remoteCacheable": true
}"""

# As 7.7.1 writes it.
_NEW = """{
  "commandArgs": ["/bin/bash", "-c", "cat in.txt"],
  "environmentVariables": [],
  "platform": {
    "properties": []
  },
  "inputs": [{
    "path": "in.txt",
    "digest": {
      "hash": "cc",
      "sizeBytes": "2",
      "hashFunctionName": "SHA-256"
    },
    "isTool": false,
    "symlinkTargetPath": ""
  }, {
    "path": "link",
    "isTool": false,
    "symlinkTargetPath": "in.txt"
  }],
  "listedOutputs": ["out/a.txt"],
  "remotable": true,
  "cacheable": true,
  "timeoutMillis": "0",
  "mnemonic": "Genrule",
  "actualOutputs": [],
  "runner": "disk cache hit",
  "cacheHit": true,
  "status": "",
  "exitCode": 0,
  "remoteCacheable": false,
  "targetLabel": "//:a",
  "digest": {
    "hash": "16",
    "sizeBytes": "148",
    "hashFunctionName": "SHA256"
  },
  "metrics": {
    "totalTime": "0.024s",
    "inputBytes": "1362",
    "inputFiles": "2"
  }
}"""


def _log(folder: pathlib.Path, text: str) -> pathlib.Path:
    path = folder / "log.json"
    path.write_text(text)
    return path


def test_reads_what_4_2_3_writes(tmp_path: pathlib.Path) -> None:
    (spawn,) = execution_log.read(_log(tmp_path, _OLD))
    assert spawn.key == "CppCompile out/a.d"
    assert spawn.name == "CppCompile out/a.d"
    assert spawn.arguments == ("/usr/bin/gcc", "-DX=1", "-c", "a.cc")
    assert spawn.environment == {"LC_ALL": "C.UTF-8"}
    assert spawn.platform == {"OSFamily": "linux"}
    assert spawn.inputs == {"a.cc": File("aa", 689), "empty.h": File("", 0)}
    assert spawn.outputs == {"out/a.o": File("bb", 2728)}
    assert spawn.input_bytes == 689
    assert spawn.cache_hit and spawn.shared and spawn.remotable
    assert spawn.runner == "remote cache hit"
    assert (spawn.exit_code, spawn.status) == (0, "")


def test_reads_what_7_7_1_writes(tmp_path: pathlib.Path) -> None:
    (spawn,) = execution_log.read(_log(tmp_path, _NEW))
    assert spawn.key == "Genrule out/a.txt"
    assert spawn.name == "Genrule //:a"
    assert spawn.inputs == {"in.txt": File("cc", 2), "link": File("-> in.txt", 0)}
    assert spawn.cache_hit and spawn.cacheable and not spawn.shared


@pytest.mark.parametrize("between", ["", "\n", "\n\n  "])
def test_objects_follow_each_other_with_or_without_space(
    tmp_path: pathlib.Path, between: str
) -> None:
    text = between.join([_OLD, _NEW, _OLD]) + between
    assert [spawn.mnemonic for spawn in execution_log.read(_log(tmp_path, text))] == [
        "CppCompile",
        "Genrule",
        "CppCompile",
    ]


def test_a_test_of_4_2_3_has_its_label(tmp_path: pathlib.Path) -> None:
    entry = json.loads(_OLD) | {
        "mnemonic": "TestRunner",
        "environmentVariables": [{"name": "TEST_TARGET", "value": "//cc:a_test"}],
    }
    (spawn,) = execution_log.read(_log(tmp_path, json.dumps(entry)))
    assert spawn.is_test
    assert spawn.name == "TestRunner //cc:a_test"


def test_attempts_of_one_test_have_keys_of_their_own(tmp_path: pathlib.Path) -> None:
    keys = [spawn.key for spawn in execution_log.read(_log(tmp_path, _NEW + _NEW))]
    assert keys == ["Genrule out/a.txt", "Genrule out/a.txt #2"]


def test_an_empty_log_has_no_spawn(tmp_path: pathlib.Path) -> None:
    assert list(execution_log.read(_log(tmp_path, "\n"))) == []


@pytest.mark.parametrize("kept", [1, 40, len(_OLD) // 2, len(_OLD) - 1])
def test_a_truncated_log_is_an_error_after_what_is_whole(tmp_path: pathlib.Path, kept: int) -> None:
    spawns = execution_log.read(_log(tmp_path, _NEW + _OLD[:kept]))
    assert next(spawns).mnemonic == "Genrule"
    with pytest.raises(LogError, match="log.json: ends in the middle of spawn 2"):
        next(spawns)


@pytest.mark.parametrize(
    "text",
    [
        "INFO: Build completed successfully\n",
        _NEW + "garbage " * 20,
        _NEW.replace('"runner": "disk cache hit"', '"runner": disk cache hit') + _OLD,
        "[1, 2]",
        '{"no": "spawn"}',
        _NEW.replace('"sizeBytes": "2"', '"sizeBytes": "two"'),
        '{"mnemonic": "X", "commandArgs": [], "inputs": 3}',
    ],
)
def test_what_is_no_log_is_an_error(tmp_path: pathlib.Path, text: str) -> None:
    with pytest.raises(LogError, match="log.json: .*not a"):
        list(execution_log.read(_log(tmp_path, text)))


def test_a_binary_file_is_an_error(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log.bin"
    path.write_bytes(b"\x8a\x01\xff\xfe" * 100)
    with pytest.raises(LogError, match="not a JSON execution log"):
        list(execution_log.read(path))


def test_a_missing_file_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(LogError, match="none.json: No such file"):
        list(execution_log.read(tmp_path / "none.json"))


def test_an_object_longer_than_a_chunk_is_read(tmp_path: pathlib.Path) -> None:
    entry = json.loads(_OLD)
    entry["inputs"] = [
        {
            "path": f"site-packages/{number}.py",
            "digest": {"hash": f"{number:064}", "sizeBytes": "1"},
        }
        for number in range(40_000)
    ]
    text = json.dumps(entry, indent=2)
    assert len(text) > 4 << 20
    old, long = execution_log.read(_log(tmp_path, _OLD + text))
    assert len(long.inputs) == long.input_bytes == 40_000


def test_a_log_of_50000_spawns_streams(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "long.json"
    with open(path, "w") as file:
        for number in range(50_000):
            file.write(_OLD.replace("out/a.d", f"out/{number}.d"))
    assert path.stat().st_size > 40e6
    tracemalloc.start()
    try:
        count = sum(1 for _ in execution_log.read(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 50_000
    assert peak < 20e6  # the keys; the text alone has 43 MB
