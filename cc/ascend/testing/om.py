"""Writes model files for the simulator of AscendCL, which replace ATC's OM files in tests.

cc/ascend/sim/model_file.cc defines the format.
"""

import struct
import zlib
from collections.abc import Sequence

_MAGIC = b"SIMOM001"
_SOC_BYTES = 32
_MAX_GEARS = 16
# Magic, header size, CRC of the body, SoC, input type, AIPP format, AIPP mean, minimum and factor,
# height, width, output type, number of gears, gears, batch, body size.
_HEADER = struct.Struct(f"<8sII{_SOC_BYTES}sII3fIIII{_MAX_GEARS}IIQ")

_ACL_FLOAT, _ACL_FLOAT16, _ACL_UINT8 = 0, 1, 4
_AIPP_FORMATS = {"": 0, "YUV400_U8": 1, "YUV420SP_U8": 2}


def encode(
    mindir: bytes,
    *,
    soc: str = "Ascend310",
    aipp: str = "",
    mean: float = 33.0,
    minimum: float = 0.3285,
    reciprocal: float = 0.0127282,
    height: int = 32,
    width: int = 32,
    half_output: bool = False,
    gears: Sequence[int] = (),
    batch: int = 1,
) -> bytes:
    """Returns a model file.

    The defaults of the AIPP are the values of configs/aipp.cfg.

    Args:
        mindir: model with batch 1, as written by //python:export.
        soc: name of the chip.
        aipp: "YUV400_U8" or "YUV420SP_U8" for uint8 input; "" for float32 input.
        mean: integer mean of the AIPP (mean_chn_0).
        minimum: minimum of the AIPP, subtracted after the mean (min_chn_0).
        reciprocal: factor of the AIPP (var_reci_chn_0).
        height: input height in pixels.
        width: input width in pixels.
        half_output: whether the logits are float16 instead of float32.
        gears: batch sizes of a dynamic batch, ascending; empty for a static batch.
        batch: images per execution with a static batch.
    """
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
        *(*gears, *(0,) * (_MAX_GEARS - len(gears))),
        batch,
        len(mindir),
    )
    return header + mindir
