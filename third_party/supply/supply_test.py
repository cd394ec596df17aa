"""NOTICE is current, everything that is fetched has a hash, and CI runs all stages."""

import difflib
import json
import os
import pathlib
import re

import pytest
import yaml

from lenet import resources
from third_party.supply import notice

_FETCHING = os.environ["FETCHING"].split()
_METADATA = os.environ["METADATA"].split()  # external/<repository>/<path> or ../<repository>/<path>
_WORKFLOWS = [".github/workflows/ci.yml", ".gitcode/workflows/ci.yml", ".workflow/ci.yml"]


def read(path):
    return pathlib.Path(resources.path(path)).read_text("utf-8")


def test_notice_is_current():
    ours = read("NOTICE")
    folder = pathlib.Path(resources.path("third_party/python/requirements.lock")).parents[1]
    built = notice.render(folder, notice.licences(ours))
    changes = "\n".join(difflib.unified_diff(ours.splitlines(), built.splitlines()))
    assert ours == built, f"{changes}\nto update it: bazel run //third_party/supply:notice"


def test_notice_has_the_licences_of_the_installed_wheels():
    words = [path.split("/", maxsplit=2) for path in _METADATA]
    files = (resources.path(name, repository=repository) for _, repository, name in words)
    found = notice.metadata_licences(files)
    recorded = notice.licences(read("NOTICE"))
    assert len(found) > 20
    assert {name: recorded[name] for name in found} == found


def test_bill_of_materials():
    components = json.loads(read("third_party/supply/sbom.cdx.json"))["components"]
    assert {"mindspore", "mindspore-lite", "torch", "uv"} <= {item["name"] for item in components}
    for item in components:
        assert item["externalReferences"][0]["hashes"], item["name"]
        assert item["licenses"][0]["expression"], item["name"]


def unhashed(path, text):
    """Returns the parts of a lock or a Starlark file that fetch something without a hash."""
    if path.endswith(".json"):
        packages = json.loads(text)["packages"].items()
        return [name for name, entry in packages if name and "sha512-" not in entry["integrity"]]
    if path.endswith(".lock"):
        pinned = re.compile(
            r"[a-z0-9][a-z0-9.-]*==[0-9][^\s;*,]* .*--hash=sha256:[0-9a-f]{64}( .*)?"
        )
        return [line for line in notice.requirements(text) if not pinned.fullmatch(line)]
    downloads = re.findall(r"\b(?:download|download_and_extract|http_\w+)\([^()]*\)", text)
    apt = re.findall(r'\[[^]]*"download-file",[^]]*\]', text)
    pip = re.findall(r'\[\s*"(?:install|download|wheel)",[^]]*\]', text)
    return [
        *(call for call in downloads if not re.search(r"\b(sha256|integrity) = ", call)),
        *(command for command in apt if '"SHA256:" + ' not in command),
        *(command for command in pip if "--require-hashes" not in command),
        *re.findall(r'git_repository|"(?:curl|wget|npx)"|"npm", "i\w*"', text),
    ]


@pytest.mark.parametrize("path", _FETCHING)
def test_everything_that_is_fetched_has_a_hash(path):
    text = read(path)
    assert unhashed(path, text) == []
    # Files that this file loads or names are checked, too.
    named = re.findall(r'"//((?:third_party[\w/]*)?:[\w.-]+(?:\.bzl|\.lock|-lock\.json))"', text)
    assert {label.replace(":", "/") for label in named} <= set(_FETCHING)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.lock", "a==1.0 --hash=md5:0123456789abcdef0123456789abcdef"),
        ("a.lock", f"a>=1.0 --hash=sha256:{'0' * 64}"),
        ("a.json", '{"packages": {"node_modules/a": {"integrity": "sha1-AAAA"}}}'),
        ("a.bzl", 'repository_ctx.download(url = "x", output = "y")'),
        ("a.bzl", 'http_archive(\n    name = "x",\n)'),
        ("a.bzl", 'run_pip(ctx, ["install", "--no-deps"])'),
        ("a.bzl", 'ctx.execute(["apt-helper", "download-file", url, file])'),
        ("a.bzl", 'ctx.execute(["npm", "install", "x"])'),
        ("a.bzl", "git_repository()"),
    ],
)
def test_missing_hashes_are_found(path, text):
    assert unhashed(path, text)


@pytest.mark.parametrize("path", _WORKFLOWS)
def test_workflow_runs_every_stage_once(path):
    (stages,) = re.findall(r"^readonly stages=\((.+)\)$", read(".ci/run"), re.MULTILINE)
    workflow = yaml.safe_load(read(path))
    called = re.findall(r"\.ci/run ([a-z0-9 ]+)", json.dumps(workflow))
    for job in workflow.get("jobs", {}).values():
        matrix = job.get("strategy", {}).get("matrix", {})
        called += matrix.get("stages", [])
        called += [entry["stages"] for entry in matrix.get("include", [])]
    assert sorted(" ".join(called).split()) == sorted(stages.split())


def test_workflow_uses_pinned_actions_and_a_read_only_token():
    workflow = yaml.safe_load(read(_WORKFLOWS[0]))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
