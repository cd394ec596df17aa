"""Runs one experiment of board_check.sh in its own process, because it may crash AscendCL.

Usage: experiment NAME [ARGUMENT...]. An experiment examines behaviour of AscendCL that its
documentation leaves open; cc/ascend/README.md lists the statements. The last line of the output is
"ok: ...", "differs: ..." or "not run: ...", with exit code 0, 1 or 77.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import re
import sys
import tempfile
from ctypes import byref, c_int, c_int32, c_size_t, c_uint32, c_void_p

import numpy as np
from PIL import Image

from cc.ascend.board import acl as ascend
from lenet import resources
from lenet.data import idx, transform

_NOT_RUN = 77
_FUNCTION = re.compile(r"^(ACL|DVPP)_(OPTIONAL_)?FUNCTION\([^,]*, (\w+),", re.MULTILINE)


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
    libraries = {"ACL": ascend.Acl(), "DVPP": ascend.Acl("libacl_dvpp.so")}
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
    parts = [c_int32() for _ in range(3)]
    with ascend.session(device) as acl:
        soc = acl.aclrtGetSocName() if acl.has("aclrtGetSocName") else None
        mode = "host" if acl.on_host() else "device"
        acl.check("aclrtGetVersion", *(byref(part) for part in parts))
    version = ".".join(str(part.value) for part in parts)
    return f"AscendCL {version}, chip {(soc or b'?').decode()}, run mode {mode}"


def init_twice() -> str:
    """Calls aclInit twice: old libraries refuse, newer ones count references."""
    acl = ascend.Acl()
    acl.check("aclInit", None)
    code = acl.aclInit(None)
    first, second, again = acl.aclFinalize(), acl.aclFinalize(), acl.aclInit(None)
    if again == 0:
        acl.aclFinalize()
    found = _expect("second aclInit", code, 100002)
    return f"{found}; aclFinalize: {first}, again: {second}; then aclInit: {again}"


def no_driver() -> str:
    """Finds the call that fails on a machine with CANN and without a driver."""
    if pathlib.Path("/dev/davinci_manager").exists():
        raise ascend.UnavailableError("this machine has a driver; use one with CANN and no driver")
    with ascend.Acl() as acl:
        code = acl.aclInit(None)
        if code:
            return f"aclInit: {code} {acl.recent_text()}"
        acl.callback(acl.aclFinalize)
        count = c_uint32()
        code = acl.aclrtGetDeviceCount(byref(count))
        found = f"aclInit: 0; aclrtGetDeviceCount: {code}, {count.value} devices"
        return f"{found} {acl.recent_text()}".rstrip()


def no_visible_device() -> str:
    """Counts devices while ASCEND_RT_VISIBLE_DEVICES names none: 207004, or no devices."""
    os.environ["ASCEND_RT_VISIBLE_DEVICES"] = "63"
    count = c_uint32()
    with ascend.session() as acl:
        code = acl.aclrtGetDeviceCount(byref(count))
        found = _expect("aclrtGetDeviceCount", code, 0, 207004, acl=acl)
    if code == 0 and count.value > 0:
        raise DiffersError(f"{count.value} devices despite ASCEND_RT_VISIBLE_DEVICES=63")
    return f"{found}, {count.value} devices"


def wrong_device() -> str:
    """Sets a device whose number is too high."""
    with ascend.session() as acl:
        return _expect("aclrtSetDevice(63)", acl.aclrtSetDevice(c_int32(63)), 107001, acl=acl)


def memcpy_too_long(device: int) -> str:
    """Copies more bytes than the target has room for."""
    data = ctypes.create_string_buffer(128)
    with ascend.session(device) as acl:
        if not acl.on_host():
            raise ascend.UnavailableError("run mode device copies nothing between host and device")
        kind = c_int(ascend.HOST_TO_DEVICE)
        code = acl.aclrtMemcpy(acl.allocate(64), c_size_t(64), data, c_size_t(128), kind)
        return _expect("aclrtMemcpy", code, 107000, acl=acl)


def _load(device: int, path: str, *expected: int) -> str:
    with ascend.session(device) as acl:
        identity = c_uint32()
        code = acl.aclmdlLoadFromFile(os.fsencode(path), byref(identity))
        if code == 0:
            acl.aclmdlUnload(identity)
        return _expect("aclmdlLoadFromFile", code, *expected, acl=acl)


def load_missing(device: int) -> str:
    """Loads a model file that does not exist."""
    return _load(device, "/no/such/model.om", 145002)


def load_truncated(device: int, path: str) -> str:
    """Loads the first half of a model file."""
    content = pathlib.Path(path).read_bytes()
    with tempfile.NamedTemporaryFile(suffix=".om") as cut:
        cut.write(content[: len(content) // 2])
        cut.flush()
        return _load(device, cut.name, 145000)


def load_other_soc(device: int, path: str) -> str:
    """Loads a model for another chip; the error code is not documented."""
    return _load(device, path, 507008, 507009, *range(545000, 546000))


def unknown_model(device: int, path: str) -> str:
    """Describes a model that was unloaded."""
    with ascend.session(device) as acl:
        model = c_uint32()
        acl.check("aclmdlLoadFromFile", os.fsencode(path), byref(model))
        acl.check("aclmdlUnload", model)
        desc = c_void_p(acl.aclmdlCreateDesc())
        acl.callback(acl.aclmdlDestroyDesc, desc)
        return _expect("aclmdlGetDesc", acl.aclmdlGetDesc(desc, model), 145003, acl=acl)


def channel_order(device: int) -> str:
    """Destroys a DVPP channel description before its channel."""
    with ascend.session(device) as acl:
        dvpp = ascend.Acl("libacl_dvpp.so")
        desc = c_void_p(dvpp.acldvppCreateChannelDesc())
        dvpp.check("acldvppCreateChannel", desc)
        code = dvpp.acldvppDestroyChannelDesc(desc)
        if code != 0:
            dvpp.acldvppDestroyChannel(desc)
            dvpp.acldvppDestroyChannelDesc(desc)
        return _expect("acldvppDestroyChannelDesc", code, 0, 148051, acl=acl)


def dvpp_alignment(device: int) -> str:
    """Checks the alignment of blocks of the DVPP heap."""
    addresses = []
    with ascend.session(device), ascend.Acl("libacl_dvpp.so") as dvpp:
        for size in (1, 100, 1536, 6144, 100_000):
            pointer = c_void_p()
            dvpp.check("acldvppMalloc", byref(pointer), c_size_t(size))
            dvpp.callback(dvpp.acldvppFree, pointer)
            addresses.append(pointer.value or 0)
    if any(address % 128 for address in addresses):
        raise DiffersError(f"not multiples of 128: {', '.join(map(hex, addresses))}")
    return "multiples of 128"


def _digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns test images: uint8 luma [count, 32, 32] and float32 tensors [count, 1, 32, 32]."""
    images = idx.read_split("", "test").images[:count]
    return transform.resize(images, 32, 32), transform.prepare(images, 32, 32)


def _logits(output: bytes) -> np.ndarray:
    return np.frombuffer(output, "<f4").reshape(-1, 10)


def batch_rows(device: int, path: str) -> str:
    """Examines the output rows past the batch size, for a model with AIPP and gears 8 and 16."""
    luma, _ = _digits(16)
    with ascend.session(device) as acl:
        model = acl.load(path)
        whole, part = (_logits(acl.execute(model, luma.tobytes(), batch)) for batch in (16, 8))
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
    strided = np.full((8, 48, 128), 128, np.uint8)  # NV12, as JPEGD writes it
    strided[:, :32] = 0
    strided[:, :32, :32] = luma
    with ascend.session(device) as acl:
        expected, found = (
            np.stack([_logits(acl.execute(model, image.tobytes())) for image in images])
            for model, images in ((acl.load(float_path), tensors), (acl.load(crop_path), strided))
        )
    difference = float(np.abs(expected - found).max())
    text = f"largest difference of the logits from the float model: {difference:.4f}"
    if not difference < 0.5:
        raise DiffersError(text)
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


def main(name: str, *arguments: str) -> int:
    """Runs an experiment, which is a public function of this module with "_" for "-".

    A number as its first argument is the device.
    """
    experiment = globals()[name.replace("-", "_")]
    values = [int(value) if value.isdigit() else value for value in arguments[:1]]
    try:
        print("ok:", experiment(*values, *arguments[1:]), flush=True)
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
