import struct
import zlib

import pytest
from runfiles import Runfiles

from lenet.simom import aipp, writer


def test_layout_is_that_of_the_header_file():
    om = writer.encode(
        b"body", aipp="YUV420SP_U8", gears=[1, 8], half_output=True, soc="Ascend310P3"
    )
    assert om[:8] == b"SIMOM001"
    assert struct.unpack("<II", om[8:16]) == (160, zlib.crc32(b"body"))
    assert om[16:48] == b"Ascend310P3" + bytes(21)
    assert struct.unpack("<II", om[48:56]) == (4, 2)
    assert struct.unpack("<fff", om[56:68]) == pytest.approx((33, 0.3285, 0.0127282))
    assert struct.unpack("<IIII", om[68:84]) == (32, 32, 1, 2)
    assert struct.unpack("<16I", om[84:148]) == (1, 8, *(0,) * 14)
    assert struct.unpack("<IQ", om[148:160]) == (1, 4)
    assert om[160:] == b"body"


def test_a_float_model_has_no_aipp():
    assert struct.unpack("<II", writer.encode(b"")[48:56]) == (0, 0)


def test_what_the_format_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="17 gears"):
        writer.encode(b"", gears=range(1, 18))
    with pytest.raises(KeyError):
        writer.encode(b"", aipp="RGB888_U8")


def test_the_configuration_of_this_project_is_the_default():
    config = Runfiles.Create().Rlocation("lenet_mindspore/configs/aipp.cfg")
    with open(config, encoding="utf-8") as file:
        options = aipp.options(file.read())
    assert options["aipp"] == "YUV400_U8"
    assert writer.encode(b"x", **options) == writer.encode(b"x", aipp="YUV400_U8")


@pytest.mark.parametrize("config", ["", "aipp_op { aipp_mode: dynamic }"])
def test_other_configurations_are_refused(config):
    with pytest.raises(ValueError, match="no static AIPP"):
        aipp.options(config)
