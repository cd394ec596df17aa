import pytest

from third_party.supply import components
from third_party.supply.licences import LicenceError, Licences

_DIGITS = "ab" * 32


def test_of_a_lock_each_version_is_a_component():
    text = f"A_b==1.0 \\\n    --hash=sha256:{_DIGITS}\na-b==2.0 --hash=sha256:{_DIGITS}\n"
    found = components.python(text, "tools", Licences({"pypi/a-b": "MIT"}))
    assert [(item.name, item.version, item.licence) for item in found] == [
        ("a-b", "1.0", "MIT"),
        ("a-b", "2.0", "MIT"),
    ]
    assert found[0].hashes == (_DIGITS,)


def test_of_packages_every_name_is_a_component_once():
    text = "# <file> <package>\n/usr/bin/g++ g++\n/usr/bin/gcc g++\n/usr/bin/clang clang fuzz\n"
    found = components.debian(text, "system", Licences({"deb/g++": "GPL", "deb/clang": "Apache"}))
    assert [item.name for item in found] == ["clang", "g++"]


def test_a_component_without_a_licence_is_told():
    licences = Licences({})
    components.debian("/usr/bin/g++ g++\n", "system", licences)
    with pytest.raises(LicenceError, match="deb/g\\+\\+"):
        licences.check()


def converter(count):
    return "\n".join(f'    "test/{n}.idx-ubyte":\n        "{_DIGITS}",' for n in range(count))


def test_mnist_has_the_digests_of_its_four_files():
    found = components.mnist(converter(4), Licences({"data/mnist": "CC-BY-SA-3.0"}))
    assert len(found.files) == 4
    assert found.files[0] == ("test/0.idx-ubyte", _DIGITS)


def test_a_converter_without_four_digests_is_refused():
    with pytest.raises(components.ComponentError, match="has 3"):
        components.mnist(converter(3), Licences({"data/mnist": "CC-BY-SA-3.0"}))
