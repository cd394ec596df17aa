"""What --config=gpu lays out, on any machine.

bazel test --config=gpu //python/lenet:gpu_runtime_test
"""

import glob
import os
import re
import subprocess

from lenet import devices


def _plugins():
    return glob.glob(os.path.join(devices._installed_plugins(), "libmindspore_gpu.so.*"))


def test_every_library_of_cuda_loads():
    names = {re.sub(r"\.\d.*", "", os.path.basename(path)) for path in devices.load_cuda()}
    wanted = {re.sub(r"\.(\d|\*).*", "", name) for name in devices._CUDA_LIBRARIES}
    assert names == wanted


def test_the_plug_in_lacks_the_driver_only():
    (plugin,) = _plugins()
    folders = {os.path.dirname(path) for path in devices.load_cuda()}
    listed = subprocess.run(
        ["ldd", plugin],
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(folders))},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    missing = {line.split()[0] for line in listed.splitlines() if "not found" in line}
    assert missing <= {"libcuda.so.1"}
