import pytest

from configs import generate_defaults_header


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("batch_size", 32, "inline constexpr int kBatchSize = 32;"),
        ("lr", 0.01, "inline constexpr double kLr = 0.01;"),
        ("resume", False, "inline constexpr bool kResume = false;"),
        ("data_path", 'a"\\b', 'inline constexpr char kDataPath[] = "a\\"\\\\b";'),
    ],
)
def test_constant_has_the_type_of_the_default(key, value, expected):
    assert generate_defaults_header.constant(key, value) == expected


def test_constant_refuses_what_cpp_could_not_hold():
    with pytest.raises(TypeError, match="sizes"):
        generate_defaults_header.constant("sizes", [1, 2])


def test_header_lists_each_key_with_its_section():
    text = generate_defaults_header.header({"train": {"lr": 0.1}, "eval": {"lr": 0.2}})
    assert '{"train", "lr"},' in text
    assert "namespace eval {\ninline constexpr double kLr = 0.2;" in text
