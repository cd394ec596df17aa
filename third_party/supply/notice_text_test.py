from third_party.supply import components, notice_text
from third_party.supply.components import Component


def test_each_group_has_a_heading_and_its_components_in_order():
    items = [
        Component("pypi", "b", "tools", "MIT", "1.0"),
        Component("pypi", "a-long-name", "tools", "ISC", "10.0"),
        Component("deb", "g++", "system", "GPL"),
    ]
    text = notice_text.render(items)
    assert text.startswith("LeNet-5 on MNIST with MindSpore\n")
    assert "  a-long-name  10.0  ISC\n  b            1.0   MIT\n" in text
    assert text.index(components.GROUPS["tools"]) < text.index(components.GROUPS["system"])
    assert components.GROUPS["peers"] not in text


def test_lines_have_no_trailing_blanks():
    text = notice_text.render([Component("deb", "g++", "system", "GPL")])
    assert not any(line.endswith(" ") for line in text.splitlines())
