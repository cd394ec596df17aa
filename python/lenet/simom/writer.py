"""Writes model files of the simulator of AscendCL, which take the place of ATC's OM files in tests.

The format is that of cc/ascend/sim/model_file.cc.
"""

import struct
import zlib
from collections.abc import Sequence

_MAGIC = b"SIMOM001"
_SOC_BYTES = 32
_MOST_GEARS = 16
# magic, size of the header, CRC, SoC, input type, AIPP format, its mean, minimum and factor,
# height, width, output type, number of gears, gears, batch, size of the body.
_HEADER = struct.Struct(f"<8sII{_SOC_BYTES}sII3fIIII{_MOST_GEARS}IIQ")

_ACL_FLOAT, _ACL_FLOAT16, _ACL_UINT8 = 0, 1, 4
_AIPP_FORMATS = {"": 0, "YUV400_U8": 1, "YUV420SP_U8": 2}

# configs/aipp.cfg.
_MEAN, _MINIMUM, _RECIPROCAL = 33.0, 0.3285, 0.0127282


def encode(
    mindir: bytes,
    *,
    soc: str = "Ascend310",
    aipp: str = "",
    mean: float = _MEAN,
    minimum: float = _MINIMUM,
    reciprocal: float = _RECIPROCAL,
    height: int = 32,
    width: int = 32,
    half_output: bool = False,
    gears: Sequence[int] = (),
    batch: int = 1,
) -> bytes:
    """A model file.

    Args:
        mindir: of batch 1, as //python:export writes it.
        soc: the chip it is for.
        aipp: "YUV400_U8" or "YUV420SP_U8" for an input of bytes; empty: float32.
        mean: whole number that the AIPP subtracts first (mean_chn_0).
        minimum: what it subtracts then (min_chn_0).
        reciprocal: what it multiplies with (var_reci_chn_0).
        height: pixels of the input.
        width: pixels of the input.
        half_output: logits in float16 instead of float32.
        gears: batch sizes of a model with dynamic batch, ascending; empty: a static batch.
        batch: images of a static batch.

    Raises:
        KeyError: an unknown `aipp`.
        ValueError: more gears than the format has room for, or a name that is too long.
    """
    if len(gears) > _MOST_GEARS or len(soc) >= _SOC_BYTES:
        raise ValueError(f"no room for {len(gears)} gears or the name {soc!r}")
    header = _HEADER.pack(
        _MAGIC,
        _HEADER.size,
        zlib.crc32(mindir),
        soc.encode(),
        _ACL_UINT8 if aipp else _ACL_FLOAT,
        _AIPP_FORMATS[aipp],
        *(mean, minimum, reciprocal),
        *(height, width),
        _ACL_FLOAT16 if half_output else _ACL_FLOAT,
        len(gears),
        *(*gears, *(0,) * (_MOST_GEARS - len(gears))),
        batch,
        len(mindir),
    )
    return header + mindir
