import tempfile

from tools.bench import machine

_CPUINFO = """processor\t: 0
model name\t: A CPU @ 2.00GHz
flags\t\t: fpu sse2 fma avx2 avx512f avx2_not
processor\t: 1
model name\t: A CPU @ 2.00GHz
"""


def test_facts(tmp_path, monkeypatch):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(_CPUINFO)
    (tmp_path / "proc/meminfo").write_text("MemTotal:       16000000 kB\nMemFree: 1 kB\n")
    (tmp_path / "proc/loadavg").write_text("0.10 0.20 0.30 1/200 999\n")
    mounts = "a / ext4 rw 0 0\nb /made proc rw 0 0\nc /made/up tmpfs rw 0 0\nd /m ext2 rw 0 0\n"
    (tmp_path / "proc/mounts").write_text(mounts)
    monkeypatch.setattr(tempfile, "tempdir", "/made/up/folder")
    governor = tmp_path / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    governor.parent.mkdir(parents=True)
    governor.write_text("performance\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('PRETTY_NAME="Some Linux 12"\n')
    facts = machine.facts(str(tmp_path))
    assert facts["CPU"] == "A CPU @ 2.00GHz"
    assert facts["CPU flags"] == "avx2 fma avx512f"
    assert facts["memory"] == "16.4 GB"
    assert facts["load at start"] == "0.10 0.20 0.30"
    assert facts["files on"] == "tmpfs"
    assert facts["governor"] == "performance"
    assert facts["system"].startswith("Some Linux 12, Linux ")
    assert int(facts["cores"]) >= 1


def test_what_cannot_be_read_is_left_out(tmp_path):
    facts = machine.facts(str(tmp_path))
    assert "memory" not in facts
    assert "governor" not in facts
    assert facts["Python"]
