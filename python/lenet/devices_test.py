import os

import pytest
from absl import logging

from lenet import devices, limits
from lenet.errors import DeviceFailedError, DeviceUnavailableError

_LOG_LEVEL = "GLOG_v"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    names = [*devices._CANN_VARIABLES, *devices._ISA_VARIABLES]
    names += ["ASCEND_RT_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"]
    for name in [*names, "LD_LIBRARY_PATH", "OMP_NUM_THREADS", _LOG_LEVEL]:
        monkeypatch.setenv(name, "")  # so that monkeypatch restores what the code sets
        monkeypatch.delenv(name)


@pytest.fixture
def machine(tmp_path):
    """A machine without devices."""
    for name in ("dev", "ascend", "plugins"):
        (tmp_path / name).mkdir()
    return devices.Machine(
        dev=tmp_path / "dev",
        cpuinfo=tmp_path / "cpuinfo",
        ascend=tmp_path / "ascend",
        plugins=tmp_path / "plugins",
        cuda_driver="libc.so.6",  # a library that loads
    )


def _touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def _add_ascend(machine):
    for name in ("davinci0", "davinci2", "davinci_manager"):
        _touch(machine.dev / name)
    _touch(machine.ascend / "ascend-toolkit" / "latest" / "lib64" / "libascendcl.so")
    (machine.plugins / "ascend").mkdir()


def _add_gpu(machine):
    _touch(machine.dev / "nvidia0")
    _touch(machine.dev / "nvidiactl")
    (machine.plugins / "gpu11.6").mkdir()


def test_auto_takes_the_best_available(machine):
    assert devices.resolve("auto", machine=machine) == "CPU"
    _add_gpu(machine)
    assert devices.resolve("auto", machine=machine) == "GPU"
    _add_ascend(machine)
    assert devices.resolve("auto", machine=machine) == "Ascend"
    assert devices.resolve("auto", device_id=2, machine=machine) == "Ascend"
    for target in ("CPU", "GPU", "Ascend"):
        assert devices.resolve(target, machine=machine) == target


def _assert_unavailable(message, target, device_id, machine):
    with pytest.raises(DeviceUnavailableError, match=message):
        devices.resolve(target, device_id, machine)


def test_missing_devices_are_reported(machine, tmp_path):
    _assert_unavailable("davinci.* is missing.*an Ascend card", "Ascend", 0, machine)
    _assert_unavailable("nvidia.* is missing.*device_target=auto", "GPU", 0, machine)
    _add_ascend(machine)
    _add_gpu(machine)
    _assert_unavailable(r"device_id=1 .*\[0, 2\]", "Ascend", 1, machine)
    _assert_unavailable(r"device_id=1.*\[0\]", "GPU", 1, machine)
    bare = devices.Machine(
        dev=machine.dev,
        ascend=tmp_path / "no",
        plugins=machine.plugins,
        cuda_driver="libno_such_driver.so.1",
    )
    _assert_unavailable("CANN is not", "Ascend", 0, bare)
    _assert_unavailable("driver does not load.*no_such_driver", "GPU", 0, bare)
    (machine.plugins / "ascend").rmdir()
    (machine.plugins / "gpu11.6").rmdir()
    _assert_unavailable("lacks the plug-in ascend", "Ascend", 0, machine)
    _assert_unavailable("lacks the plug-in gpu", "GPU", 0, machine)


@pytest.mark.parametrize(
    ("target", "variable"),
    [("Ascend", "ASCEND_RT_VISIBLE_DEVICES"), ("GPU", "CUDA_VISIBLE_DEVICES")],
)
def test_a_card_that_a_variable_hides(machine, monkeypatch, target, variable):
    _add_ascend(machine)
    _add_gpu(machine)
    _touch(machine.dev / "nvidia1")
    monkeypatch.setenv(variable, "2, 0")
    assert devices.resolve(target, 1, machine) == target
    _assert_unavailable(f"device_id=2, but {variable}=2, 0 shows 2", target, 2, machine)
    assert devices.count(target, machine) == 2
    monkeypatch.setenv(variable, "")
    _assert_unavailable(f"{variable}= shows 0 cards", target, 0, machine)


def test_all_cards_are_visible_by_default(machine):
    for number in range(8):
        _touch(machine.dev / f"davinci{number}")
    assert [devices.count(device, machine) for device in ("Ascend", "GPU", "CPU")] == [8, 0, 1]


def test_cann_is_found_by_its_variables(machine, tmp_path, monkeypatch):
    _touch(machine.dev / "davinci0")
    (machine.plugins / "ascend").mkdir()
    _touch(tmp_path / "cann" / "lib64" / "libascendcl.so")
    _assert_unavailable("CANN is not", "Ascend", 0, machine)
    monkeypatch.setenv("ASCEND_HOME_PATH", str(tmp_path / "cann"))
    assert devices.resolve("Ascend", machine=machine) == "Ascend"


def test_plugins_of_the_installed_mindspore():
    assert (devices._installed_plugins() / "libmindspore_ops_cpu.so").exists()


@pytest.fixture
def log(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "info", lambda text, *args: lines.append(text % args))
    return lines


def _write_cpuinfo(machine, flags):
    machine.cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu {flags} ht\n")


def test_onednn_does_not_use_avx512(machine, log):
    _write_cpuinfo(machine, "avx2 avx512f avx512bw")
    devices.prepare_environment(machine=machine)
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert "setting ONEDNN_MAX_CPU_ISA=AVX2" in log[0]


@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_variables_of_the_user_are_kept(machine, log, monkeypatch, variable):
    _write_cpuinfo(machine, "avx2 avx512f")
    monkeypatch.setenv(variable, "ALL")
    monkeypatch.setenv(_LOG_LEVEL, "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    devices.prepare_environment(threads=3, machine=machine)
    assert os.environ[variable] == "ALL"
    assert "AVX2" not in [os.environ.get(name) for name in devices._ISA_VARIABLES]
    assert (os.environ[_LOG_LEVEL], os.environ["OMP_NUM_THREADS"]) == ("1", "7")
    assert log == [f"{variable}=ALL is kept"]


def test_other_cpus_need_no_limit(machine, log):
    devices.prepare_environment(machine=machine)  # no /proc/cpuinfo
    _write_cpuinfo(machine, "avx2")
    devices.prepare_environment(threads=3, machine=machine)
    assert "ONEDNN_MAX_CPU_ISA" not in os.environ
    assert (os.environ[_LOG_LEVEL], os.environ["OMP_NUM_THREADS"]) == ("3", "3")
    assert log == []


def test_failures_of_a_card_are_reported_and_bugs_are_not_hidden():
    reported = pytest.raises(DeviceFailedError, match="the Ascend failed: out of memory;")
    with reported, devices.failures_reported("Ascend"):
        raise RuntimeError("out of memory\nC++ call stack")
    with pytest.raises(RuntimeError, match="bug"), devices.failures_reported("CPU"):
        raise RuntimeError("bug")


def test_cpu_threads():
    assert devices.cpu_threads(3) == 3
    assert devices.cpu_threads() == limits.cores()
