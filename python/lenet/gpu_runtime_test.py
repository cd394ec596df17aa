"""Tests the libraries of --config=gpu on any machine.

bazel test --config=gpu //python/lenet:gpu_runtime_test
"""

import os
import re
import subprocess

from lenet import devices


def test_every_cuda_library_loads():
    found = {re.sub(r"\.\d.*", "", path.name) for path in devices.load_cuda()}
    assert found == {re.sub(r"\.(\d|\*).*", "", name) for name in devices._CUDA_LIBRARIES}


def test_the_plug_in_lacks_only_the_driver():
    (plugin,) = devices._installed_plugins().glob("libmindspore_gpu.so.*")
    folders = {str(path.parent) for path in devices.load_cuda()}
    listed = subprocess.run(
        ["ldd", plugin],
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(folders))},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    missing = {line.split()[0] for line in listed.splitlines() if "not found" in line}
    assert missing <= {"libcuda.so.1"}
