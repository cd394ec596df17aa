"""infer310 on the simulator: number, age, speed, failures and sharing of devices."""

import itertools
import json
import signal
import time

import pytest

from cc.ascend.testing import simulator
from lenet import resources

_MODEL = f"--mindir_path={simulator.model('lenet')}"


@pytest.fixture
def folders(tmp_path):
    """An iterator of new folders to run in."""
    return (tmp_path / f"cwd{i}" for i in itertools.count())


@pytest.fixture
def run(folders):
    """Runs infer310 in a new folder, by default with the float model on three images."""

    def run_model(*arguments, model=_MODEL, **settings) -> simulator.Run:
        return simulator.run(next(folders), model, "--limit=3", *arguments, **settings)

    return run_model


def _check_unavailable(run: simulator.Run, *texts: str) -> None:
    assert run.returncode == 3, run.stderr
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1, run.stderr
    for text in texts:
        assert text in run.stderr
    assert not list(run.cwd.iterdir())
    assert run.simulator.get("ok", True), run.simulator


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_run_modes(run, run_mode):
    done = run(run_mode=run_mode).check()
    assert done.report["images"] == 3


def test_no_device(run):
    _check_unavailable(run(devices=0), "AscendCL finds no device", "npu-smi info")


def test_missing_device_number(run, folders):
    """The node is missing, or the node exists and AscendCL has no such device."""
    done = run("--device_id=1")
    _check_unavailable(done, "davinci1")
    assert not done.simulator
    cwd = next(folders)
    nodes = simulator.scratch(cwd) / "dev"
    nodes.mkdir(parents=True)
    (nodes / "davinci5").touch()
    done = simulator.run(cwd, _MODEL, "--device_id=5", devices=2)
    _check_unavailable(done, "no device 5", "AscendCL finds 2", "--device_id")
    assert "aclrtSetDevice" not in done.simulator["calls"]


@pytest.mark.parametrize("node", ["davinci0", "davinci_manager", "devmm_svm", "hisi_hdc"])
def test_missing_node(run, node):
    """A missing node is reported without calling AscendCL, which might hang."""
    done = run(missing_node=node)
    _check_unavailable(done, f"/{node}", "container")
    assert not done.simulator


@pytest.mark.parametrize("device", [0, 1])
def test_two_devices(run, device):
    done = run(f"--device_id={device}", devices=2).check()
    assert done.report["device"] == f"Ascend310:{device}"
    assert f"Ascend310:{device}" in done.stderr


def test_two_processes_at_once(folders):
    arguments = [f"--mindir_path={simulator.model('lenet_aipp')}", "--limit=300"]
    processes = [simulator.Process(next(folders), *arguments) for _ in range(2)]
    logits = [process.finish().check().logits() for process in processes]
    alone = simulator.run(next(folders), *arguments).check().logits()
    for each in logits:
        assert each.tobytes() == alone.tobytes()


def test_hanging_device(run):
    """infer310 waits 20 s for the work and 1 s per stream for the teardown."""
    start = time.monotonic()
    done = run(faults="aclmdlExecuteAsync:2=hang")
    seconds = time.monotonic() - start
    assert done.returncode == 4, done.stderr
    assert done.simulator["ok"], done.simulator
    assert "507046 ACL_ERROR_RT_STREAM_SYNC_TIMEOUT" in done.stderr
    assert 20 <= seconds < 40
    assert not list(done.cwd.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_order(folders, number):
    cwd = next(folders)
    process = simulator.Process(cwd, _MODEL, "--result_format=files")
    deadline = time.monotonic() + 60
    while not list(cwd.glob(".result_Files.partial-*/*/*.bin")):
        assert process.running() and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    run = process.finish()
    assert run.returncode == 128 + number, run.stderr
    assert run.simulator["ok"], run.simulator
    assert not list(cwd.iterdir())


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_probe(run, run_mode):
    done = run("--probe", "--json", run_mode=run_mode, devices=2).check()
    found = json.loads(done.stdout)
    assert found["usable"] is True
    assert found["soc_name"] == "Ascend310-simulator"
    assert found["run_mode"] == run_mode
    assert found["device_count"] == 2
    lite = found["steps"][-1]  # of the libraries that it needs, the simulator has two
    assert lite["result"] == "warning" and "libgraph.so" in lite["detail"], lite
    assert "aclmdlLoadFromFile" not in done.simulator["calls"]
    done = run("--probe").check()
    assert "Ascend310-simulator" in done.stdout
    assert not list(done.cwd.iterdir())


@pytest.mark.parametrize(
    ("plan", "failure", "text"),
    [
        ("aclInit:1=500000", "init-failed", "aclInit failed: 500000 ACL_ERROR_INTERNAL_ERROR"),
        ("aclrtGetDeviceCount:1=207004", "no-device", "207004 ACL_ERROR_RT_NO_DEVICE"),
        ("aclrtSetDevice:1=507033", "setup-failed", "507033 ACL_ERROR_RT_DEV_SETUP_ERROR"),
        ("aclrtSetDevice:1=207006", "no-permission", "207006 ACL_ERROR_RT_NO_PERMISSION"),
        ("aclrtGetRunMode:1=107002", "setup-failed", "107002 ACL_ERROR_RT_CONTEXT_NULL"),
        ("aclrtResetDevice:1=507007", "setup-failed", "507007 ACL_ERROR_RT_CONTEXT_RELEASE"),
        ("lost:2", "setup-failed", "507010 ACL_ERROR_RT_LOST_HEARTBEAT"),
    ],
)
def test_probe_reports_failures(run, plan, failure, text):
    done = run("--probe", "--json", faults=plan)
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.simulator["ok"], done.simulator
    found = json.loads(done.stdout)
    assert found["usable"] is False
    assert found["failure"] == failure
    assert text in found["reason"]
    assert found["hint"]
    done = run("--probe", faults=plan)
    assert done.returncode == 3 and done.simulator["ok"]
    assert text in done.stdout
    assert f"cannot be used ({failure})" in done.stdout


def test_fallback_to_the_cpu_with_auto_only(run):
    """A MindIR runs on the CPU if the device cannot start; an OM does not."""
    mindir = f"--mindir_path={resources.path('python/lenet.mindir')}"
    plan = "aclrtSetDevice:*=507033"
    done = run(model=mindir, faults=plan)
    assert done.returncode == 0, done.stderr
    assert done.report["device"] == "CPU"
    assert done.simulator.get("ok", True), done.simulator
    done = run("--device_target=Ascend310", model=mindir, faults=plan)
    assert done.returncode == 3, done.stderr
    assert done.simulator.get("ok", True), done.simulator
    _check_unavailable(run(faults=plan), "507033 ACL_ERROR_RT_DEV_SETUP_ERROR")
