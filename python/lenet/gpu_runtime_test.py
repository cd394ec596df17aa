"""Tests the libraries of --config=gpu on any machine.

bazel test --config=gpu //python/lenet:gpu_runtime_test
"""

import re
import subprocess

from lenet import cuda, devices


def test_every_cuda_library_loads():
    found = {re.sub(r"\.\d.*", "", path.name) for path in cuda.load()}
    assert found == {re.sub(r"\.(\d|\*).*", "", name) for name in cuda.LIBRARIES}


def test_the_plug_in_lacks_only_the_driver():
    cuda.load()  # sets LD_LIBRARY_PATH
    (plugin,) = devices._installed_plugins().glob("libmindspore_gpu.so.*")
    listed = subprocess.run(["ldd", plugin], capture_output=True, text=True, check=True).stdout
    missing = {line.split()[0] for line in listed.splitlines() if "not found" in line}
    assert missing <= {"libcuda.so.1"}
