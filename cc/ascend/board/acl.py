"""AscendCL for Python by ctypes, as far as the experiments need it.

The prototypes are those of cc/ascend/acl_functions.inc. Calls are passed on unchecked, because the
experiments examine the library's own checks.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from ctypes import byref, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2
_HUGE_FIRST = 0
_HOST_MODE = 1
_DYNAMIC_TENSOR = b"ascend_mbatch_shape_data"

# Functions that do not return an error code.
_RESULT_TYPES: dict[str, Any] = {
    "aclmdlCreateDesc": c_void_p,
    "aclmdlCreateDataset": c_void_p,
    "aclCreateDataBuffer": c_void_p,
    "acldvppCreateChannelDesc": c_void_p,
    "aclGetRecentErrMsg": ctypes.c_char_p,
    "aclrtGetSocName": ctypes.c_char_p,
    "aclmdlGetNumInputs": c_size_t,
    "aclmdlGetInputSizeByIndex": c_size_t,
    "aclmdlGetOutputSizeByIndex": c_size_t,
}


class UnavailableError(Exception):
    """This machine lacks something that an experiment needs."""


class CallError(Exception):
    """A call that prepares the experiment failed."""


class Acl:
    """The functions of a library as attributes; see the module about errors."""

    def __init__(self, library: str = "libascendcl.so") -> None:
        try:
            self._library = ctypes.CDLL(library)
        except OSError as error:
            raise UnavailableError(
                f"{library} cannot be loaded ({error}); source CANN's set_env.sh"
            ) from error

    def has(self, name: str) -> bool:
        """Returns whether the library has a function."""
        return hasattr(self._library, name)

    def __getattr__(self, name: str) -> Any:
        if not self.has(name):
            raise UnavailableError(f"this AscendCL has no {name}")
        function = getattr(self._library, name)
        function.restype = _RESULT_TYPES.get(name, c_int)
        return function

    def check(self, name: str, *arguments: object) -> None:
        """Calls a function.

        Raises:
            CallError: the function returned an error code.
        """
        code = getattr(self, name)(*arguments)
        if code != 0:
            raise CallError(f"{name} failed: {code} {self.recent_text()}".rstrip())

    def recent_text(self) -> str:
        """Returns the library's text about this thread's last error, or ""."""
        text = self.aclGetRecentErrMsg() if self.has("aclGetRecentErrMsg") else None
        return " ".join((text or b"").decode(errors="replace").split())

    def version(self) -> str:
        """Returns the version of AscendCL, such as "1.4.0"."""
        parts = [c_int32() for _ in range(3)]
        self.check("aclrtGetVersion", *(byref(part) for part in parts))
        return ".".join(str(part.value) for part in parts)

    def on_host(self) -> bool:
        """Returns whether the NPU is a card with its own memory."""
        mode = c_int()
        self.check("aclrtGetRunMode", byref(mode))
        return mode.value == _HOST_MODE


def open_dvpp() -> Acl:
    """Opens libacl_dvpp.so."""
    return Acl("libacl_dvpp.so")


@contextlib.contextmanager
def process() -> Iterator[Acl]:
    """Initialises AscendCL and finalises it at the end."""
    acl = Acl()
    acl.check("aclInit", None)
    try:
        yield acl
    finally:
        acl.aclFinalize()


@contextlib.contextmanager
def session(device: int) -> Iterator[Acl]:
    """Initialises AscendCL and sets a device; undoes both at the end."""
    with process() as acl:
        acl.check("aclrtSetDevice", c_int32(device))
        try:
            yield acl
        finally:
            acl.aclrtResetDevice(c_int32(device))


@contextlib.contextmanager
def memory(acl: Acl, size: int) -> Iterator[c_void_p]:
    """Allocates `size` bytes of device memory."""
    pointer = c_void_p()
    acl.check("aclrtMalloc", byref(pointer), c_size_t(size), c_int(_HUGE_FIRST))
    try:
        yield pointer
    finally:
        acl.aclrtFree(pointer)


@contextlib.contextmanager
def model(acl: Acl, path: str) -> Iterator[c_uint32]:
    """Loads an OM; yields its id."""
    identity = c_uint32()
    acl.check("aclmdlLoadFromFile", os.fsencode(path), byref(identity))
    try:
        yield identity
    finally:
        acl.aclmdlUnload(identity)


def execute(acl: Acl, identity: c_uint32, data: bytes, batch: int = 0) -> bytes:
    """Runs a model with one input and one output. Returns the output, which is preset to NaN.

    Args:
        acl: the library.
        identity: id of the loaded model.
        data: the whole input.
        batch: batch size, for a model with dynamic batch.
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
        _copy_in(acl, inputs[index], data)
        _copy_in(acl, output, b"\xff" * size)
        input_set = _dataset(acl, stack, list(zip(inputs, sizes, strict=True)))
        output_set = _dataset(acl, stack, [(output, size)])
        if batch:
            acl.check("aclmdlSetDynamicBatchSize", identity, input_set, gear_index, c_uint64(batch))
        acl.check("aclmdlExecute", identity, input_set, output_set)
        return _copy_out(acl, output, size)


def _copy_in(acl: Acl, pointer: c_void_p, data: bytes) -> None:
    if not acl.on_host():
        ctypes.memmove(pointer, data, len(data))
        return
    size = c_size_t(len(data))
    acl.check("aclrtMemcpy", pointer, size, data, size, c_int(HOST_TO_DEVICE))


def _copy_out(acl: Acl, pointer: c_void_p, size: int) -> bytes:
    if not acl.on_host():
        return ctypes.string_at(pointer, size)
    data = ctypes.create_string_buffer(size)
    bytes_ = c_size_t(size)
    acl.check("aclrtMemcpy", data, bytes_, pointer, bytes_, c_int(DEVICE_TO_HOST))
    return data.raw


def _dataset(acl: Acl, stack: contextlib.ExitStack, blocks: list[tuple[c_void_p, int]]) -> c_void_p:
    dataset = c_void_p(acl.aclmdlCreateDataset())
    stack.callback(acl.aclmdlDestroyDataset, dataset)
    for pointer, size in blocks:
        buffer = c_void_p(acl.aclCreateDataBuffer(pointer, c_size_t(size)))
        stack.callback(acl.aclDestroyDataBuffer, buffer)
        acl.check("aclmdlAddDatasetBuffer", dataset, buffer)
    return dataset
