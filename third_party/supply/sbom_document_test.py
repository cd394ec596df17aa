import json

from third_party.supply import sbom_document
from third_party.supply.components import Component

_DIGITS = "ab" * 32
_LIBRARY = Component("pypi", "a", "requirements", "MIT", "1.0+x", (_DIGITS,))


def entries(*items):
    return json.loads(sbom_document.render(items))["components"]


def test_package_urls_are_encoded():
    assert sbom_document.purl(Component("deb", "g++", "system", "GPL")) == "pkg:deb/debian/g%2B%2B"
    assert sbom_document.purl(Component("npm", "@x/y", "npm", "MIT", "1")) == "pkg:npm/%40x/y@1"
    assert sbom_document.purl(_LIBRARY) == "pkg:pypi/a@1.0%2Bx"


def test_the_same_components_give_the_same_bytes_in_any_order():
    other = Component("pypi", "b", "tools", "MIT", "2", (_DIGITS,))
    assert sbom_document.render([_LIBRARY, other]) == sbom_document.render([other, _LIBRARY])


def test_other_components_give_another_serial_number():
    one = json.loads(sbom_document.render([_LIBRARY]))
    assert one["serialNumber"] != json.loads(sbom_document.render([]))["serialNumber"]
    assert "timestamp" not in one["metadata"]


def test_what_two_groups_have_is_one_component():
    also = Component("pypi", "a", "peers", "MIT", "1.0+x", ("cd" * 32,))
    (entry,) = entries(also, _LIBRARY)
    assert [item["value"] for item in entry["properties"]] == ["requirements", "peers"]
    assert [item["content"] for item in entry["hashes"]] == [_DIGITS, "cd" * 32]
    assert entry["scope"] == "required"


def test_what_programs_do_not_need_is_excluded():
    assert entries(Component("pypi", "a", "tools", "MIT", "1"))[0]["scope"] == "excluded"


def test_an_npm_package_has_its_own_algorithm():
    (entry,) = entries(Component("npm", "a", "npm", "MIT", "1", ("sha512:" + "0" * 128,)))
    assert entry["hashes"] == [{"alg": "SHA-512", "content": "0" * 128}]


def test_files_of_data_have_their_digests():
    (entry,) = entries(Component("data", "mnist", "vendor", "CC", files=(("x/y", _DIGITS),)))
    assert entry["type"] == "data"
    assert "purl" not in entry
    (file,) = entry["components"]
    assert (file["name"], file["hashes"][0]["content"]) == ("x/y", _DIGITS)
