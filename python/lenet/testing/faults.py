"""What infer310 has to do when a call of AscendCL fails: codes that fit, and a judge of the run."""

import dataclasses
import pathlib

from lenet.testing import simulator

# Of the codes below, as the vendor calls them (less the prefix ACL_ERROR_).
_NAMES = {
    100000: "INVALID_PARAM",
    100027: "FORMAT_NOT_MATCH",
    100037: "REPEAT_FINALIZE",
    107002: "RT_CONTEXT_NULL",
    107003: "RT_STREAM_CONTEXT",
    145000: "GE_PARAM_INVALID",
    145003: "GE_EXEC_MODEL_ID_INVALID",
    145013: "GE_DYNAMIC_BATCH_SIZE_INVALID",
    145015: "GE_AIPP_NOT_EXIST",
    200000: "BAD_ALLOC",
    207001: "RT_MEMORY_ALLOCATION",
    207002: "RT_MEMORY_FREE",
    207004: "RT_NO_DEVICE",
    207005: "RT_RESOURCE_ALLOC_FAIL",
    207006: "RT_NO_PERMISSION",
    207008: "RT_NO_STREAM_RESOURCE",
    245002: "GE_DEVICE_MEMORY_ALLOCATION_FAILED",
    500000: "INTERNAL_ERROR",
    500001: "FAILURE",
    507007: "RT_CONTEXT_RELEASE_ERROR",
    507008: "RT_SOC_VERSION",
    507010: "RT_LOST_HEARTBEAT",
    507011: "RT_MODEL_EXECUTE",
    507013: "RT_SYS_DMA",
    507014: "RT_AICORE_TIMEOUT",
    507015: "RT_AICORE_EXCEPTION",
    507018: "RT_AICPU_EXCEPTION",
    507033: "RT_DEV_SETUP_ERROR",
    507046: "RT_STREAM_SYNC_TIMEOUT",
    545003: "GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED",
    545009: "GE_UNLOAD_MODEL",
}


@dataclasses.dataclass(frozen=True)
class Failure:
    """A way in which a function fails.

    Attributes:
        code: what it returns, if it is one of those that return a code.
        exits: the exit codes that are right.
        sync: whether the call succeeds and the synchronisation of the stream returns the code.
        silent: whether a run may go on and say nothing, the answer being of no importance.
        named: whether the error must name function and code. Not where null or 0 comes back
            for a number: what is said then is what was expected and found.
        null: whether the function returns an object, and now null instead of it.
    """

    code: int
    exits: tuple[int, ...]
    sync: bool = False
    silent: bool = False
    named: bool = True
    null: bool = False


def _setup(*codes: int) -> list[Failure]:
    return [Failure(code, (3,)) for code in codes]


def _model(*codes: int) -> list[Failure]:
    return [Failure(code, (2,)) for code in codes]


def _work(*codes: int) -> list[Failure]:
    return [Failure(code, (4 if code >= 507000 and code < 508000 else 1,)) for code in codes]


def _memory(*codes: int) -> list[Failure]:
    return [Failure(code, (1,)) for code in codes]


# Nothing for an object, early and later.
_SETUP_OBJECT = [Failure(200000, (3,), null=True)]
_OBJECT = [Failure(200000, (1,), null=True)]
# 0 or null for a number: to be found out, or of no importance for the results.
_NUMBER = [Failure(100000, (0, 1, 2), silent=True, named=False)]
# Nothing that the results depend on.
_INFORMATION = [Failure(500000, (0,), silent=True)]


def _release(code: int) -> list[Failure]:
    """At the end, when the results are there: no failure of the run. While it works: one."""
    return [Failure(code, (0, 1)), Failure(507010, (0, 4))]


_FAILURES = {
    "aclInit": _setup(500000, 507033),
    "aclFinalize": [Failure(100037, (0,)), Failure(507010, (0,))],
    "aclrtGetVersion": _INFORMATION,
    "aclrtGetSocName": _INFORMATION,
    "aclrtGetMemInfo": _INFORMATION,
    "aclrtGetDeviceCount": _setup(207004, 207006),
    "aclrtSetDevice": _setup(507033, 207006),
    "aclrtCreateContext": _setup(207005, 507033),
    "aclrtCreateStream": _setup(207008, 507033),
    "aclrtGetRunMode": _setup(107002),
    "aclrtSynchronizeStream": [Failure(507014, (0, 4)), Failure(107003, (0, 1))],
    "aclrtSynchronizeStreamWithTimeout": [
        Failure(507014, (0, 4)),
        Failure(507046, (0, 4)),
        Failure(107003, (0, 1)),
    ],
    "aclrtMalloc": _memory(207001),
    "aclrtMallocHost": _memory(207001),
    "acldvppMalloc": _memory(207001),
    "aclrtMemset": _work(507013, 100000),
    "aclrtMemcpy": _work(507013, 100000),
    "aclrtMemcpyAsync": [*_work(507013, 100000), Failure(507013, (4,), sync=True)],
    "aclCreateDataBuffer": _OBJECT,
    "aclmdlCreateDataset": _OBJECT,
    "aclmdlCreateDesc": _OBJECT,
    "acldvppCreateChannelDesc": _SETUP_OBJECT,
    "acldvppCreatePicDesc": _OBJECT,
    "acldvppCreateResizeConfig": _SETUP_OBJECT,
    "aclmdlAddDatasetBuffer": _work(100000),
    "aclmdlLoadFromFile": [*_model(145000, 545003, 507008), *_memory(245002), *_work(507010)],
    "aclmdlGetDesc": _work(145003),
    "aclmdlGetInputDims": [Failure(100000, (1,))],
    "aclmdlGetOutputDims": [Failure(100000, (1,))],
    "aclmdlGetInputIndexByName": [Failure(100000, (2,), named=False)],
    "aclmdlGetDynamicBatch": [Failure(100000, (1,))],
    "aclmdlGetAippType": _model(145015),
    "aclmdlGetFirstAippInfo": _model(145015),
    "aclmdlSetDynamicBatchSize": _work(145013, 507013),
    "aclmdlExecute": _work(507011, 507010, 145000),
    "aclmdlExecuteAsync": [*_work(507011, 145000), Failure(507015, (4,), sync=True)],
    "acldvppCreateChannel": _setup(507018, 500001),
    "acldvppSetResizeConfigInterpolation": _setup(100000),
    "acldvppJpegPredictDecSize": _work(100000),
    "acldvppJpegDecodeAsync": [*_work(500001, 507010), Failure(507018, (4,), sync=True)],
    "acldvppVpcResizeAsync": [*_work(100027, 507010), Failure(507018, (4,), sync=True)],
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
}

_NUMBERS = (
    "aclmdlGetInputDataType",
    "aclmdlGetInputSizeByIndex",
    "aclmdlGetNumInputs",
    "aclmdlGetNumOutputs",
    "aclmdlGetOutputDataType",
    "aclmdlGetOutputSizeByIndex",
    "acldvppGetPicDescHeight",
    "acldvppGetPicDescHeightStride",
    "acldvppGetPicDescRetCode",
    "acldvppGetPicDescWidth",
    "acldvppGetPicDescWidthStride",
)
_SETTER = "acldvppSetPicDesc"


@dataclasses.dataclass(frozen=True)
class Case:
    """Call `nth` (from 1) of `function` fails."""

    function: str
    nth: int
    failure: Failure

    @property
    def plan(self) -> str:
        """For LENET_SIM_FAULTS."""
        at_sync = "@sync" if self.failure.sync else ""
        return f"{self.function}:{self.nth}{at_sync}={self.failure.code}"


def failures_of(function: str) -> list[Failure]:
    """How it can fail; fails the test for a function that is not in the table."""
    if function.startswith(_SETTER):
        return _work(100000)
    if function in _NUMBERS:
        return _NUMBER
    assert function in _FAILURES, f"{function}: say in faults.py what is to happen if it fails"
    return _FAILURES[function]


def cases(calls: list[str]) -> list[Case]:
    """Every call in `calls`, and with it the first, middle and last of every function, each
    failure of it.
    """
    return [
        Case(function, nth + 1, failure)
        for function in sorted(set(calls))
        for nth in range(calls.count(function))
        for failure in failures_of(function)
    ]


def snapshot(folder: pathlib.Path) -> dict[str, bytes]:
    """All files below `folder`, hidden ones too, by path; folders as "name/", without content."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_dir():
            found[f"{name}/"] = b""
        else:
            found[name] = path.read_bytes()
    return found


def results_of(files: dict[str, bytes]) -> dict[str, bytes]:
    """The logits among the files of a run."""
    return {name: content for name, content in files.items() if name.startswith("result_Files/")}


def complaints(
    case: Case, run: simulator.Run, clean: dict[str, bytes], before: dict[str, bytes]
) -> list[str]:
    """What is wrong with a run in which `case` happened; nothing if all is right.

    Args:
        clean: the files that the same run leaves without a failure.
        before: the files that were there before.
    """
    if run.returncode not in case.failure.exits:
        return [f"exit code {run.returncode}, expected {case.failure.exits}: {run.stderr.strip()}"]
    found = []
    if not run.simulator.get("ok"):
        found.append(f"the simulator objects: {run.simulator}")
    injected = run.simulator.get("injected", [])
    if injected != [case.plan]:
        found.append(f"planned {case.plan}, happened {injected}")
    after = snapshot(run.cwd)
    if run.returncode == 0:
        if results_of(after) != results_of(clean):
            found.append("exit code 0 and other results than without the failure")
        if set(after) != set(clean):
            found.append(f"exit code 0 and {sorted(after)}")
    else:
        if after != before:
            found.append(f"files changed: {sorted(before)} to {sorted(after)}")
        if run.stdout:
            found.append(f"stdout: {run.stdout}")
    return found + _text_complaints(case, run)


def _text_complaints(case: Case, run: simulator.Run) -> list[str]:
    lines = run.stderr.splitlines()
    errors = [line for line in lines if line.startswith("infer310: error: ")]
    if len(errors) != (run.returncode != 0):
        return [f"exit code {run.returncode} and {len(errors)} errors: {run.stderr.strip()}"]
    if not case.failure.named or (run.returncode == 0 and case.failure.silent):
        return []
    function = case.function
    if case.failure.sync:
        function = "aclrtSynchronizeStream"  # with or without timeout
    if case.failure.null:
        expected = [f"{function} failed"]
    else:
        expected = [function, f" failed: {case.failure.code} ACL_ERROR_{_NAMES[case.failure.code]}"]
    # After the results are there it is a warning; so it is where something was released, even if
    # the device then counts as failed.
    warnings = [line for line in lines if line.startswith("while ending: ")]
    texts = errors + warnings
    if any(all(part in text for part in expected) for text in texts):
        return []
    return [f"expected {expected} in {run.stderr.strip()!r}"]
