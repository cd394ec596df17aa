"""AscendCL from Python, as little as the experiments need. infer310 does not use this.

Prototypes are those of cc/ascend/acl_functions.inc. Nothing is checked for the caller: experiments
are to see what the library itself says.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from ctypes import byref, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

LIBRARY = "libascendcl.so"
DVPP_LIBRARY = "libacl_dvpp.so"
HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2
_HUGE_FIRST = 0
_HOST_MODE = 1
_DYNAMIC_TENSOR = b"ascend_mbatch_shape_data"

_POINTERS = (
    "aclmdlCreateDesc",
    "aclmdlCreateDataset",
    "aclCreateDataBuffer",
    "acldvppCreateChannelDesc",
)
_TEXTS = ("aclGetRecentErrMsg", "aclrtGetSocName")
_SIZES = (
    "aclmdlGetNumInputs",
    "aclmdlGetNumOutputs",
    "aclmdlGetInputSizeByIndex",
    "aclmdlGetOutputSizeByIndex",
)


class NotHereError(Exception):
    """What an experiment needs is not on this machine; the message says what."""


class CallError(Exception):
    """A call that is no part of the experiment failed."""


class Acl:
    """The functions of a library by their names; each call returns what the function does."""

    def __init__(self, library: str = LIBRARY) -> None:
        try:
            self._library = ctypes.CDLL(library)
        except OSError as error:
            raise NotHereError(
                f"{library} cannot be loaded ({error}); source CANN's set_env.sh"
            ) from error

    def has(self, name: str) -> bool:
        return hasattr(self._library, name)

    def __getattr__(self, name: str):
        if not self.has(name):
            raise NotHereError(f"this AscendCL has no {name}")
        function = getattr(self._library, name)
        function.restype = c_int
        if name in _POINTERS:
            function.restype = c_void_p
        elif name in _TEXTS:
            function.restype = ctypes.c_char_p
        elif name in _SIZES:
            function.restype = c_size_t
        return function

    def check(self, name: str, *arguments: object) -> None:
        """Calls a function that must succeed.

        Raises:
            CallError: it did not.
        """
        code = getattr(self, name)(*arguments)
        if code != 0:
            raise CallError(f"{name} failed: {code} {self.recent_text()}".rstrip())

    def recent_text(self) -> str:
        """The library's words for the last error of this thread; "" if it has none."""
        text = self.aclGetRecentErrMsg() if self.has("aclGetRecentErrMsg") else None
        return " ".join((text or b"").decode(errors="replace").split())


@contextlib.contextmanager
def process() -> Iterator[Acl]:
    """AscendCL, initialised."""
    acl = Acl()
    acl.check("aclInit", None)
    try:
        yield acl
    finally:
        acl.aclFinalize()


@contextlib.contextmanager
def session(device: int) -> Iterator[Acl]:
    """AscendCL with this device set."""
    with process() as acl:
        acl.check("aclrtSetDevice", c_int32(device))
        try:
            yield acl
        finally:
            acl.aclrtResetDevice(c_int32(device))


@contextlib.contextmanager
def memory(acl: Acl, size: int) -> Iterator[c_void_p]:
    """`size` bytes of the device."""
    pointer = c_void_p()
    acl.check("aclrtMalloc", byref(pointer), c_size_t(size), c_int(_HUGE_FIRST))
    try:
        yield pointer
    finally:
        acl.aclrtFree(pointer)


def on_host(acl: Acl) -> bool:
    """Whether the NPU is a card and has memory of its own."""
    mode = c_int()
    acl.check("aclrtGetRunMode", byref(mode))
    return mode.value == _HOST_MODE


def copy_in(acl: Acl, pointer: c_void_p, data: bytes) -> None:
    """To the device."""
    if not on_host(acl):
        ctypes.memmove(pointer, data, len(data))
        return
    size = c_size_t(len(data))
    acl.check("aclrtMemcpy", pointer, size, data, size, c_int(HOST_TO_DEVICE))


def copy_out(acl: Acl, pointer: c_void_p, size: int) -> bytes:
    """From the device."""
    data = ctypes.create_string_buffer(size)
    if on_host(acl):
        acl.check(
            "aclrtMemcpy", data, c_size_t(size), pointer, c_size_t(size), c_int(DEVICE_TO_HOST)
        )
    else:
        ctypes.memmove(data, pointer, size)
    return data.raw


@contextlib.contextmanager
def model(acl: Acl, path: str) -> Iterator[c_uint32]:
    """The OM at `path`, loaded; gives its id."""
    identity = c_uint32()
    acl.check("aclmdlLoadFromFile", os.fsencode(path), byref(identity))
    try:
        yield identity
    finally:
        acl.aclmdlUnload(identity)


def execute(acl: Acl, identity: c_uint32, data: bytes, batch: int = 0) -> bytes:
    """Runs a model of one input and one output on `data`, which is as long as its input.

    Args:
        batch: of a model with a dynamic batch; 0 for others.
    """
    with contextlib.ExitStack() as stack:
        desc = c_void_p(acl.aclmdlCreateDesc())
        stack.callback(acl.aclmdlDestroyDesc, desc)
        acl.check("aclmdlGetDesc", desc, identity)
        sizes = [
            acl.aclmdlGetInputSizeByIndex(desc, c_size_t(index))
            for index in range(acl.aclmdlGetNumInputs(desc))
        ]
        gear_index = c_size_t(1)
        if batch:
            acl.check("aclmdlGetInputIndexByName", desc, _DYNAMIC_TENSOR, byref(gear_index))
        index = 1 - gear_index.value
        if sizes[index] != len(data):
            raise CallError(f"the model takes {sizes[index]} bytes, not {len(data)}")
        inputs = [stack.enter_context(memory(acl, size)) for size in sizes]
        size = acl.aclmdlGetOutputSizeByIndex(desc, c_size_t(0))
        output = stack.enter_context(memory(acl, size))
        copy_in(acl, inputs[index], data)
        copy_in(acl, output, b"\xff" * size)
        given = _dataset(acl, stack, list(zip(inputs, sizes, strict=True)))
        result = _dataset(acl, stack, [(output, size)])
        if batch:
            acl.check("aclmdlSetDynamicBatchSize", identity, given, gear_index, c_uint64(batch))
        acl.check("aclmdlExecute", identity, given, result)
        return copy_out(acl, output, size)


def _dataset(acl: Acl, stack: contextlib.ExitStack, blocks: list[tuple[c_void_p, int]]) -> c_void_p:
    dataset = c_void_p(acl.aclmdlCreateDataset())
    stack.callback(acl.aclmdlDestroyDataset, dataset)
    for pointer, size in blocks:
        buffer = c_void_p(acl.aclCreateDataBuffer(pointer, c_size_t(size)))
        stack.callback(acl.aclDestroyDataBuffer, buffer)
        acl.check("aclmdlAddDatasetBuffer", dataset, buffer)
    return dataset


def get_version(acl: Acl) -> str:
    """Of AscendCL, such as "1.4.0"."""
    parts = [c_int32() for _ in range(3)]
    acl.check("aclrtGetVersion", *(byref(part) for part in parts))
    return ".".join(str(part.value) for part in parts)
