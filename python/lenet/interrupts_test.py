import os
import signal
import subprocess
import sys

import pytest

from lenet import interrupts

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PROGRAM = """
import atexit, os, signal, sys
from lenet import interrupts

def send():
    os.kill(os.getpid(), signal.Signals[sys.argv[2]])

def main():
    if sys.argv[1] == "work":
        send()
    if sys.argv[1] == "exit handler":
        atexit.register(send)
    if sys.argv[1] == "bug":
        raise ValueError("bug")
    print("done")
    sys.exit(int(sys.argv[2]) if sys.argv[1] == "none" else 0)

interrupts.end_at_once("interrupted", [signal.SIGINT])
if sys.argv[1] == "imports":
    send()
interrupts.run_to_exit(main, "interrupted")
"""


def _run(*arguments, prefix=()):
    return subprocess.run(
        [*prefix, sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("imports", "SIGINT"),
        ("work", "SIGINT"),
        ("exit handler", "SIGINT"),
        ("exit handler", "SIGTERM"),
    ],
)
def test_a_signal_at_any_moment_is_exit_code_130(moment, number):
    result = _run(moment, number)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")
    assert result.stdout == ("done\n" if moment == "exit handler" else "")


@pytest.mark.parametrize("moment", ["imports", "work", "exit handler"])
def test_ctrl_c_does_not_end_a_background_job_of_a_shell(moment):
    result = _run(moment, "SIGINT", prefix=("sh", "-c", 'trap "" INT; exec "$@"', "sh"))
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


@pytest.mark.parametrize("code", [0, 3])
def test_without_a_signal_the_exit_code_is_kept(code):
    result = _run("none", str(code))
    assert (result.returncode, result.stdout, result.stderr) == (code, "done\n", "")


def test_an_exception_is_exit_code_1():
    result = _run("bug")
    assert result.returncode == 1
    assert "ValueError: bug" in result.stderr


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_recorded_and_the_second_interrupts(number):
    before = [signal.getsignal(n) for n in SIGNALS]
    with interrupts.recorded() as interruption:
        assert not interruption.requested
        os.kill(os.getpid(), number)
        assert interruption.requested
        for again in SIGNALS:
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), again)
    assert [signal.getsignal(n) for n in SIGNALS] == before


def test_ctrl_c_waits_for_the_end_of_the_block():
    reached = []
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        os.kill(os.getpid(), signal.SIGINT)
        reached.append(True)
    assert reached
    with interrupts.deferred():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
