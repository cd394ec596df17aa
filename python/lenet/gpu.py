"""This project's GPU kernels (cc/gpu), opened without MindSpore.

A process uses one card. The operator of lenet.kernels.operators uses the card that is open here.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from absl import logging

from lenet import cuda, resources
from lenet.errors import DeviceFailedError, DeviceUnavailableError, LenetError, UserError

DRIVER = "libcuda.so.1"

_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
_CAPABILITY_MAJOR = 75  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
_NVRTC = "libnvrtc.so.11.2"
_MESSAGE_BYTES = 4096


def count(driver: str = DRIVER) -> int:
    """Returns the number of cards that the driver shows; it obeys CUDA_VISIBLE_DEVICES.

    Raises:
        OSError: there is no driver.
        DeviceUnavailableError: the driver does not work.
    """
    library = ctypes.CDLL(driver)
    number = ctypes.c_int()
    code = library.cuInit(0) or library.cuDeviceGetCount(ctypes.byref(number))
    if code and (code != _NO_DEVICE or "CUDA_VISIBLE_DEVICES" not in os.environ):
        raise DeviceUnavailableError(
            f"the NVIDIA driver finds no usable card (CUDA error {code}); see what nvidia-smi says"
        )
    return number.value


def capability(device_id: int) -> tuple[int, int]:
    """Returns the major compute capability of a card and the driver's version.

    Call it after count().
    """
    library = ctypes.CDLL(DRIVER)
    card, major, version = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    library.cuDeviceGet(ctypes.byref(card), device_id)
    library.cuDeviceGetAttribute(ctypes.byref(major), _CAPABILITY_MAJOR, card)
    library.cuDriverGetVersion(ctypes.byref(version))
    return major.value, version.value


def obstacle() -> str | None:
    """Returns why the kernels cannot be used on any GPU and what to do, or None."""
    if resources.find(resources.GPU_KERNELS) is None:
        return (
            f"this project's GPU kernels are missing ({resources.GPU_KERNELS}); "
            f"{resources.KERNELS_REMEDY}"
        )
    if _nvrtc_folder() is None:
        try:
            ctypes.CDLL(_NVRTC)
        except OSError:
            return (
                f"{_NVRTC}, which compiles this project's GPU kernels, is missing; add it with "
                "--config=nvrtc, as in `bazel run --config=nvrtc //python:train`, or with "
                "`python3 -m pip install nvidia-cuda-nvrtc-cu11`"
            )
    return None


def cache_folder() -> pathlib.Path:
    """Returns the folder for what is compiled for a card."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache, "lenet-mindspore")


class Card:
    """A GPU with compiled kernels; see cc/gpu/gpu_ops.cc for the functions."""

    def __init__(self, device_id: int, height: int, width: int) -> None:
        """Opens the card and compiles the kernels, if the cache does not have them.

        Args:
            device_id: index of the card.
            height: height of the network's input, pixels.
            width: width of the network's input, pixels.

        Raises:
            DeviceUnavailableError: the kernels, the driver, the card or NVRTC cannot be used.
            DeviceFailedError: the card fails, or computes other results than the CPU.
            UserError: the kernels do not take images of this size.
        """
        try:
            self._library = ctypes.CDLL(str(resources.path(resources.GPU_KERNELS)))
        except OSError as error:
            raise DeviceUnavailableError(
                f"this project's GPU kernels do not load ({error}); {resources.KERNELS_REMEDY}"
            ) from error
        self._library.LenetGpuError.restype = ctypes.c_char_p
        folder, cache = str(_nvrtc_folder() or ""), str(cache_folder())
        warning = self._call(
            "LenetGpuOpen", device_id, folder.encode(), os.fsencode(cache), height, width
        )
        if warning:
            logging.warning("GPU: %s", warning)

    def logits(
        self, pixels: np.ndarray, normalized: np.ndarray, parameters: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Returns the logits of all images, float32 [N, 10].

        Args:
            pixels: uint8 [N, H, W], in the size of the network's input; N is at least 1.
            normalized: float32 [256], the network's input for each pixel value.
            parameters: float32, the eight of LeNet5 in its order.

        Raises:
            DeviceFailedError: the card fails.
        """
        pixels = np.ascontiguousarray(pixels)
        arrays = [np.ascontiguousarray(value, np.float32) for value in parameters]
        pointers = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
        result = np.empty((len(pixels), 10), np.float32)
        self._call(
            "LenetGpuForward",
            ctypes.c_void_p(pixels.ctypes.data),
            ctypes.c_int64(len(pixels)),
            ctypes.c_void_p(normalized.ctypes.data),
            pointers,
            ctypes.c_void_p(result.ctypes.data),
        )
        return result

    def operator_error(self) -> str:
        """Returns the message of the last failed call of the operator, or ""."""
        return _text(self._library.LenetGpuError())

    def _call(self, name: str, *arguments: object) -> str:
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        code = getattr(self._library, name)(*arguments, message, _MESSAGE_BYTES)
        text = _text(message.value)
        for error in (LenetError, UserError, DeviceUnavailableError, DeviceFailedError):
            if code == error.exit_code:
                raise error(text)
        return text


def _nvrtc_folder() -> pathlib.Path | None:
    folders = (path / "cuda_nvrtc" / "lib" for path in cuda.package_folders())
    return next((folder for folder in folders if (folder / _NVRTC).exists()), None)


def _text(message: bytes) -> str:
    return message.decode("utf-8", errors="replace")
