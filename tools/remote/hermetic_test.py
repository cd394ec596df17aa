"""The program with a Bazel that this test plays; the real one is a stage of CI."""

import json
import os
import pathlib
import signal
import stat
import subprocess
from collections.abc import Iterator

import pytest

from tools.remote import hermetic

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# In place of tools/bazel: takes one spawn from the cache if it is there, and logs it.
_BAZEL = """#!/bin/sh
for word; do
  case "$word" in
    --disk_cache=*) cache="${word#*=}" ;;
    --execution_log_json_file=*) log="${word#*=}" ;;
  esac
done
pwd >>"$CALLS"
hit=false
[ -e "$cache/entry" ] && hit=true
if [ -n "$cache" ] && [ "$LENET_FAKE" != forgets ]; then
  mkdir -p "$cache"
  echo 12345 >"$cache/entry"
fi
value=same
[ "$LENET_FAKE" = random ] && hash="$(pwd | cksum | cut -d " " -f 1)"
[ "$LENET_FAKE" = leaks ] && value="$HOME" && hit=false
echo '{"commandArgs": ["make"], "mnemonic": "Genrule", "listedOutputs": ["out"],
  "environmentVariables": [{"name": "HOME", "value": "'"$value"'"}],
  "actualOutputs": [{"path": "out", "digest": {"hash": "'"${hash:-1}"'", "sizeBytes": "1"}}],
  "cacheable": true, "remoteCacheable": true, "remoteCacheHit": '"$hit"'}' >"$log"
if [ "$LENET_FAKE" = interrupts ]; then kill -TERM "$PPID"; exec sleep 1000; fi
if [ "$LENET_FAKE" = fails ]; then echo "ERROR: no such target"; exit 1; fi
exit 0
"""


@pytest.fixture(name="repository")
def _repository(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    folder = tmp_path / "repository"
    (folder / "tools").mkdir(parents=True)
    bazel = folder / "tools" / "bazel"
    bazel.write_text(_BAZEL)
    bazel.chmod(bazel.stat().st_mode | stat.S_IXUSR)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "x"], check=True)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder))
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    handlers = [signal.getsignal(number) for number in _SIGNALS]
    yield folder
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("repository")
def test_hits_are_proof_and_nothing_is_left(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hermetic.main(["--scratch=scratch", "//a"]) == 0
    output = capsys.readouterr()
    assert "1 of 1 cacheable spawns were hits (100 %)" in output.out
    assert "first clone: " in output.out and "second clone: " in output.out
    assert "cache:        0.0 MB in 1 files" in output.out
    assert "hermetic: second: bazel test //a" in output.err
    assert len(set((tmp_path / "calls").read_text().split())) == 2
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.usefixtures("repository")
def test_a_leak_is_named_and_ends_with_1(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LENET_FAKE", "leaks")
    assert hermetic.main(["--scratch=scratch"]) == 1
    assert "environment: HOME: " in capsys.readouterr().out
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("behaviour", "code", "text"),
    [
        ("", 0, "1 spawns ran again, 0 with other"),
        ("random", 1, "not deterministic: Genrule out: the same inputs gave other outputs: out"),
    ],
)
def test_a_second_build_without_the_cache_must_make_the_same(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    behaviour: str,
    code: int,
    text: str,
) -> None:
    monkeypatch.setenv("LENET_FAKE", behaviour)
    assert hermetic.main(["--scratch=scratch", "--rebuild"]) == code
    assert text in capsys.readouterr().out


@pytest.mark.usefixtures("repository")
def test_a_result_that_is_not_in_the_cache_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LENET_FAKE", "forgets")
    assert hermetic.main(["--scratch=scratch"]) == 1
    assert "not stored: the first build's result" in capsys.readouterr().out


@pytest.mark.usefixtures("repository")
def test_a_failing_build_is_shown_and_ends_with_1(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LENET_FAKE", "fails")
    assert hermetic.main(["--scratch=scratch"]) == 1
    assert "ERROR: no such target" in capsys.readouterr().err
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.usefixtures("repository")
def test_an_interrupt_ends_with_130_and_nothing_is_left(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LENET_FAKE", "interrupts")
    assert hermetic.main(["--scratch=scratch"]) == 130
    assert capsys.readouterr().err.endswith("hermetic: interrupted\n")
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.usefixtures("repository")
def test_the_cache_of_another_build_saves_the_first_clone(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "entry").touch()
    (tmp_path / "log.json").write_text(
        json.dumps({"commandArgs": ["make"], "mnemonic": "Genrule", "listedOutputs": ["out"]})
    )
    arguments = ["--scratch=scratch", "--populate=cache", "--first_log=log.json"]
    assert hermetic.main(arguments) == 0
    assert "first clone" not in capsys.readouterr().out
    assert len((tmp_path / "calls").read_text().split()) == 1


@pytest.mark.usefixtures("repository")
def test_clones_are_kept_if_asked_for(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hermetic.main(["--scratch=scratch", "--keep"]) == 0
    (kept,) = (tmp_path / "scratch").iterdir()
    assert (kept / "second.json").exists()
    assert f"kept {kept}" in capsys.readouterr().err


@pytest.mark.usefixtures("repository")
def test_a_truncated_log_ends_with_1(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "log.json").write_text('{"commandArgs": [')
    arguments = ["--scratch=scratch", "--populate=cache", "--first_log=log.json"]
    assert hermetic.main(arguments) == 1
    assert "ends in the middle of spawn 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--populate=."], "--populate and --first_log go together"),
        (["--populate=.", "--first_log=x", "--cache=y"], "leave out --cache"),
        (["--populate=none", "--first_log=x"], "none: there is no such folder"),
        (["--populate=.", "--first_log=none"], "none: there is no such file"),
        (["--scratch=none"], "none: there is no such folder"),
        (["--command=run"], "invalid choice"),
    ],
)
def test_a_wrong_flag_ends_with_2(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        hermetic.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
