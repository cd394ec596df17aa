"""Checks AIPP configurations, such as configs/aipp.cfg."""

import re

from lenet.errors import UserError

_FORMATS = ("YUV400_U8", "YUV420SP_U8")
_OPERATOR = re.compile(r"aipp_op\s*\{([^{}]*)\}")
_ENTRY = re.compile(r"(\w+)\s*:\s*(\S+)")
_COMMENT = re.compile(r"#[^\n]*")


def check(content: str, source: str, height: int, width: int) -> None:
    """Checks that infer310 can feed a model with this AIPP.

    Args:
        content: the configuration.
        source: name of the configuration for error messages.
        height: input height of the model in pixels.
        width: input width of the model in pixels.

    Raises:
        UserError: the configuration is invalid or is not supported by infer310.
    """
    values = parse(content, source)
    for key, expected in {
        "aipp_mode": ("static",),
        "input_format": _FORMATS,
        "crop": ("false", ""),
        "padding": ("false", ""),
        "src_image_size_h": (str(height), "0", ""),
        "src_image_size_w": (str(width), "0", ""),
    }.items():
        found = values.get(key, "")
        if found not in expected:
            raise UserError(
                f"{source}: {key}: expected {' or '.join(filter(None, expected))}, found "
                f"{found or 'nothing'}; see the comments in configs/aipp.cfg"
            )


def parse(content: str, source: str) -> dict[str, str]:
    """Returns the entries of the single `aipp_op { key: value ... }`.

    Raises:
        UserError: there is not exactly one `aipp_op`.
    """
    operators = _OPERATOR.findall(_COMMENT.sub("", content))
    if len(operators) != 1:
        raise UserError(f"{source}: expected one aipp_op {{ ... }}, found {len(operators)}")
    return dict(_ENTRY.findall(operators[0]))
