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

HOST_TO_DEVICE, _DEVICE_TO_HOST = 1, 2
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


class Acl(contextlib.ExitStack):
    """The functions of a library as attributes; the module describes errors.

    The end of a `with` block releases what the methods created, the last object first.
    """

    def __init__(self, library: str = "libascendcl.so") -> None:
        super().__init__()
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

    def on_host(self) -> bool:
        """Returns whether the NPU is a card with its own memory."""
        mode = c_int()
        self.check("aclrtGetRunMode", byref(mode))
        return mode.value == _HOST_MODE

    def allocate(self, size: int) -> c_void_p:
        """Allocates `size` bytes of device memory."""
        pointer = c_void_p()
        self.check("aclrtMalloc", byref(pointer), c_size_t(size), c_int(_HUGE_FIRST))
        self.callback(self.aclrtFree, pointer)
        return pointer

    def load(self, path: str) -> c_uint32:
        """Loads an OM. Returns its id."""
        model = c_uint32()
        self.check("aclmdlLoadFromFile", os.fsencode(path), byref(model))
        self.callback(self.aclmdlUnload, model)
        return model

    def execute(self, model: c_uint32, data: bytes, batch: int = 0) -> bytes:
        """Runs a model with one input and one output. Returns the output, which is preset to NaN.

        Args:
            model: id of the loaded model.
            data: the whole input.
            batch: batch size, for a model with dynamic batch.
        """
        desc = c_void_p(self.aclmdlCreateDesc())
        self.callback(self.aclmdlDestroyDesc, desc)
        self.check("aclmdlGetDesc", desc, model)
        sizes = [
            self.aclmdlGetInputSizeByIndex(desc, c_size_t(index))
            for index in range(self.aclmdlGetNumInputs(desc))
        ]
        gear_index = c_size_t(1)
        if batch:
            self.check("aclmdlGetInputIndexByName", desc, _DYNAMIC_TENSOR, byref(gear_index))
        index = 1 - gear_index.value
        if sizes[index] != len(data):
            raise CallError(f"the model takes {sizes[index]} bytes, not {len(data)}")
        inputs = [(self.allocate(size), size) for size in sizes]
        size = self.aclmdlGetOutputSizeByIndex(desc, c_size_t(0))
        output = self.allocate(size)
        self._copy(inputs[index][0], data, len(data), HOST_TO_DEVICE)
        self._copy(output, b"\xff" * size, size, HOST_TO_DEVICE)
        input_set = self._dataset(inputs)
        output_set = self._dataset([(output, size)])
        if batch:
            self.check("aclmdlSetDynamicBatchSize", model, input_set, gear_index, c_uint64(batch))
        self.check("aclmdlExecute", model, input_set, output_set)
        logits = ctypes.create_string_buffer(size)
        self._copy(logits, output, size, _DEVICE_TO_HOST)
        return logits.raw

    def _copy(self, target: Any, source: Any, size: int, kind: int) -> None:
        if self.on_host():
            bytes_ = c_size_t(size)
            self.check("aclrtMemcpy", target, bytes_, source, bytes_, c_int(kind))
        else:
            ctypes.memmove(target, source, size)

    def _dataset(self, blocks: list[tuple[c_void_p, int]]) -> c_void_p:
        dataset = c_void_p(self.aclmdlCreateDataset())
        self.callback(self.aclmdlDestroyDataset, dataset)
        for pointer, size in blocks:
            buffer = c_void_p(self.aclCreateDataBuffer(pointer, c_size_t(size)))
            self.callback(self.aclDestroyDataBuffer, buffer)
            self.check("aclmdlAddDatasetBuffer", dataset, buffer)
        return dataset


@contextlib.contextmanager
def session(device: int | None = None) -> Iterator[Acl]:
    """Initialises AscendCL and sets a device, if one is given; undoes both at the end."""
    with Acl() as acl:
        acl.check("aclInit", None)
        acl.callback(acl.aclFinalize)
        if device is not None:
            acl.check("aclrtSetDevice", c_int32(device))
            acl.callback(acl.aclrtResetDevice, c_int32(device))
        yield acl
