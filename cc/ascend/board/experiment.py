"""Runs one experiment of board_check.sh in its own process, because it may crash AscendCL.

Usage: experiment NAME [ARGUMENT...]. An experiment examines behaviour of AscendCL that its
documentation leaves open; cc/ascend/README.md lists the statements. The last line of the output is
"ok: ...", "differs: ..." or "not run: ...", with exit code 0, 1 or 77.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Callable
from ctypes import byref, c_int, c_int32, c_size_t, c_uint32, c_void_p

import numpy as np
from PIL import Image

from cc.ascend.board import acl as ascend
from lenet import resources
from lenet.data import idx, transform

_NOT_RUN = 77
_FUNCTION = re.compile(r"^(ACL|DVPP)_(OPTIONAL_)?FUNCTION\([^,]*, (\w+),", re.MULTILINE)
_CLASSES = 10

# From cc/ascend/acl_errors.inc, without the prefix ACL_ERROR_.
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
    """The outcome differs from the expected one; the message describes the outcome."""


def _expect(call: str, code: int, *expected: int, acl: ascend.Acl | None = None) -> str:
    text = acl.recent_text() if acl and code else ""
    found = f"{call}: {code} {text}".rstrip()
    if code not in expected:
        raise DiffersError(f"{found}, expected {' or '.join(map(str, expected))}")
    return found


def symbols() -> str:
    """Lists the functions that the libraries lack."""
    functions = _FUNCTION.findall(resources.path("cc/ascend/acl_functions.inc").read_text())
    libraries = {"ACL": ascend.Acl(), "DVPP": ascend.open_dvpp()}
    missing = [
        (name, optional) for kind, optional, name in functions if not libraries[kind].has(name)
    ]
    required = [name for name, optional in missing if not optional]
    if required:
        raise DiffersError(f"required functions are missing: {' '.join(required)}")
    optional = " ".join(name for name, _ in missing) or "none"
    return f"{len(functions)} functions; missing optional functions: {optional}"


def versions(device: int) -> str:
    """Reports the version of AscendCL, the chip and the run mode."""
    with ascend.session(device) as acl:
        soc = acl.aclrtGetSocName() if acl.has("aclrtGetSocName") else None
        mode = "host" if acl.on_host() else "device"
        return f"AscendCL {acl.version()}, chip {(soc or b'?').decode()}, run mode {mode}"


def init_twice() -> str:
    """Calls aclInit twice: old libraries refuse, newer ones count references."""
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
    """Finds the call that fails on a machine with CANN and without a driver."""
    if pathlib.Path("/dev/davinci_manager").exists():
        raise ascend.UnavailableError("this machine has a driver; use one with CANN and no driver")
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
    """Counts devices while ASCEND_RT_VISIBLE_DEVICES names none: 207004, or no devices."""
    os.environ["ASCEND_RT_VISIBLE_DEVICES"] = "63"
    count = c_uint32()
    with ascend.process() as acl:
        code = acl.aclrtGetDeviceCount(byref(count))
        found = _expect("aclrtGetDeviceCount", code, 0, RT_NO_DEVICE, acl=acl)
    if code == 0 and count.value > 0:
        raise DiffersError(f"{count.value} devices despite ASCEND_RT_VISIBLE_DEVICES=63")
    return f"{found}, {count.value} devices"


def wrong_device() -> str:
    """Sets a device whose number is too high."""
    with ascend.process() as acl:
        code = acl.aclrtSetDevice(c_int32(63))
        return _expect("aclrtSetDevice(63)", code, RT_INVALID_DEVICEID, acl=acl)


def memcpy_too_long(device: int) -> str:
    """Copies more bytes than the target has room for."""
    data = ctypes.create_string_buffer(128)
    with ascend.session(device) as acl:
        if not acl.on_host():
            raise ascend.UnavailableError("run mode device copies nothing between host and device")
        with ascend.memory(acl, 64) as pointer:
            kind = c_int(ascend.HOST_TO_DEVICE)
            code = acl.aclrtMemcpy(pointer, c_size_t(64), data, c_size_t(128), kind)
            return _expect("aclrtMemcpy", code, RT_PARAM_INVALID, acl=acl)


def _load(device: int, path: str, *expected: int) -> str:
    with ascend.session(device) as acl:
        identity = c_uint32()
        code = acl.aclmdlLoadFromFile(os.fsencode(path), byref(identity))
        if code == 0:
            acl.aclmdlUnload(identity)
        return _expect("aclmdlLoadFromFile", code, *expected, acl=acl)


def load_missing(device: int) -> str:
    """Loads a model file that does not exist."""
    return _load(device, "/no/such/model.om", GE_EXEC_MODEL_PATH_INVALID)


def load_truncated(device: int, path: str) -> str:
    """Loads the first half of a model file."""
    content = pathlib.Path(path).read_bytes()
    with tempfile.NamedTemporaryFile(suffix=".om") as cut:
        cut.write(content[: len(content) // 2])
        cut.flush()
        return _load(device, cut.name, GE_PARAM_INVALID)


def load_other_soc(device: int, path: str) -> str:
    """Loads a model for another chip; the error code is not documented."""
    return _load(device, path, RT_SOC_VERSION, RT_TASK_TYPE_NOT_SUPPORT, *range(545000, 546000))


def unknown_model(device: int, path: str) -> str:
    """Describes a model that was unloaded."""
    with ascend.session(device) as acl:
        with ascend.model(acl, path) as identity:
            pass
        desc = c_void_p(acl.aclmdlCreateDesc())
        code = acl.aclmdlGetDesc(desc, identity)
        text = acl.recent_text()
        acl.aclmdlDestroyDesc(desc)
        return f"{_expect('aclmdlGetDesc', code, GE_EXEC_MODEL_ID_INVALID)} {text}".rstrip()


def channel_order(device: int) -> str:
    """Destroys a DVPP channel description before its channel."""
    with ascend.session(device) as acl:
        dvpp = ascend.open_dvpp()
        desc = c_void_p(dvpp.acldvppCreateChannelDesc())
        dvpp.check("acldvppCreateChannel", desc)
        code = dvpp.acldvppDestroyChannelDesc(desc)
        if code != 0:
            dvpp.acldvppDestroyChannel(desc)
            dvpp.acldvppDestroyChannelDesc(desc)
        return _expect("acldvppDestroyChannelDesc", code, 0, RELATIVE_RESOURCE_NOT_CLEARED, acl=acl)


def dvpp_alignment(device: int) -> str:
    """Checks the alignment of blocks of the DVPP heap."""
    with ascend.session(device), contextlib.ExitStack() as stack:
        dvpp = ascend.open_dvpp()
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
    """Returns test images: uint8 luma [count, 32, 32] and float32 tensors [count, 1, 32, 32]."""
    images = idx.read_split("", "test").images[:count]
    return transform.resize(images, 32, 32), transform.prepare(images, 32, 32)


def _logits(output: bytes) -> np.ndarray:
    return np.frombuffer(output, "<f4").reshape(-1, _CLASSES)


def batch_rows(device: int, path: str) -> str:
    """Examines the output rows past the batch size, for a model with AIPP and gears 8 and 16."""
    luma, _ = _digits(16)
    with ascend.session(device) as acl, ascend.model(acl, path) as identity:
        whole = _logits(ascend.execute(acl, identity, luma.tobytes(), batch=16))
        part = _logits(ascend.execute(acl, identity, luma.tobytes(), batch=8))
    if not np.isfinite(whole).all() or not np.allclose(whole[:8], part[:8], atol=0.05):
        raise DiffersError("the logits of 8 images differ between batches of 8 and 16")
    beyond = part[8:]
    if np.isnan(beyond).all():
        return "rows past the batch are unchanged"
    kind = "the results of those images" if np.allclose(beyond, whole[8:]) else "other numbers"
    return f"rows past the batch hold {kind}"


def crop_variant(device: int, float_path: str, crop_path: str) -> str:
    """Compares a float model with one whose AIPP crops a decoded picture of stride 128x32."""
    luma, tensors = _digits(8)
    with ascend.session(device) as acl:
        with ascend.model(acl, float_path) as identity:
            expected = [_logits(ascend.execute(acl, identity, x.tobytes())) for x in tensors]
        with ascend.model(acl, crop_path) as identity:
            found = [_logits(ascend.execute(acl, identity, _strided(y))) for y in luma]
    difference = max(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
    text = f"largest difference of the logits from the float model: {difference:.4f}"
    if not difference < 0.5:
        raise DiffersError(text)
    return text


def _strided(luma: np.ndarray) -> bytes:
    """Returns a 32x32 NV12 picture with a row stride of 128 bytes, as JPEGD writes it."""
    picture = np.full((48, 128), 128, np.uint8)
    picture[:32] = 0
    picture[:32, :32] = luma
    return picture.tobytes()


def compare(expected: str, found: str, classes: str, logits: str) -> str:
    """Compares the result folders of two runs of infer310.

    Args:
        expected: the first folder.
        found: the second folder.
        classes: maximum number of classes that may differ.
        logits: maximum difference of a logit.
    """
    names = sorted(path.name for path in pathlib.Path(expected).iterdir())
    if names != sorted(path.name for path in pathlib.Path(found).iterdir()) or not names:
        raise DiffersError(f"{expected} and {found} hold results of different images")
    first, second = (
        np.stack([np.fromfile(pathlib.Path(folder, name), "<f4") for name in names])
        for folder in (expected, found)
    )
    differing = int((first.argmax(1) != second.argmax(1)).sum())
    distance = float(np.abs(first - second).max())
    text = (
        f"{differing} of {len(names)} classes differ, logits by up to {distance:.5f} "
        f"(mean {np.abs(first - second).mean():.5f})"
    )
    if differing > int(classes) or not distance <= float(logits):
        raise DiffersError(f"{text}; expected at most {classes} and {logits}")
    return text


def pictures(folder: str, kind: str, count: str) -> str:
    """Writes test images as JPEGs.

    Args:
        folder: the folder to create.
        kind: "gray" (32x32), "colour" (32x32, 4:2:0 with neutral chroma) or "large" (56x56, gray).
        count: number of images.
    """
    split = idx.read_split("", "test")
    size = 56 if kind == "large" else 32
    pathlib.Path(folder).mkdir(parents=True)
    images = transform.resize(split.images[: int(count)], size, size)
    for number, (luma, label) in enumerate(zip(images, split.labels, strict=False)):
        image = Image.fromarray(luma)
        if kind == "colour":
            chroma = Image.new("L", image.size, 128)
            image = Image.merge("YCbCr", (image, chroma, chroma))
        path = pathlib.Path(folder, f"test_{number}_{label}.jpg")
        image.save(path, quality=95, subsampling=2 if kind == "colour" else -1)
    return f"{len(images)} images, {kind}, {size}x{size}"


_EXPERIMENTS: dict[str, Callable[..., str]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        symbols,
        versions,
        init_twice,
        no_driver,
        no_visible_device,
        wrong_device,
        memcpy_too_long,
        load_missing,
        load_truncated,
        load_other_soc,
        unknown_model,
        channel_order,
        dvpp_alignment,
        batch_rows,
        crop_variant,
        compare,
        pictures,
    )
}


def main(name: str, *arguments: str) -> int:
    """Runs the experiment `name`; a number as its first argument is the device."""
    values = [int(value) if value.isdigit() else value for value in arguments[:1]]
    try:
        print("ok:", _EXPERIMENTS[name](*values, *arguments[1:]), flush=True)
    except (DiffersError, ascend.CallError) as error:
        prefix = "a preparing call failed: " if isinstance(error, ascend.CallError) else ""
        print(f"differs: {prefix}{error}", flush=True)
        return 1
    except ascend.UnavailableError as error:
        print("not run:", error)
        return _NOT_RUN
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
