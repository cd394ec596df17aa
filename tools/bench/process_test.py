import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tools.bench import process
from tools.bench.process import ProcessError


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """Makes process.path() find programs written by `write(name, script)`, and launch as built."""
    built = process.path
    folder = tmp_path / "programs"
    folder.mkdir()

    def find(program):
        return built(program) if program.endswith("/launch") else str(folder / program)

    monkeypatch.setattr(process, "path", find)

    def write(name, script):
        path = folder / name
        path.write_text(f"#!{sys.executable} -IS\n{script}\n")
        path.chmod(0o755)
        return path

    return write


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_time_and_peak_memory(programs, tmp_path):
    programs("big", "import time\nx = bytearray(200_000_000)\ntime.sleep(0.2)")
    programs("small", "")
    big = process.run("big", folder=tmp_path, timeout=60)
    small = process.run("small", folder=tmp_path, timeout=60)
    assert big.seconds >= 0.2
    assert 200 < big.peak_mb < 260
    assert 1 < small.peak_mb < 40  # not that of the process that runs this test


def test_arguments_folder_and_environment(programs, tmp_path, monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    monkeypatch.setenv("KEPT", "1")
    programs(
        "show",
        "import os, sys\nprint(sys.argv[1:], os.getcwd(), os.environ.get('ONEDNN_MAX_CPU_ISA'),"
        " os.environ['KEPT'], os.environ['ADDED'])",
    )
    process.run("show", "a b", folder=tmp_path, environment={"ADDED": "2"}, timeout=60)
    assert (tmp_path / "log.txt").read_text() == f"['a b'] {tmp_path} None 1 2\n"


def test_a_program_with_runfiles_takes_its_own(programs, tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_RUNFILES", "of this process")
    show = "import os, sys\nprint(sys.argv[0], os.environ.get('JAVA_RUNFILES'))"
    built = programs("built", show)
    built.with_name("built.runfiles").mkdir()
    built.with_name("linked").symlink_to(built)
    programs("alone", show)
    process.run("linked", folder=tmp_path, timeout=60)
    assert (tmp_path / "log.txt").read_text() == f"{built} None\n"
    process.run("alone", folder=tmp_path, timeout=60)
    assert (tmp_path / "log.txt").read_text().endswith("alone of this process\n")


def test_a_failure_tells_exit_code_and_reason(programs, tmp_path):
    programs("bad", "import sys\nprint('bad: error: no data')\nprint('bye')\nsys.exit(2)")
    with pytest.raises(ProcessError, match="exit code 2: bad: error: no data"):
        process.run("bad", folder=tmp_path, timeout=60)


def test_a_signal_is_a_failure(programs, tmp_path):
    programs("crash", "import os\nos.abort()")
    with pytest.raises(ProcessError, match="exit code 134"):
        process.run("crash", folder=tmp_path, timeout=60)


def test_a_program_that_is_not_in_the_build(tmp_path):
    with pytest.raises(ProcessError, match="tools/bench/peers/nothing is not in this build"):
        process.run("tools/bench/peers/nothing", folder=tmp_path, timeout=60)


def test_a_program_that_takes_too_long_is_killed(programs, tmp_path):
    programs("slow", "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)")
    with pytest.raises(ProcessError, match="slow took longer than 1 s"):
        process.run("slow", folder=tmp_path, timeout=1)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_nothing_is_left_running_after_ctrl_c(programs, tmp_path, monkeypatch):
    programs(
        "stubborn",
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)",
    )
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.2)

    def interrupted(self, timeout=None):
        if timeout == 60:
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
                time.sleep(0.01)
            raise KeyboardInterrupt
        return wait(self, timeout)

    wait = subprocess.Popen.wait
    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        process.run("stubborn", folder=tmp_path, timeout=60)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def test_launch_takes_its_program_with_it(programs, tmp_path):
    program = programs(
        "slow", "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    launch = process.path("tools/bench/launch")
    running = subprocess.Popen([launch, tmp_path / "usage.txt", program], cwd=tmp_path)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)
