import re

import numpy as np
import pytest

from lenet import resources
from lenet.conversion import aipp
from lenet.data import transform
from lenet.errors import UserError

_CONFIG = resources.path("configs/aipp.cfg").read_text()


def test_normalisation_matches_training():
    """In float16, as on the hardware: within 5e-3 of a range of 3.2."""
    values = aipp.parse(_CONFIG, "aipp.cfg")
    mean, minimum, factor = (
        np.float16(values[key]) for key in ("mean_chn_0", "min_chn_0", "var_reci_chn_0")
    )
    x = np.arange(256, dtype=np.float16)
    found = ((x - mean) - minimum) * factor
    assert found.dtype == np.float16
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    expected = transform.prepare(levels, 16, 16).ravel()
    assert np.abs(found - expected).max() < 5e-3


@pytest.mark.parametrize("form", ["YUV400_U8", "YUV420SP_U8"])
def test_supported(form):
    aipp.check(_CONFIG.replace("YUV400_U8", form), "aipp.cfg", 32, 32)
    sizes = re.sub(r"src_image_size_(.): 32", r"src_image_size_\1: 0", _CONFIG)
    aipp.check(sizes, "aipp.cfg", 48, 64)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("static", "dynamic", "aipp_mode: expected static, found dynamic"),
        ("input_format: YUV400_U8", "", "input_format: expected YUV400_U8 or .*, found nothing"),
        ("YUV400_U8", "RGB888_U8", "found RGB888_U8"),
        ("crop: false", "crop: true", "crop: expected false"),
        ("src_image_size_w: 32", "src_image_size_w: 128", "src_image_size_w: expected 32 or 0"),
        ("aipp_op {", "aipp {", "one aipp_op"),
        ("}", "", "one aipp_op"),
    ],
)
def test_unsupported(old, new, message):
    text = _CONFIG.replace(old, new)
    assert text != _CONFIG
    with pytest.raises(UserError, match=f"own.cfg: .*{message}"):
        aipp.check(text, "own.cfg", 32, 32)
