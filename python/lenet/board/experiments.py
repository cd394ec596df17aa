"""What the documents say differently, or not at all: tried with the AscendCL that is here.

An experiment returns what was found, in a line, or raises DiffersError with it. The names are those
of the items of tools/board_check.sh; cc/ascend/README.md says which statement each is about.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import tempfile
from collections.abc import Callable
from ctypes import byref, c_int, c_int32, c_size_t, c_uint32, c_void_p

import numpy as np
from runfiles import Runfiles

from lenet.board import acl as ascend
from lenet.data import idx, transform

_FUNCTIONS = "lenet_mindspore/cc/ascend/acl_functions.inc"
_FUNCTION = re.compile(r"^(ACL|DVPP)_(OPTIONAL_)?FUNCTION\([^,]*, (\w+),", re.MULTILINE)
_CLASSES = 10

# What cc/ascend/acl_errors.inc calls them, less ACL_ERROR_.
REPEAT_INITIALIZE = 100002
RT_PARAM_INVALID = 107000
RT_INVALID_DEVICEID = 107001
GE_PARAM_INVALID = 145000
GE_EXEC_MODEL_PATH_INVALID = 145002
GE_EXEC_MODEL_ID_INVALID = 145003
RELATIVE_RESOURCE_NOT_CLEARED = 148051
RT_NO_DEVICE = 207004
RT_SOC_VERSION = 507008
RT_TASK_TYPE_NOT_SUPPORT = 507009


class DiffersError(Exception):
    """Something else than what is expected; the message says what was found."""


def _expect(call: str, code: int, *expected: int, acl: ascend.Acl | None = None) -> str:
    text = acl.recent_text() if acl and code else ""
    found = f"{call}: {code} {text}".rstrip()
    if code not in expected:
        raise DiffersError(f"{found}, expected {' or '.join(map(str, expected))}")
    return found


def symbols() -> str:
    """Which functions the libraries lack."""
    with open(Runfiles.Create().Rlocation(_FUNCTIONS), encoding="utf-8") as file:
        functions = _FUNCTION.findall(file.read())
    libraries = {"ACL": ascend.Acl(), "DVPP": ascend.Acl(ascend.DVPP_LIBRARY)}
    missing = [
        (name, optional) for kind, optional, name in functions if not libraries[kind].has(name)
    ]
    needed = [name for name, optional in missing if not optional]
    if needed:
        raise DiffersError(f"missing, and needed: {' '.join(needed)}")
    optional = " ".join(name for name, _ in missing) or "none"
    return f"{len(functions)} functions; optional ones that are missing: {optional}"


def versions(device: int) -> str:
    """AscendCL, chip and run mode."""
    with ascend.session(device) as acl:
        soc = acl.aclrtGetSocName() if acl.has("aclrtGetSocName") else None
        mode = "host" if ascend.on_host(acl) else "device"
        return f"AscendCL {ascend.get_version(acl)}, chip {(soc or b'?').decode()}, run mode {mode}"


def init_twice() -> str:
    """Old libraries refuse a second aclInit for good, newer ones count."""
    acl = ascend.Acl()
    acl.check("aclInit", None)
    try:
        found = _expect("second aclInit", acl.aclInit(None), REPEAT_INITIALIZE)
    finally:
        first = acl.aclFinalize()
    second = acl.aclFinalize()
    again = acl.aclInit(None)
    if again == 0:
        acl.aclFinalize()
    return f"{found}; aclFinalize: {first}, again: {second}; then aclInit: {again}"


def no_driver() -> str:
    """Where a machine with CANN and without a driver says so."""
    if os.path.exists("/dev/davinci_manager"):
        raise ascend.NotHereError("this machine has a driver; run this where CANN is without one")
    acl = ascend.Acl()
    code = acl.aclInit(None)
    if code:
        return f"aclInit: {code} {acl.recent_text()}"
    count = c_uint32()
    try:
        code = acl.aclrtGetDeviceCount(byref(count))
        found = f"aclInit: 0; aclrtGetDeviceCount: {code}, {count.value} devices"
        return f"{found} {acl.recent_text()}".rstrip()
    finally:
        acl.aclFinalize()


def no_visible_device() -> str:
    """With ASCEND_RT_VISIBLE_DEVICES naming none: 207004, or no devices."""
    os.environ["ASCEND_RT_VISIBLE_DEVICES"] = "63"
    count = c_uint32()
    with ascend.process() as acl:
        code = acl.aclrtGetDeviceCount(byref(count))
        found = _expect("aclrtGetDeviceCount", code, 0, RT_NO_DEVICE, acl=acl)
    if code == 0 and count.value > 0:
        raise DiffersError(f"{count.value} devices in spite of ASCEND_RT_VISIBLE_DEVICES=63")
    return f"{found}, {count.value} devices"


def wrong_device() -> str:
    with ascend.process() as acl:
        code = acl.aclrtSetDevice(c_int32(63))
        return _expect("aclrtSetDevice(63)", code, RT_INVALID_DEVICEID, acl=acl)


def memcpy_too_long(device: int) -> str:
    """A copy of more bytes than there is room for."""
    data = ctypes.create_string_buffer(128)
    with ascend.session(device) as acl:
        if not ascend.on_host(acl):
            raise ascend.NotHereError("run mode device: nothing is copied between host and device")
        with ascend.memory(acl, 64) as pointer:
            code = acl.aclrtMemcpy(
                pointer, c_size_t(64), data, c_size_t(128), c_int(ascend.HOST_TO_DEVICE)
            )
            return _expect("aclrtMemcpy", code, RT_PARAM_INVALID, acl=acl)


def _load(acl: ascend.Acl, path: str) -> int:
    identity = c_uint32()
    code = acl.aclmdlLoadFromFile(os.fsencode(path), byref(identity))
    if code == 0:
        acl.aclmdlUnload(identity)
    return code


def load_missing(device: int) -> str:
    with ascend.session(device) as acl:
        code = _load(acl, "/no/such/model.om")
        return _expect("aclmdlLoadFromFile", code, GE_EXEC_MODEL_PATH_INVALID, acl=acl)


def load_truncated(device: int, path: str) -> str:
    """Half of a model."""
    with open(path, "rb") as file:
        content = file.read()
    with tempfile.NamedTemporaryFile(suffix=".om") as cut, ascend.session(device) as acl:
        cut.write(content[: len(content) // 2])
        cut.flush()
        return _expect("aclmdlLoadFromFile", _load(acl, cut.name), GE_PARAM_INVALID, acl=acl)


def load_other_soc(device: int, path: str) -> str:
    """A model for another chip; which of the codes comes is not documented."""
    with ascend.session(device) as acl:
        code = _load(acl, path)
        if 545000 <= code <= 545999:
            return f"aclmdlLoadFromFile: {code} {acl.recent_text()}"
        return _expect(
            "aclmdlLoadFromFile", code, RT_SOC_VERSION, RT_TASK_TYPE_NOT_SUPPORT, acl=acl
        )


def unknown_model(device: int, path: str) -> str:
    """The id of a model that was unloaded."""
    with ascend.session(device) as acl:
        with ascend.model(acl, path) as identity:
            pass
        desc = c_void_p(acl.aclmdlCreateDesc())
        code = acl.aclmdlGetDesc(desc, identity)
        text = acl.recent_text()
        acl.aclmdlDestroyDesc(desc)
        return f"{_expect('aclmdlGetDesc', code, GE_EXEC_MODEL_ID_INVALID)} {text}".rstrip()


def channel_order(device: int) -> str:
    """A channel description that is destroyed before its channel."""
    with ascend.session(device) as acl:
        dvpp = ascend.Acl(ascend.DVPP_LIBRARY)
        desc = c_void_p(dvpp.acldvppCreateChannelDesc())
        dvpp.check("acldvppCreateChannel", desc)
        code = dvpp.acldvppDestroyChannelDesc(desc)
        if code != 0:
            dvpp.acldvppDestroyChannel(desc)
            dvpp.acldvppDestroyChannelDesc(desc)
        return _expect("acldvppDestroyChannelDesc", code, 0, RELATIVE_RESOURCE_NOT_CLEARED, acl=acl)


def dvpp_alignment(device: int) -> str:
    """Where blocks of DVPP's heap start."""
    with ascend.session(device), contextlib.ExitStack() as stack:
        dvpp = ascend.Acl(ascend.DVPP_LIBRARY)
        addresses = []
        for size in (1, 100, 1536, 6144, 100_000):
            pointer = c_void_p()
            dvpp.check("acldvppMalloc", byref(pointer), c_size_t(size))
            stack.callback(dvpp.acldvppFree, pointer)
            addresses.append(pointer.value or 0)
    if any(address % 128 for address in addresses):
        raise DiffersError(f"not multiples of 128: {', '.join(map(hex, addresses))}")
    return "multiples of 128"


def _digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [count, 32, 32] luma and what the network takes, float32 [count, 1, 32, 32]."""
    images = idx.read_split("", "test").images[:count]
    return transform.resize(images, 32, 32), transform.prepare(images, 32, 32)


def _logits(output: bytes) -> np.ndarray:
    return np.frombuffer(output, "<f4").reshape(-1, _CLASSES)


def batch_rows(device: int, path: str) -> str:
    """What a dynamic batch leaves in the rows that it was not asked for (prefilled with NaN).

    The model takes bytes and has gears 8 and 16.
    """
    luma, _ = _digits(16)
    with ascend.session(device) as acl, ascend.model(acl, path) as identity:
        whole = _logits(ascend.execute(acl, identity, luma.tobytes(), batch=16))
        part = _logits(ascend.execute(acl, identity, luma.tobytes(), batch=8))
    if not np.isfinite(whole).all() or not np.allclose(whole[:8], part[:8], atol=0.05):
        raise DiffersError("8 images in a batch of 8 and of 16 have other logits")
    beyond = part[8:]
    if np.isnan(beyond).all():
        return "rows past the batch are left as they were"
    kind = "hold the results of those images" if np.allclose(beyond, whole[8:]) else "hold numbers"
    return f"rows past the batch {kind}"


def crop_variant(device: int, float_path: str, crop_path: str) -> str:
    """A decoded picture of stride 128x32 fed to an AIPP that crops."""
    luma, tensors = _digits(8)
    with ascend.session(device) as acl:
        with ascend.model(acl, float_path) as identity:
            expected = [_logits(ascend.execute(acl, identity, x.tobytes())) for x in tensors]
        with ascend.model(acl, crop_path) as identity:
            found = [_logits(ascend.execute(acl, identity, _strided(y))) for y in luma]
    difference = max(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
    text = f"largest difference of the logits from those of the float model: {difference:.4f}"
    if not difference < 0.5:
        raise DiffersError(text)
    return text


def _strided(luma: np.ndarray) -> bytes:
    """NV12 of 32x32 with a row stride of 128 bytes, as JPEGD leaves it."""
    picture = np.full((48, 128), 128, np.uint8)
    picture[:32] = 0
    picture[:32, :32] = luma
    return picture.tobytes()


EXPERIMENTS: dict[str, Callable[..., str]] = {
    name.replace("_", "-"): function
    for name, function in (
        ("symbols", symbols),
        ("versions", versions),
        ("init_twice", init_twice),
        ("no_driver", no_driver),
        ("no_visible_device", no_visible_device),
        ("wrong_device", wrong_device),
        ("memcpy_too_long", memcpy_too_long),
        ("load_missing", load_missing),
        ("load_truncated", load_truncated),
        ("load_other_soc", load_other_soc),
        ("unknown_model", unknown_model),
        ("channel_order", channel_order),
        ("dvpp_alignment", dvpp_alignment),
        ("batch_rows", batch_rows),
        ("crop_variant", crop_variant),
    )
}
