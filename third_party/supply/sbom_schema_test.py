"""Readers of CycloneDX accept the bill of materials."""

import json
import pathlib

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from runfiles import Runfiles

_TEXT = pathlib.Path(
    Runfiles.Create().Rlocation("lenet_mindspore/third_party/supply/sbom.cdx.json")
).read_text("utf-8")


def test_it_follows_the_schema():
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(_TEXT) is None
    assert validator.validate_str(_TEXT.replace('"SHA-256"', '"SHA-255"')) is not None


def test_package_urls_are_canonical():
    urls = [entry["purl"] for entry in json.loads(_TEXT)["components"] if "purl" in entry]
    assert len(urls) > 100
    for url in urls:
        assert PackageURL.from_string(url).to_string() == url
