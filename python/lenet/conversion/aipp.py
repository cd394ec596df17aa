"""AIPP configurations (configs/aipp.cfg): what infer310 can feed, and what it cannot."""

import re

from lenet.errors import UserError

_FORMATS = ("YUV400_U8", "YUV420SP_U8")
_OPERATOR = re.compile(r"aipp_op\s*\{([^{}]*)\}")
_ENTRY = re.compile(r"(\w+)\s*:\s*(\S+)")
_COMMENT = re.compile(r"#[^\n]*")


def check(content: str, source: str, height: int, width: int) -> None:
    """Checks that infer310 can feed a model of `height` x `width` pixels with this AIPP.

    Raises:
        UserError: it cannot; the message names `source`, what was expected and what was found.
    """
    values = _parse(content, source)

    def expect(key: str, expected: tuple[str, ...], default: str = "") -> None:
        found = values.get(key, default)
        if found not in expected:
            raise UserError(
                f"{source}: {key}: expected {' or '.join(expected)}, found {found or 'nothing'}; "
                "see the comments in configs/aipp.cfg"
            )

    expect("aipp_mode", ("static",))
    expect("input_format", _FORMATS)
    expect("crop", ("false",), "false")
    expect("padding", ("false",), "false")
    expect("src_image_size_h", (str(height), "0"), "0")
    expect("src_image_size_w", (str(width), "0"), "0")


def _parse(content: str, source: str) -> dict[str, str]:
    operators = _OPERATOR.findall(_COMMENT.sub("", content))
    if len(operators) != 1:
        raise UserError(f"{source}: expected one aipp_op {{ ... }}, found {len(operators)}")
    return dict(_ENTRY.findall(operators[0]))
