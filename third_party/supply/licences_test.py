import pytest

from third_party.supply import licences
from third_party.supply.licences import Licences, Metadata


def licence_of(*headers):
    text = "\n".join(
        ["Metadata-Version: 2.4", "Name: A.b", "Version: 1", *headers, "", "License: no"]
    )
    return licences.read_metadata(text).licence


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["License-Expression: MIT OR Apache-2.0", "License: other"], "MIT OR Apache-2.0"),
        (["License: Apache 2.0"], "Apache-2.0"),
        (["License: MPL-2.0 AND MIT"], "MPL-2.0 AND MIT"),
        (["Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (["License: BSD", "Classifier: License :: OSI Approved :: BSD License"], ""),
        (["License: BSD", "Classifier: License :: OSI Approved :: ISC License (ISCL)"], "ISC"),
        (["License: Dual License"], ""),
        (["License: Copyright 2020 Somebody", "        All rights reserved."], ""),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: Apache Software License",
            ],
            "",
        ),
        ([], ""),
    ],
)
def test_metadata_is_read_only_where_it_is_clear(headers, expected):
    assert licence_of(*headers) == expected


def test_names_are_normalized():
    text = "Name: Typing_Extensions\nVersion: 1.0\nLicense: MIT\n"
    assert licences.read_metadata(text) == Metadata("typing-extensions", "1.0", "MIT")


def test_the_table_comes_first_and_a_version_before_the_name():
    table = licences.read_table("pypi/a MIT\npypi/a@2 ISC OR MIT  # changed\n\n# nothing\n")
    known = Licences(table, [Metadata("a", "1", "Zlib"), Metadata("b", "1", "Zlib")])
    assert known.of("pypi", "a", "1") == "MIT"
    assert known.of("pypi", "a", "2") == "ISC OR MIT"
    assert known.of("pypi", "b", "7") == "Zlib"


def test_metadata_of_python_answers_for_nothing_else():
    assert Licences({}, [Metadata("a", "1", "MIT")]).of("deb", "a") == ""


def test_all_that_is_not_known_is_told_at_once():
    known = Licences({}, [Metadata("a", "1", "")])
    known.of("pypi", "a", "1")
    known.of("deb", "b")
    with pytest.raises(licences.LicenceError, match=r"licences.txt: deb/b, pypi/a 1$"):
        known.check()


def test_lines_that_nothing_needs_are_told():
    known = Licences({"deb/a": "MIT", "deb/b": "MIT"})
    known.of("deb", "a")
    with pytest.raises(licences.LicenceError, match="nothing needs these lines: deb/b$"):
        known.check()


@pytest.mark.parametrize("text", ["pypi/a\n", "pypi/a MIT\npypi/a ISC\n"])
def test_a_wrong_table_is_refused(text):
    with pytest.raises(licences.LicenceError, match=r"licences.txt:\d"):
        licences.read_table(text)
