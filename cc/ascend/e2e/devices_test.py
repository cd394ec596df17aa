"""infer310 on the simulator: which device, how many, how new, how slow, and used by whom."""

import json
import pathlib
import signal
import time

import pytest

from lenet.testing import simulator


@pytest.fixture
def folders(tmp_path):
    """Makes folders to run in: (cwd, scratch)."""
    count = 0

    def make() -> tuple[pathlib.Path, pathlib.Path]:
        nonlocal count
        count += 1
        made = tmp_path / f"cwd{count}", tmp_path / f"scratch{count}"
        for folder in made:
            folder.mkdir()
        return made

    return make


def _run(folders, *arguments, **settings) -> simulator.Run:
    cwd, scratch = folders()
    model = f"--mindir_path={simulator.model('lenet')}"
    return simulator.run(cwd, model, "--limit=3", *arguments, scratch=scratch, **settings)


def _check_unavailable(run: simulator.Run, *texts: str) -> None:
    assert run.returncode == 3, run.stderr
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1, run.stderr
    for text in texts:
        assert text in run.stderr
    assert not list(run.cwd.iterdir())
    assert run.simulator.get("ok", True), run.simulator


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_run_modes(folders, run_mode):
    run = _run(folders, run_mode=run_mode).check()
    assert run.report["images"] == 3


def test_no_device(folders):
    _check_unavailable(_run(folders, devices=0), "AscendCL finds no device", "npu-smi info")


def test_a_device_that_is_not_there(folders):
    """Neither in /dev, nor, where there is a node, by AscendCL."""
    run = _run(folders, "--device_id=1")
    _check_unavailable(run, "davinci1")
    assert not run.simulator
    cwd, scratch = folders()
    (scratch / "dev").mkdir()
    (scratch / "dev" / "davinci5").touch()
    model = f"--mindir_path={simulator.model('lenet')}"
    run = simulator.run(cwd, model, "--device_id=5", scratch=scratch, devices=2)
    _check_unavailable(run, "no device 5", "AscendCL finds 2", "--device_id")
    assert "aclrtSetDevice" not in run.simulator["calls"]


@pytest.mark.parametrize("node", ["davinci0", "davinci_manager", "devmm_svm", "hisi_hdc"])
def test_a_node_that_is_missing(folders, node):
    """Said without a call of AscendCL, which would hang or say less."""
    run = _run(folders, missing_node=node)
    _check_unavailable(run, f"/{node}", "container")
    assert not run.simulator


@pytest.mark.parametrize("device", [0, 1])
def test_two_devices(folders, device):
    run = _run(folders, f"--device_id={device}", devices=2).check()
    assert run.report["device"] == f"Ascend310:{device}"
    assert f"Ascend310:{device}" in run.stderr


def test_two_processes_at_once(folders):
    """Each has the device, and its own results: those of a run alone."""
    model = f"--mindir_path={simulator.model('lenet_aipp')}"
    arguments = [model, "--limit=300"]
    processes = []
    for _ in range(2):
        cwd, scratch = folders()
        processes.append(simulator.Process(cwd, *arguments, scratch=scratch))
    logits = [process.finish().check().logits() for process in processes]
    cwd, scratch = folders()
    alone = simulator.run(cwd, *arguments, scratch=scratch).check().logits()
    for each in logits:
        assert each.tobytes() == alone.tobytes()


def test_a_device_that_hangs(folders):
    """It is waited for, but not for ever: 20 s for the work, 1 s a stream for the end."""
    start = time.monotonic()
    run = _run(folders, faults="aclmdlExecuteAsync:2=hang")
    seconds = time.monotonic() - start
    assert run.returncode == 4, run.stderr
    assert run.simulator["ok"], run.simulator
    assert "507046 ACL_ERROR_RT_STREAM_SYNC_TIMEOUT" in run.stderr
    assert 20 <= seconds < 40
    assert not list(run.cwd.iterdir())


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_in_order(folders, sent):
    cwd, scratch = folders()
    started = simulator.Process(
        cwd,
        f"--mindir_path={simulator.model('lenet')}",
        scratch=scratch,
    )
    deadline = time.monotonic() + 60
    while not list(cwd.glob(".result_Files.partial-*/*.bin")):
        assert started.running() and time.monotonic() < deadline
        time.sleep(0.01)
    started.send_signal(sent)
    run = started.finish()
    assert run.returncode == 128 + sent, run.stderr
    assert run.simulator["ok"], run.simulator
    assert not list(cwd.iterdir())


@pytest.mark.parametrize("run_mode", ["host", "device"])
def test_probe(folders, run_mode):
    cwd, scratch = folders()
    model = f"--mindir_path={simulator.model('lenet')}"
    run = simulator.run(
        cwd, "--probe", "--json", model, scratch=scratch, run_mode=run_mode, devices=2
    ).check()
    found = json.loads(run.stdout)
    assert found["usable"] is True
    assert found["soc_name"] == "Ascend310-simulator"
    assert found["run_mode"] == run_mode
    assert found["device_count"] == 2
    assert "aclmdlLoadFromFile" not in run.simulator["calls"]
    run = simulator.run(cwd, "--probe", model, scratch=scratch).check()
    assert "Ascend310-simulator" in run.stdout
    assert not list(cwd.iterdir())


# What fails, and what the verdict says of it.
_PROBE_FAILURES = {
    "aclInit:1=500000": ("init-failed", "aclInit failed: 500000 ACL_ERROR_INTERNAL_ERROR"),
    "aclrtGetDeviceCount:1=207004": ("no-device", "207004 ACL_ERROR_RT_NO_DEVICE"),
    "aclrtSetDevice:1=507033": ("setup-failed", "507033 ACL_ERROR_RT_DEV_SETUP_ERROR"),
    "aclrtSetDevice:1=207006": ("no-permission", "207006 ACL_ERROR_RT_NO_PERMISSION"),
    "aclrtGetRunMode:1=107002": ("setup-failed", "107002 ACL_ERROR_RT_CONTEXT_NULL"),
    "aclrtResetDevice:1=507007": ("setup-failed", "507007 ACL_ERROR_RT_CONTEXT_RELEASE_ERROR"),
    "lost:2": ("setup-failed", "507010 ACL_ERROR_RT_LOST_HEARTBEAT"),
}


@pytest.mark.parametrize("plan", _PROBE_FAILURES)
def test_probe_of_a_device_that_fails(folders, plan):
    failure, text = _PROBE_FAILURES[plan]
    cwd, scratch = folders()
    run = simulator.run(cwd, "--probe", "--json", scratch=scratch, faults=plan)
    assert run.returncode == 3, run.stdout + run.stderr
    assert run.simulator["ok"], run.simulator
    found = json.loads(run.stdout)
    assert found["usable"] is False
    assert found["failure"] == failure
    assert text in found["reason"]
    assert found["hint"]
    run = simulator.run(cwd, "--probe", scratch=scratch, faults=plan)
    assert run.returncode == 3 and run.simulator["ok"]
    assert text in run.stdout
    assert f"cannot be used ({failure})" in run.stdout


def test_fallback_to_the_cpu_under_auto_only(folders):
    """A MindIR runs on the CPU if the device is there and does not start up, and this is said."""
    mindir = f"--mindir_path={simulator.runfile('python/lenet.mindir')}"
    plan = "aclrtSetDevice:*=507033"
    run = _run(folders, mindir, faults=plan)
    assert run.returncode == 0, run.stderr
    assert run.report["device"] == "CPU"
    assert run.simulator.get("ok", True), run.simulator
    run = _run(folders, mindir, "--device_target=Ascend310", faults=plan)
    assert run.returncode == 3, run.stderr
    assert run.simulator.get("ok", True), run.simulator
    # An OM runs nowhere else.
    _check_unavailable(_run(folders, faults=plan), "507033 ACL_ERROR_RT_DEV_SETUP_ERROR")
