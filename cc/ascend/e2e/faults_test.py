"""Every call of AscendCL that infer310 makes fails once, in each way that fits.

Whatever fails, infer310 ends by itself with the right exit code and a message that names the call,
gives back what it took, in order, leaves no part of a result, and does not touch earlier results.
"""

import collections
import concurrent.futures
import itertools
import pathlib
import time

import pytest
from PIL import Image, ImageOps

from lenet.data import idx
from lenet.testing import faults, simulator

_EARLIER = {
    "result_Files/": b"",
    "result_Files/test_7_7.bin": b"\0" * 40,
    "report.json": b"{}\n",
}
_WORKERS = 2


def _write_images(folder: pathlib.Path) -> None:
    """Five images: for the device, to be scaled down, in colour, and two that it cannot take."""
    test_set = idx.read_split("", "test")
    images = [Image.fromarray(pixels) for pixels in test_set.images[:5]]
    names = [f"test_{i}_{test_set.labels[i]}" for i in range(5)]
    folder.mkdir()
    images[0].resize((32, 32)).save(folder / f"{names[0]}.jpg", quality=95)
    images[1].resize((48, 40)).save(folder / f"{names[1]}.jpg", quality=95)
    images[2].save(folder / f"{names[2]}.png")
    ImageOps.colorize(images[3].resize((32, 32)), "black", "yellow").save(
        folder / f"{names[3]}.jpg", quality=95, subsampling="4:2:0"
    )
    images[4].resize((32, 32)).save(folder / f"{names[4]}.jpg", quality=95, progressive=True)


class Scenario:
    """A run of infer310 on five images, to be repeated with failures."""

    def __init__(self, folder: pathlib.Path, run_mode: str, schedule: str, *arguments: str):
        _write_images(folder / "images")
        self._folder = folder
        self._settings = {"run_mode": run_mode, "schedule": schedule}
        self._arguments = [f"--dataset_path={folder / 'images'}", *arguments]
        self._numbers = itertools.count()
        self.clean = self.run().check()
        self.clean_files = faults.snapshot(self.clean.cwd)

    def run(self, **settings: str | int) -> simulator.Run:
        """One run, in a folder of its own with earlier results."""
        folder = self._folder / f"run{next(self._numbers)}"
        cwd, scratch = folder / "cwd", folder / "scratch"
        scratch.mkdir(parents=True)
        cwd.mkdir()
        for name, content in _EARLIER.items():
            if name.endswith("/"):
                (cwd / name).mkdir()
            else:
                (cwd / name).write_bytes(content)
        return simulator.run(
            cwd,
            *self._arguments,
            scratch=scratch,
            **self._settings,
            **settings,
        )

    def judge(self, case: faults.Case) -> tuple[str, list[str]]:
        """The outcome in a word or two, and what is wrong with it."""
        run = self.run(faults=case.plan)
        wrong = faults.complaints(case, run, self.clean_files, _EARLIER)
        if run.returncode != 0:
            outcome = f"exit code {run.returncode}"
        elif "while ending" in run.stderr:
            outcome = "done, with a warning"
        else:
            outcome = "done"
        return outcome, [f"{case.plan}: {text}" for text in wrong]


_SCENARIOS = {
    "DVPP and gears": ("host", "sync", "lenet_dynamic", "--batch_size=2", "--cpu_dvpp=DVPP"),
    "DVPP, device mode": ("device", "eager", "lenet_aipp", "--cpu_dvpp=DVPP"),
    "float model": ("host", "random:1", "lenet"),
    "AIPP and gears, device mode": ("device", "sync", "lenet_dynamic", "--batch_size=2"),
}


@pytest.fixture(scope="module")
def scenario(request, tmp_path_factory) -> Scenario:
    """By its name."""
    run_mode, schedule, model, *arguments = _SCENARIOS[request.param]
    folder = tmp_path_factory.mktemp("scenario")
    mindir_path = f"--mindir_path={simulator.model(model)}"
    return Scenario(folder, run_mode, schedule, mindir_path, *arguments)


@pytest.fixture
def say(capsys):
    """Prints into the log, also of a test that passes."""

    def print_it(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return print_it


def _sweep(scenario: Scenario, cases: list[faults.Case], title: str, say) -> None:
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        judged = list(pool.map(scenario.judge, cases))
    seconds = time.monotonic() - start
    outcomes = collections.Counter(outcome for outcome, _ in judged)
    wrong = [text for _, texts in judged for text in texts]
    say(
        f"{title}: {len(cases)} fault cases, {dict(sorted(outcomes.items()))}, "
        f"{len(wrong)} objections, {seconds:.1f} s"
    )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("scenario", _SCENARIOS, indirect=True)
def test_every_call_fails_once(scenario, request, say):
    cases = faults.cases(scenario.clean.calls)
    assert len(cases) > 80, scenario.clean.calls
    _sweep(scenario, cases, request.node.callspec.id, say)


_ALLOCATIONS = (
    "aclrtMalloc",
    "aclrtMallocHost",
    "acldvppMalloc",
    "aclCreateDataBuffer",
    "aclmdlCreateDataset",
    "aclmdlCreateDesc",
    "acldvppCreateChannelDesc",
    "acldvppCreatePicDesc",
    "acldvppCreateResizeConfig",
)


@pytest.mark.parametrize("scenario", ["DVPP and gears", "float model"], indirect=True)
def test_no_memory_at_each_allocation(scenario, request, say):
    calls = scenario.clean.calls
    cases = [
        faults.Case(function, nth, failure)
        for function in _ALLOCATIONS
        for nth in range(1, calls.count(function) + 1)
        for failure in faults.failures_of(function)
    ]
    assert len(cases) > 8
    _sweep(scenario, cases, f"allocations, {request.node.callspec.id}", say)


@pytest.mark.parametrize("scenario", ["DVPP and gears", "float model"], indirect=True)
def test_too_little_memory(scenario):
    """The device's memory is at an end, wherever that is; what is enough is enough."""
    peak = scenario.clean.simulator["peak_bytes"]
    codes = []
    for memory in (0, 4096, peak // 4, peak // 2, 3 * peak // 4, 2 * peak + (1 << 20)):
        run = scenario.run(memory=memory)
        codes.append(run.returncode)
        assert run.simulator["ok"], run.simulator
        if run.returncode != 0:
            assert faults.snapshot(run.cwd) == _EARLIER
            assert "npu-smi info" in run.stderr and "memory" in run.stderr, run.stderr
    assert set(codes) == {0, 1} and codes == sorted(codes, reverse=True), codes
    assert codes[-1] == 0 and codes[:2] == [1, 1]


@pytest.mark.parametrize("scenario", _SCENARIOS, indirect=True)
def test_device_lost(scenario, request, say):
    """From some call on the device answers nothing but that it is gone."""
    calls = scenario.clean.calls
    moments = range(len(calls) + 1)
    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        runs = list(pool.map(lambda moment: scenario.run(faults=f"lost:{moment}"), moments))
    for moment, run in zip(moments, runs, strict=True):
        assert run.simulator["ok"], f"lost:{moment}: {run.simulator}"
        after = faults.snapshot(run.cwd)
        if run.returncode == 0:
            assert faults.results_of(after) == faults.results_of(scenario.clean_files)
        else:
            assert after == _EARLIER, f"lost:{moment}"
            assert "failed: 507010 ACL_ERROR_RT_LOST_HEARTBEAT" in run.stderr, run.stderr
            assert "npu-smi" in run.stderr
    codes = [run.returncode for run in runs]
    opened = calls.index("aclrtCreateStream") + 1  # there are two of them
    working = next(i for i, call in enumerate(calls) if call.startswith("aclmdlExecute"))
    assert set(codes[: opened + 1]) == {3}, "cannot be had"
    assert set(codes[opened + 1 : working]) <= {3, 4}
    over = codes.index(0)
    assert set(codes[working:over]) == {4}, "fails at work"
    assert set(codes[over:]) == {0}, "is no longer needed"
    say(f"lost device, {request.node.callspec.id}: {dict(collections.Counter(codes))} by exit code")


@pytest.mark.parametrize("scenario", ["DVPP and gears"], indirect=True)
def test_two_failures_at_once(scenario):
    """An error on the way out of an error: the first one is told, and nothing is left behind."""
    for second in ("aclmdlUnload:1=545009", "aclrtDestroyStream:1=507010", "aclFinalize:1=100037"):
        run = scenario.run(faults=f"aclmdlExecuteAsync:2@sync=507015,{second}")
        assert run.returncode == 4, run.stderr
        assert run.simulator["ok"], run.simulator
        assert "failed: 507015 ACL_ERROR_RT_AICORE_EXCEPTION" in run.stderr.splitlines()[-1]
        assert faults.snapshot(run.cwd) == _EARLIER


@pytest.mark.parametrize("scenario", ["float model"], indirect=True)
def test_a_library_that_gives_no_text(scenario):
    run = scenario.run(faults="aclrtMalloc:1=207001,aclGetRecentErrMsg:*=1")
    assert run.returncode == 1
    assert "aclrtMalloc failed: 207001 ACL_ERROR_RT_MEMORY_ALLOCATION; " in run.stderr
