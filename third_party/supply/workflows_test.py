"""Definitions for hosted CI call .ci/run with the stages that it has, and fetch by hash."""

import pathlib
import re

import pytest
import yaml
from runfiles import Runfiles

_GITHUB = ".github/workflows/ci.yml"
_ALL = [_GITHUB, ".gitcode/workflows/ci.yml", ".workflow/ci.yml"]


def read(path):
    return pathlib.Path(Runfiles.Create().Rlocation(f"lenet_mindspore/{path}")).read_text("utf-8")


def stages():
    return re.search(r"^readonly stages=\((.+)\)$", read(".ci/run"), re.MULTILINE)[1].split()


def called(path):
    """The stages that a definition asks .ci/run for, a matrix unfolded."""
    words = re.findall(r"\.ci/run ([a-z ]+)", "\n".join(strings(yaml.safe_load(read(path)))))
    for job in yaml.safe_load(read(path)).get("jobs", {}).values():
        matrix = job.get("strategy", {}).get("matrix", {})
        words += matrix.get("stages", []) + [entry["stages"] for entry in matrix.get("include", [])]
    return " ".join(words).split()


def strings(value):
    """Every text in a document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("path", _ALL)
def test_every_stage_is_run_once(path):
    assert sorted(called(path)) == sorted(stages())


def jobs():
    return yaml.safe_load(read(_GITHUB))["jobs"]


def test_actions_are_pinned_by_commit():
    used = [step["uses"] for job in jobs().values() for step in job["steps"] if "uses" in step]
    assert len(used) >= 4
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action


def test_the_token_may_only_read():
    assert yaml.safe_load(read(_GITHUB))["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in jobs().values())
    checkouts = [
        step
        for job in jobs().values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert checkouts
    assert not any(step["with"]["persist-credentials"] for step in checkouts)


def test_no_job_runs_for_ever():
    assert all(job["timeout-minutes"] <= 60 for job in jobs().values())
    assert yaml.safe_load(read(_GITHUB))["concurrency"]["cancel-in-progress"]
