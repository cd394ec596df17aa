import os
import pathlib
import shutil
import subprocess
import sys

import pytest

# Reports, when MindSpore is imported, which of the libraries are loaded.
_MINDSPORE = """
import os
names = [line.split("/")[-1].strip() for line in open("/proc/self/maps")]
print(sorted({name for name in names if name.startswith(("libcu", "libnvrtc"))}))
print(os.environ.get("LD_LIBRARY_PATH", ""))
print("CUDA_HOME" in os.environ)
"""


def _a_library():
    """Returns the path of a library that any process can load."""
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    return next(line.split()[-1] for line in lines if "/libm.so" in line or "/libm-" in line)


@pytest.mark.parametrize(
    ("installed", "loaded"),
    [
        (["libcudart.so.11.0", "libcudnn.so.8"], ["libcudart.so.11.0", "libcudnn.so.8"]),
        (["libnvrtc.so.11.2"], []),  # this project's kernels need no library of MindSpore's
        ([], []),
    ],
)
def test_the_libraries_are_loaded_before_mindspore(tmp_path, installed, loaded):
    (tmp_path / "mindspore.py").write_text(_MINDSPORE)
    folders = []
    for name in installed:
        folder = tmp_path / "nvidia" / name.partition(".")[0] / "lib"
        folder.mkdir(parents=True)
        shutil.copy(_a_library(), folder / name)
        folders.append(str(folder))
    variables = {name: value for name, value in os.environ.items() if name != "CUDA_HOME"}
    variables["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    result = subprocess.run(
        [sys.executable, "-c", "import lenet.errors, mindspore"],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    names, variable, has_home = result.stdout.splitlines()
    assert (names, has_home) == (str(loaded), str(bool(loaded)))
    before = os.environ.get("LD_LIBRARY_PATH")
    expected = (folders if loaded else []) + ([before] if before else [])
    assert variable == os.pathsep.join(expected)
