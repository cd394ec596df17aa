import os
import signal

import pytest
from absl import logging

from lenet import devices
from lenet.errors import DeviceFailedError, DeviceUnavailableError

_LOG_LEVEL = "GLOG_v"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    names = [*devices._CANN_VARIABLES, *devices._ISA_VARIABLES]
    names += [devices._ASCEND_VISIBLE, devices._CUDA_VISIBLE]
    for name in [*names, "LD_LIBRARY_PATH", "OMP_NUM_THREADS", _LOG_LEVEL]:
        monkeypatch.setenv(name, "")  # so that monkeypatch restores what the code sets
        monkeypatch.delenv(name)


@pytest.fixture
def machine(tmp_path):
    """A machine without anything."""
    for name in ("dev", "ascend", "plugins"):
        (tmp_path / name).mkdir()
    return devices.Machine(
        dev=str(tmp_path / "dev"),
        cpuinfo=str(tmp_path / "cpuinfo"),
        ascend=str(tmp_path / "ascend"),
        plugins=str(tmp_path / "plugins"),
        cuda_driver="libc.so.6",  # a library that loads
    )


def _touch(*parts):
    path = os.path.join(*parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").close()


def _add_ascend(machine):
    _touch(machine.dev, "davinci0")
    _touch(machine.dev, "davinci2")
    _touch(machine.dev, "davinci_manager")
    _touch(machine.ascend, "ascend-toolkit", "latest", "lib64", "libascendcl.so")
    os.mkdir(os.path.join(machine.plugins, "ascend"))


def _add_gpu(machine):
    _touch(machine.dev, "nvidia0")
    _touch(machine.dev, "nvidiactl")
    os.mkdir(os.path.join(machine.plugins, "gpu11.6"))


def test_auto_takes_the_best_present(machine):
    assert devices.resolve("auto", machine=machine) == "CPU"
    _add_gpu(machine)
    assert devices.resolve("auto", machine=machine) == "GPU"
    _add_ascend(machine)
    assert devices.resolve("auto", machine=machine) == "Ascend"
    assert devices.resolve("auto", device_id=2, machine=machine) == "Ascend"


@pytest.mark.parametrize("target", ["CPU", "GPU", "Ascend"])
def test_a_device_named_is_taken(machine, target):
    _add_ascend(machine)
    _add_gpu(machine)
    assert devices.resolve(target, machine=machine) == target


def test_nothing_is_here(machine):
    with pytest.raises(DeviceUnavailableError, match="no Ascend driver here.*davinci"):
        devices.resolve("Ascend", machine=machine)
    with pytest.raises(DeviceUnavailableError, match="no NVIDIA driver here.*device_target=auto"):
        devices.resolve("GPU", machine=machine)


def test_a_card_that_is_not_here(machine):
    _add_ascend(machine)
    _add_gpu(machine)
    with pytest.raises(DeviceUnavailableError, match=r"device_id=1 .*\[0, 2\]"):
        devices.resolve("Ascend", 1, machine)
    with pytest.raises(DeviceUnavailableError, match=r"device_id=1.*\[0\]"):
        devices.resolve("GPU", 1, machine)


@pytest.mark.parametrize(
    ("target", "variable"),
    [("Ascend", "ASCEND_RT_VISIBLE_DEVICES"), ("GPU", "CUDA_VISIBLE_DEVICES")],
)
def test_a_card_that_a_variable_hides(machine, monkeypatch, target, variable):
    _add_ascend(machine)
    _add_gpu(machine)
    _touch(machine.dev, "nvidia1")
    monkeypatch.setenv(variable, "2, 0")
    assert devices.resolve(target, 1, machine) == target
    with pytest.raises(DeviceUnavailableError, match=f"device_id=2, but {variable}=2, 0 shows 2"):
        devices.resolve(target, 2, machine)
    monkeypatch.setenv(variable, "")
    with pytest.raises(DeviceUnavailableError, match=f"{variable}= shows 0 cards"):
        devices.resolve(target, 0, machine)


def test_a_card_without_its_software(machine, tmp_path):
    _add_ascend(machine)
    os.rmdir(os.path.join(machine.plugins, "ascend"))
    with pytest.raises(DeviceUnavailableError, match="without the plug-in ascend"):
        devices.resolve("Ascend", machine=machine)
    bare = devices.Machine(dev=machine.dev, ascend=str(tmp_path / "no"), plugins=machine.plugins)
    with pytest.raises(DeviceUnavailableError, match="CANN is not"):
        devices.resolve("Ascend", machine=bare)


def test_a_gpu_without_its_software(machine):
    _touch(machine.dev, "nvidia0")
    with pytest.raises(DeviceUnavailableError, match="without the plug-in gpu"):
        devices.resolve("GPU", machine=machine)
    no_driver = devices.Machine(dev=machine.dev, cuda_driver="libno_such_driver.so.1")
    with pytest.raises(DeviceUnavailableError, match="driver does not load.*no_such_driver"):
        devices.resolve("GPU", machine=no_driver)


def test_cann_is_found_by_its_variables(machine, tmp_path, monkeypatch):
    _touch(machine.dev, "davinci0")
    os.mkdir(os.path.join(machine.plugins, "ascend"))
    _touch(tmp_path, "cann", "lib64", "libascendcl.so")
    with pytest.raises(DeviceUnavailableError):
        devices.resolve("Ascend", machine=machine)
    monkeypatch.setenv("ASCEND_HOME_PATH", str(tmp_path / "cann"))
    assert devices.resolve("Ascend", machine=machine) == "Ascend"


def test_plug_ins_are_looked_for_in_the_installed_mindspore():
    assert "libmindspore_ops_cpu.so" in os.listdir(devices._installed_plugins())
    assert devices._plugin_obstacle("no_such_device", devices.Machine()) is not None


@pytest.fixture
def log(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "info", lambda text, *args: lines.append(text % args))
    return lines


def _write_cpuinfo(machine, flags):
    with open(machine.cpuinfo, "w", encoding="ascii") as file:
        file.write(f"processor\t: 0\nflags\t\t: fpu {flags} ht\n")


def test_avx512_is_kept_from_onednn(machine, log):
    _write_cpuinfo(machine, "avx2 avx512f avx512bw")
    devices.prepare_environment(machine=machine)
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert "ONEDNN_MAX_CPU_ISA=AVX2 is set" in log[0]


@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_what_the_user_set_is_left_alone(machine, log, monkeypatch, variable):
    _write_cpuinfo(machine, "avx2 avx512f")
    monkeypatch.setenv(variable, "ALL")
    monkeypatch.setenv(_LOG_LEVEL, "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    devices.prepare_environment(threads=3, machine=machine)
    assert os.environ[variable] == "ALL"
    assert "AVX2" not in [os.environ.get(name) for name in devices._ISA_VARIABLES]
    assert (os.environ[_LOG_LEVEL], os.environ["OMP_NUM_THREADS"]) == ("1", "7")
    assert log == [f"{variable} is set to ALL, left as it is"]


def test_other_cpus_need_nothing(machine, log):
    devices.prepare_environment(machine=machine)  # no /proc/cpuinfo
    _write_cpuinfo(machine, "avx2")
    devices.prepare_environment(threads=3, machine=machine)
    assert "ONEDNN_MAX_CPU_ISA" not in os.environ
    assert (os.environ[_LOG_LEVEL], os.environ["OMP_NUM_THREADS"]) == ("3", "3")
    assert log == []


def test_failures_of_a_card_are_told_and_bugs_are_not_hidden():
    told = pytest.raises(DeviceFailedError, match="the Ascend failed: out of memory;")
    with told, devices.failures_reported("Ascend"):
        raise RuntimeError("out of memory\nC++ call stack")
    with pytest.raises(RuntimeError, match="bug"), devices.failures_reported("CPU"):
        raise RuntimeError("bug")


def test_ctrl_c_waits_for_the_import():
    reached = []
    with pytest.raises(KeyboardInterrupt), devices._interrupts_deferred():
        os.kill(os.getpid(), signal.SIGINT)
        reached.append(True)
    assert reached
    with devices._interrupts_deferred():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
