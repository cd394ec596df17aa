"""Reads what the simulator needs of an AIPP configuration for ATC."""

import re
from typing import Any

_ENTRY = re.compile(r"^\s*(\w+)\s*:\s*(\S+)", re.MULTILINE)


def options(config: str) -> dict[str, Any]:
    """The arguments of writer.encode() for a static AIPP of one channel.

    Args:
        config: text of the file: `aipp_op { key: value … }` with comments after "#".

    Raises:
        ValueError: it is none that the simulator knows.
    """
    entries = dict(_ENTRY.findall(re.sub("#.*", "", config)))
    if entries.get("aipp_mode") != "static" or entries.get("crop", "false") != "false":
        raise ValueError(f"no static AIPP without crop: {entries}")
    return {
        "aipp": entries["input_format"],
        "mean": float(entries.get("mean_chn_0", 0)),
        "minimum": float(entries.get("min_chn_0", 0)),
        "reciprocal": float(entries.get("var_reci_chn_0", 1)),
    }
