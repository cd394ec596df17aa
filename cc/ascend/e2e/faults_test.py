"""Injects one failure into every call of AscendCL that infer310 makes, with each fitting code.

After each failure infer310 must end by itself with the right exit code and an error that names the
call, release in order everything it holds, leave no partial results and keep earlier results.
"""

import collections
import concurrent.futures
import dataclasses
import itertools
import pathlib
import re

import pytest
from PIL import Image, ImageOps

from cc.ascend.testing import simulator
from lenet import resources
from lenet.data import idx

_EARLIER = {
    "result_Files/": b"",
    "result_Files/test_7_7.bin": b"\0" * 40,
    "report.json": b"{}\n",
}
_WORKERS = 2
_ERROR_NAME = re.compile(r"^ACL_(?:NEWER_)?ERROR_CODE\((\d+), (\w+),", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Failure:
    """A way in which a function fails.

    Attributes:
        code: the code that the function returns, if it returns a code.
        exits: the exit codes allowed for infer310.
        sync: whether the call succeeds and the synchronisation of the stream returns the code.
        silent: whether infer310 may continue without a message.
        named: whether the error must name function and code. False for functions that return null
            or 0 instead of a number: their error names expected and found values.
        null: whether the function returns null instead of an object.
    """

    code: int
    exits: tuple[int, ...]
    sync: bool = False
    silent: bool = False
    named: bool = True
    null: bool = False


def _failures(exit_code, *codes):
    return [Failure(code, (exit_code,)) for code in codes]


def _work(*codes):
    return [Failure(code, (4 if 507000 <= code < 508000 else 1,)) for code in codes]


def _sync(*codes):
    return [Failure(code, (4,), sync=True) for code in codes]


def _release(code):
    """Returns failures of a release: a warning once the results are complete, else an error."""
    return [Failure(code, (0, 1)), Failure(507010, (0, 4))]


_OBJECT = [Failure(200000, (1,), null=True)]
_SETUP_OBJECT = [Failure(200000, (3,), null=True)]
_NUMBER = [Failure(100000, (0, 1, 2), silent=True, named=False)]
_PICTURE = [Failure(507018, (0,), sync=True, silent=True)]  # the host decodes it
_INFORMATION = [Failure(500000, (0,), silent=True)]

_FAILURES = {
    "aclInit": _failures(3, 500000, 507033),
    "aclFinalize": _failures(0, 100037, 507010),
    "aclrtGetVersion": _INFORMATION,
    "aclrtGetSocName": _INFORMATION,
    "aclrtGetMemInfo": _INFORMATION,
    "aclrtGetDeviceCount": _failures(3, 207004, 207006),
    "aclrtSetDevice": _failures(3, 507033, 207006),
    "aclrtCreateContext": _failures(3, 207005, 507033),
    "aclrtCreateStream": _failures(3, 207008, 507033),
    "aclrtGetRunMode": _failures(3, 107002),
    "aclrtSynchronizeStream": [Failure(507014, (0, 4)), Failure(107003, (0, 1))],
    "aclrtSynchronizeStreamWithTimeout": [
        Failure(507014, (0, 4)),
        Failure(507046, (0, 4)),
        Failure(107003, (0, 1)),
    ],
    "aclrtMalloc": _failures(1, 207001),
    "aclrtMallocHost": _failures(1, 207001),
    "acldvppMalloc": _failures(1, 207001),
    "aclrtMemset": _work(507013, 100000),
    "aclrtMemcpy": _work(507013, 100000),
    "aclrtMemcpyAsync": [*_work(507013, 100000), *_sync(507013)],
    "aclCreateDataBuffer": _OBJECT,
    "aclmdlCreateDataset": _OBJECT,
    "aclmdlCreateDesc": _OBJECT,
    "acldvppCreateChannelDesc": _SETUP_OBJECT,
    "acldvppCreatePicDesc": _OBJECT,
    "acldvppCreateResizeConfig": _SETUP_OBJECT,
    "aclmdlAddDatasetBuffer": _work(100000),
    "aclmdlLoadFromFile": [*_failures(2, 145000, 545003, 507008), *_work(245002, 507010)],
    "aclmdlGetDesc": _work(145003),
    "aclmdlGetInputDims": _work(100000),
    "aclmdlGetOutputDims": _work(100000),
    "aclmdlGetInputIndexByName": [Failure(100000, (2,), named=False)],
    "aclmdlGetDynamicBatch": _work(100000),
    "aclmdlGetAippType": _failures(2, 145015),
    "aclmdlGetFirstAippInfo": _failures(2, 145015),
    "aclmdlSetDynamicBatchSize": _work(145013, 507013),
    "aclmdlExecute": _work(507011, 507010, 145000),
    "aclmdlExecuteAsync": [*_work(507011, 145000), *_sync(507015)],
    "acldvppCreateChannel": _failures(3, 507018, 500001),
    "acldvppSetResizeConfigInterpolation": _failures(3, 100000),
    "acldvppJpegPredictDecSize": _work(100000),
    "acldvppJpegDecodeAsync": [*_work(500001, 507010), *_PICTURE],
    "acldvppVpcResizeAsync": [*_work(100027, 507010), *_PICTURE],
    "aclDestroyDataBuffer": _release(100000),
    "aclmdlDestroyDataset": _release(100000),
    "aclmdlDestroyDesc": _release(100000),
    "aclmdlUnload": _release(545009),
    "aclrtFree": _release(207002),
    "aclrtFreeHost": _release(207002),
    "acldvppFree": _release(207002),
    "acldvppDestroyPicDesc": _release(100000),
    "acldvppDestroyResizeConfig": _release(100000),
    "acldvppDestroyChannel": _release(500001),
    "acldvppDestroyChannelDesc": _release(100000),
    "aclrtDestroyStream": _release(107003),
    "aclrtDestroyContext": _release(107002),
    "aclrtResetDevice": _release(507007),
    "aclmdlGetInputDataType": _NUMBER,
    "aclmdlGetInputSizeByIndex": _NUMBER,
    "aclmdlGetNumInputs": _NUMBER,
    "aclmdlGetNumOutputs": _NUMBER,
    "aclmdlGetOutputDataType": _NUMBER,
    "aclmdlGetOutputSizeByIndex": _NUMBER,
} | {
    f"acldvpp{verb}PicDesc{field}": failures
    for verb, failures, fields in (
        ("Get", _NUMBER, "Height HeightStride RetCode Width WidthStride"),
        ("Set", _work(100000), "Data Format Height HeightStride Size Width WidthStride"),
    )
    for field in fields.split()
}


@dataclasses.dataclass(frozen=True)
class Case:
    """Call number `nth`, counted from 1, of `function` fails."""

    function: str
    nth: int
    failure: Failure

    @property
    def plan(self) -> str:
        """The value of LENET_SIM_FAULTS."""
        at_sync = "@sync" if self.failure.sync else ""
        return f"{self.function}:{self.nth}{at_sync}={self.failure.code}"


def _cases(calls):
    """Returns a case per call and per failure of its function."""
    return [
        Case(function, nth + 1, failure)
        for function in sorted(set(calls))
        for nth in range(calls.count(function))
        for failure in _FAILURES[function]
    ]


def _snapshot(folder):
    """Returns {path: content} of the files below `folder`; a folder is "name/" with b""."""
    return {
        f"{path.relative_to(folder)}/" if path.is_dir() else str(path.relative_to(folder)): (
            b"" if path.is_dir() else path.read_bytes()
        )
        for path in folder.rglob("*")
    }


def _results(files):
    return {name: content for name, content in files.items() if name.startswith("result_Files/")}


def _write_images(folder: pathlib.Path) -> None:
    """Writes images: for DVPP, to be scaled down, PNG, in colour, and progressive."""
    test_set = idx.read_split("", "test")
    images = [Image.fromarray(pixels) for pixels in test_set.images[:5]]
    paths = [folder / f"test_{i}_{test_set.labels[i]}" for i in range(5)]
    folder.mkdir()
    images[0].resize((32, 32)).save(f"{paths[0]}.jpg", quality=95)
    images[1].resize((48, 40)).save(f"{paths[1]}.jpg", quality=95)
    images[2].save(f"{paths[2]}.png")
    coloured = ImageOps.colorize(images[3].resize((32, 32)), "black", "yellow")
    coloured.save(f"{paths[3]}.jpg", quality=95, subsampling="4:2:0")
    images[4].resize((32, 32)).save(f"{paths[4]}.jpg", quality=95, progressive=True)


class Scenario:
    """A run of infer310 on five images, which can be repeated with failures."""

    def __init__(self, folder: pathlib.Path, run_mode: str, schedule: str, *arguments: str) -> None:
        _write_images(folder / "images")
        self._folder = folder
        self._settings = {"run_mode": run_mode, "schedule": schedule}
        self._arguments = [f"--dataset_path={folder / 'images'}", *arguments]
        self._numbers = itertools.count()
        self.clean = self.run().check()
        self._clean_files = _snapshot(self.clean.cwd)
        errors = resources.path("cc/ascend/acl_errors.inc").read_text()
        self._names = {int(code): name for code, name in _ERROR_NAME.findall(errors)}

    def run(self, **settings: str | int) -> simulator.Run:
        """Runs infer310 in a new folder with earlier results."""
        cwd = self._folder / f"run{next(self._numbers)}"
        (cwd / "result_Files").mkdir(parents=True)
        for name, content in _EARLIER.items():
            if content:
                (cwd / name).write_bytes(content)
        return simulator.run(
            cwd,
            *self._arguments,
            **self._settings,
            **settings,
        )

    def file_errors(self, run: simulator.Run) -> list[str]:
        """Returns how the files left by a run differ from the expected ones."""
        after = _snapshot(run.cwd)
        if run.returncode != 0:
            return [] if after == _EARLIER else [f"files changed: {sorted(after)}"]
        found = []
        if _results(after) != _results(self._clean_files):
            found.append("exit code 0 with other results than without the failure")
        if set(after) != set(self._clean_files):
            found.append(f"exit code 0 with the files {sorted(after)}")
        return found

    def check(self, case: Case) -> tuple[str, list[str]]:
        """Runs a case. Returns its outcome in a few words and the errors found."""
        run = self.run(faults=case.plan)
        outcome = f"exit code {run.returncode}"
        if "while ending" in run.stderr:
            outcome += " with a warning"
        if run.returncode not in case.failure.exits:
            return outcome, [f"{case.plan}: {outcome}, expected {case.failure.exits}: {run.stderr}"]
        errors = self.file_errors(run) + self._message_errors(case, run)
        if not run.simulator.get("ok"):
            errors.append(f"the simulator reports {run.simulator}")
        if run.simulator.get("injected") != [case.plan]:
            errors.append(f"injected {run.simulator.get('injected')}")
        if run.returncode != 0 and run.stdout:
            errors.append(f"stdout: {run.stdout}")
        return outcome, [f"{case.plan}: {error}" for error in errors]

    def _message_errors(self, case: Case, run: simulator.Run) -> list[str]:
        lines = run.stderr.splitlines()
        errors = [line for line in lines if line.startswith("infer310: error: ")]
        if len(errors) != (run.returncode != 0):
            return [f"exit code {run.returncode} with {len(errors)} errors: {run.stderr}"]
        failure = case.failure
        if not failure.named or (run.returncode == 0 and failure.silent):
            return []
        # With or without timeout.
        function = "aclrtSynchronizeStream" if failure.sync else case.function
        expected = [function, f" failed: {failure.code} {self._names[failure.code]}"]
        if failure.null:
            expected = [f"{function} failed"]
        # A failed release is a warning, even if the device counts as failed from then on.
        texts = errors + [line for line in lines if line.startswith("while ending: ")]
        if any(all(part in text for part in expected) for text in texts):
            return []
        return [f"expected {expected} in {run.stderr!r}"]


_SCENARIOS = {
    "DVPP and gears": ("host", "sync", "lenet_dynamic", "--batch_size=2", "--cpu_dvpp=DVPP"),
    "DVPP, device mode": ("device", "eager", "lenet_aipp", "--cpu_dvpp=DVPP"),
    "float model": ("host", "random:1", "lenet"),
    "AIPP and gears, device mode": ("device", "sync", "lenet_dynamic", "--batch_size=2"),
}


@pytest.fixture(scope="module")
def scenario(request, tmp_path_factory) -> Scenario:
    run_mode, schedule, model, *arguments = _SCENARIOS[request.param]
    folder = tmp_path_factory.mktemp("scenario")
    path = f"--mindir_path={simulator.model(model)}"
    return Scenario(folder, run_mode, schedule, path, *arguments)


def _print(capsys, request, outcomes):
    with capsys.disabled():
        counts = dict(sorted(collections.Counter(outcomes).items()))
        print(f"\n{request.node.name}: {len(outcomes)} runs, {counts}")


@pytest.mark.parametrize("scenario", _SCENARIOS, indirect=True)
def test_every_call_fails_once(scenario, request, capsys):
    cases = _cases(scenario.clean.calls)
    assert len(cases) > 80, scenario.clean.calls
    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        checked = list(pool.map(scenario.check, cases))
    _print(capsys, request, [outcome for outcome, _ in checked])
    errors = [error for _, errors in checked for error in errors]
    assert not errors, "\n".join(errors)


@pytest.mark.parametrize("scenario", ["DVPP and gears", "float model"], indirect=True)
def test_too_little_memory(scenario):
    """With less device memory than needed infer310 fails; with enough it succeeds."""
    peak = scenario.clean.simulator["peak_bytes"]
    codes = []
    for memory in (0, 4096, peak // 4, peak // 2, 3 * peak // 4, 2 * peak + (1 << 20)):
        run = scenario.run(memory=memory)
        codes.append(run.returncode)
        assert run.simulator["ok"], run.simulator
        assert not scenario.file_errors(run)
        if run.returncode != 0:
            assert "npu-smi info" in run.stderr and "memory" in run.stderr, run.stderr
    assert set(codes) == {0, 1} and codes == sorted(codes, reverse=True), codes
    assert codes[-1] == 0 and codes[:2] == [1, 1]


@pytest.mark.parametrize("scenario", _SCENARIOS, indirect=True)
def test_device_lost(scenario, request, capsys):
    """Runs infer310 once for each n; from call number n on, each call reports a lost device."""
    calls = scenario.clean.calls
    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        runs = list(
            pool.map(lambda call: scenario.run(faults=f"lost:{call}"), range(len(calls) + 1))
        )
    for call, run in enumerate(runs):
        assert run.simulator["ok"], f"lost:{call}: {run.simulator}"
        assert not scenario.file_errors(run), f"lost:{call}"
        if run.returncode != 0:
            assert "failed: 507010 ACL_ERROR_RT_LOST_HEARTBEAT" in run.stderr, run.stderr
            assert "npu-smi" in run.stderr
    codes = [run.returncode for run in runs]
    _print(capsys, request, codes)
    opened = calls.index("aclrtCreateStream") + 1  # the second of two streams
    working = next(i for i, call in enumerate(calls) if call.startswith("aclmdlExecute"))
    done = codes.index(0)
    assert set(codes[: opened + 1]) == {3}
    assert set(codes[opened + 1 : working]) <= {3, 4}
    assert set(codes[working:done]) == {4}
    assert set(codes[done:]) == {0}


@pytest.mark.parametrize("scenario", ["DVPP and gears"], indirect=True)
@pytest.mark.parametrize(
    "second", ["aclmdlUnload:1=545009", "aclrtDestroyStream:1=507010", "aclFinalize:1=100037"]
)
def test_two_failures(scenario, second):
    """infer310 reports the first of two failures."""
    run = scenario.run(faults=f"aclmdlExecuteAsync:2@sync=507015,{second}")
    assert run.returncode == 4, run.stderr
    assert run.simulator["ok"], run.simulator
    assert "failed: 507015 ACL_ERROR_RT_AICORE_EXCEPTION" in run.stderr.splitlines()[-1]
    assert not scenario.file_errors(run)


@pytest.mark.parametrize("scenario", ["float model"], indirect=True)
def test_library_without_error_text(scenario):
    run = scenario.run(faults="aclrtMalloc:1=207001,aclGetRecentErrMsg:*=1")
    assert run.returncode == 1
    assert "aclrtMalloc failed: 207001 ACL_ERROR_RT_MEMORY_ALLOCATION; " in run.stderr
