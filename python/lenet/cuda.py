"""Loads the CUDA libraries of --config=gpu, which MindSpore's GPU plug-in needs, before MindSpore.

They are in nvidia/*/lib beside MindSpore, where the dynamic linker does not look. MindSpore loads
its plug-in when it is imported, by whatever module. Without --config=gpu there are no such
libraries, and those of the system are used.
"""

from __future__ import annotations

import ctypes
import importlib.abc
import importlib.util
import os
import pathlib
import sys

# Libraries that the plug-in links and those that cuDNN and NVRTC open later, each after its own
# dependencies.
LIBRARIES = """
    libcudart.so.11.0 libnvrtc-builtins.so.* libnvrtc.so.11.2 libcublasLt.so.11 libcublas.so.11
    libcudnn_ops_infer.so.8 libcudnn_ops_train.so.8 libcudnn_cnn_infer.so.8 libcudnn_cnn_train.so.8
    libcudnn_adv_infer.so.8 libcudnn_adv_train.so.8 libcudnn.so.8 libcufft.so.10 libcurand.so.10
    libcusparse.so.11 libcusolver.so.11
""".split()  # noqa: SIM905 (a list literal takes one line per name)


class _LoadBeforeMindSpore(importlib.abc.MetaPathFinder):
    """Finds no module; loads the libraries when the first import of MindSpore begins."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "mindspore":
            sys.meta_path.remove(self)
            load()


def load_before_mindspore() -> None:
    """Makes the first import of MindSpore load the libraries."""
    sys.meta_path.insert(0, _LoadBeforeMindSpore())


def load() -> list[pathlib.Path]:
    """Loads the libraries, if they are installed, and returns their paths."""
    folders = package_folders()
    found = [
        path
        for name in LIBRARIES
        for root in folders
        for path in sorted(root.glob(f"*/lib/{name}"))
    ]
    if not any(path.name.startswith("libcudart") for path in found):  # none, or NVRTC alone
        return []
    for path in found:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    # Without this variable, MindSpore does not look for its plug-in; any folder will do.
    os.environ.setdefault("CUDA_HOME", str(found[0].parents[1]))
    # MindSpore's version check runs ldd, which does not know what this process has loaded, and
    # prints errors about libraries that it does not find.
    variable = os.environ.get("LD_LIBRARY_PATH")
    names = list(dict.fromkeys(str(path.parent) for path in found))
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(names + ([variable] if variable else []))
    return found


def package_folders() -> list[pathlib.Path]:
    """Returns the folders of NVIDIA's Python distributions, each with <distribution>/lib."""
    spec = importlib.util.find_spec("nvidia")
    return [pathlib.Path(path) for path in (spec and spec.submodule_search_locations) or []]
