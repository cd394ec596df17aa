import pathlib

import pytest

from tools.remote import hermetic

# Bazel 4 writes remoteCacheHit, Bazel 7 cacheHit. Objects follow each other without a separator.
_LOG = """\
{
  "mnemonic": "CppCompile",
  "listedOutputs": ["a.o"],
  "cacheable": true,
  "remoteCacheable": true,
  "remoteCacheHit": true
}{
  "mnemonic": "TestRunner",
  "listedOutputs": ["test.log"],
  "environmentVariables": [{
    "name": "A",
    "value": "}"
  }],
  "cacheable": true,
  "remoteCacheable": true,
  "cacheHit": false
}{
  "mnemonic": "Genrule",
  "listedOutputs": ["tagged no-cache"],
  "cacheable": false,
  "remoteCacheable": true
}"""


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "log.json"
    path.write_text(_LOG)
    return path


def test_executed_spawns_are_named(log: pathlib.Path):
    assert hermetic.check_log(log) == (2, ["TestRunner test.log"])


def test_incomplete_log_is_an_error(log: pathlib.Path):
    log.write_text(_LOG[:-20])
    with pytest.raises(ValueError, match="ends within a spawn"):
        hermetic.check_log(log)


@pytest.mark.parametrize("arguments", [[], ["//cc/..."], ["--cache=x"]])
def test_cache_argument_is_required(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert hermetic.main(arguments) == 2
    assert "Usage: tools/remote/hermetic.py CACHE" in capsys.readouterr().err
