import dataclasses
import os
import signal

import psutil
import pytest
from absl import logging

from lenet import devices, gpu, limits, resources
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
        cuda_driver="libno_such_driver.so.1",
    )


def _touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def _add_ascend(machine):
    for name in ("davinci0", "davinci2", "davinci_manager"):
        _touch(machine.dev / name)
    _touch(machine.ascend / "ascend-toolkit" / "latest" / "lib64" / "libascendcl.so")
    (machine.plugins / "ascend").mkdir()


@pytest.fixture
def gpu_machine(machine, monkeypatch):
    """The same machine with two GPUs, which MindSpore can use."""
    monkeypatch.setenv("FAKE_CUDA", "cards=2")
    (machine.plugins / "gpu11.6").mkdir()
    driver = str(resources.path("cc/gpu/fake/libcuda.so.1"))
    return dataclasses.replace(machine, cuda_driver=driver)


@pytest.fixture
def obstacle(monkeypatch):
    """Sets why this project's own GPU kernels cannot be used; None: they can."""

    def set_to(reason):
        monkeypatch.setattr(gpu, "obstacle", lambda: reason)

    set_to("no kernels; build them")
    return set_to


def test_auto_takes_the_fastest_available(machine, gpu_machine, obstacle):
    assert devices.resolve("auto", machine=machine) == "CPU"
    machine = gpu_machine
    assert devices.resolve("auto", machine=machine) == "GPU"
    assert devices.resolve("auto", fused_kernels=True, machine=machine) == "CPU"
    obstacle(None)
    assert devices.resolve("auto", fused_kernels=True, machine=machine) == "GPU"
    _add_ascend(machine)
    assert devices.resolve("auto", machine=machine) == "Ascend"
    assert devices.resolve("auto", device_id=2, machine=machine) == "Ascend"
    for target in ("CPU", "GPU", "Ascend"):
        assert devices.resolve(target, machine=machine) == target


def _assert_unavailable(message, target, device_id, machine, *, fused_kernels=False):
    with pytest.raises(DeviceUnavailableError, match=message):
        devices.resolve(target, device_id, fused_kernels, machine)


def test_missing_devices_are_reported(machine, gpu_machine, tmp_path, monkeypatch):
    _assert_unavailable("davinci.* is missing.*with the card", "Ascend", 0, machine)
    _assert_unavailable("no NVIDIA driver.*no_such.*device_target=auto", "GPU", 0, machine)
    machine = gpu_machine
    _add_ascend(machine)
    _assert_unavailable(r"device_id=1 .*\[0, 2\]", "Ascend", 1, machine)
    _assert_unavailable(r"device_id=2 .*\[0, 1\]", "GPU", 2, machine)
    bare = dataclasses.replace(machine, ascend=tmp_path / "no")
    _assert_unavailable("CANN is not", "Ascend", 0, bare)
    (machine.plugins / "ascend").rmdir()
    (machine.plugins / "gpu11.6").rmdir()
    _assert_unavailable("MindSpore needs the plug-in ascend", "Ascend", 0, machine)
    _assert_unavailable("operators need the plug-in gpu", "GPU", 0, machine)
    monkeypatch.setenv("FAKE_CUDA", "cuInit=999")
    _assert_unavailable("CUDA error 999.*nvidia-smi", "GPU", 0, machine)


def test_a_gpu_uses_the_own_kernels_else_the_plug_in(gpu_machine, obstacle):
    (plugin,) = gpu_machine.plugins.iterdir()
    assert devices.resolve("GPU", fused_kernels=True, machine=gpu_machine) == "GPU"
    plugin.rmdir()
    _assert_unavailable("no kernels; build them, or", "GPU", 0, gpu_machine, fused_kernels=True)
    obstacle(None)
    assert devices.resolve("GPU", fused_kernels=True, machine=gpu_machine) == "GPU"


@pytest.mark.parametrize(
    ("target", "variable"),
    [("Ascend", "ASCEND_RT_VISIBLE_DEVICES"), ("GPU", "CUDA_VISIBLE_DEVICES")],
)
def test_a_card_that_a_variable_hides(gpu_machine, monkeypatch, target, variable):
    machine = gpu_machine
    _add_ascend(machine)
    monkeypatch.setenv(variable, "2, 0")
    assert devices.resolve(target, 1, machine=machine) == target
    _assert_unavailable(f"device_id=2, but {variable}=2, 0 shows 2", target, 2, machine)
    assert devices.count(target, machine) == 2
    monkeypatch.setattr(logging, "warning", None)  # no warning, because that is on purpose
    if target == "Ascend":
        monkeypatch.setenv(variable, "")
        _assert_unavailable(f"{variable}= shows 0 cards", target, 0, machine)
        assert devices.resolve("auto", machine=machine) == "GPU"
        return
    monkeypatch.setenv("FAKE_CUDA", "cuInit=100")  # the driver's answer
    for value in ("", "-1", "-1, 0"):
        monkeypatch.setenv(variable, value)
        _assert_unavailable(f"{variable}={value} shows 0 cards", target, 0, machine)
        without_ascend = dataclasses.replace(machine, dev=machine.plugins)
        assert devices.resolve("auto", machine=without_ascend) == "CPU"


def _fail_to_open(*_):
    raise DeviceFailedError("wrong results")


def test_auto_continues_on_the_cpu_if_a_card_fails(gpu_machine, obstacle, monkeypatch):
    contexts, warnings = [], []
    obstacle(None)
    monkeypatch.setattr(gpu, "Card", _fail_to_open)
    monkeypatch.setattr(devices, "set_context", lambda *args: contexts.append(args))
    monkeypatch.setattr(logging, "warning", lambda text, *args: warnings.append(text % args))
    found = devices.start("auto", threads=3, size=(32, 32), machine=gpu_machine)
    assert (found.name, found.card) == ("CPU", None)
    assert contexts == [("CPU", 0, 3, True)]
    assert warnings == ["wrong results; the CPU is used"]
    with pytest.raises(DeviceFailedError, match="wrong results"):
        devices.start("GPU", size=(32, 32), machine=gpu_machine)


@pytest.fixture
def new_card(monkeypatch, tmp_path, log):
    """A card newer than MindSpore's plug-in; returns the log lines."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(gpu, "capability", lambda _: (9, 12080))
    monkeypatch.setattr(devices, "_COMPILING_SECONDS", 0.01)
    return log


def test_a_new_card_is_compiled_for_once(new_card, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "_COMPILE", "import sys; sys.exit(1)")
    with pytest.raises(DeviceUnavailableError, match=r"card 7 \(code 1\)"):
        devices.compile_plugin(7)
    ran = tmp_path / "ran"
    child = f"import sys; open({str(ran)!r}, 'w').write(sys.argv[1])"
    monkeypatch.setattr(devices, "_COMPILE", child)
    devices.compile_plugin(7)
    assert ran.read_text() == "7"
    assert "once; this takes several minutes" in new_card[0]
    ran.unlink()
    devices.compile_plugin(7)
    assert not ran.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_ends_the_compilation(new_card, monkeypatch, number):
    monkeypatch.setattr(devices, "_COMPILE", "import signal\nwhile True: signal.pause()")

    def interrupt(text, *_):
        if "still compiling" in text:
            signal.raise_signal(number)

    monkeypatch.setattr(logging, "info", interrupt)
    children = psutil.Process().children()  # of Bazel
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(KeyboardInterrupt):
            devices.compile_plugin(0)
    finally:
        for handled, handler in before.items():
            signal.signal(handled, handler)
    assert psutil.Process().children() == children


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
    with reported, devices.failures_reported(devices.Device("Ascend")):
        raise RuntimeError("out of memory\nC++ call stack")
    device = devices.Device("CPU")
    with pytest.raises(RuntimeError, match="bug"), devices.failures_reported(device):
        raise RuntimeError("bug")


def test_cpu_threads():
    assert devices.cpu_threads(3) == 3
    assert devices.cpu_threads() == limits.cores()
