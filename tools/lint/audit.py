"""Asks databases of advisories about the Python distributions of the locks: PyPI's, then OSV's.

What is known and has to be lived with for a while is in audit_allow.txt.

Exit code 0: nothing is known against them; 1: advisories, or lines of audit_allow.txt that are
stale; 2: an option or a line of audit_allow.txt is wrong; 3: no database is reachable.
"""

from __future__ import annotations

import argparse
import collections.abc
import dataclasses
import datetime
import pathlib
import sys
import tempfile

import requests
from packaging.version import Version
from pip_audit._service import (
    ConnectionError,
    OsvService,
    PyPIService,
    ResolvedDependency,
    ServiceError,
    VulnerabilityService,
)
from runfiles import Runfiles

from third_party.supply import locks

_LOCKS = [
    "ascend_headers/wheel.lock",
    "mindspore_lite/wheel.lock",
    "mnist/wheel.lock",
    "python/peers.lock",
    "python/remote.lock",
    "python/requirements.lock",
    "python/testing.lock",
    "python/tools.lock",
]
_TIMEOUT = 15  # seconds for one answer
# A mirror of an index may have packages but no advisories; it then knows none of the first.
_ENOUGH = 10


class AllowError(Exception):
    """A line of the allow list cannot be read."""


class UnreachableError(Exception):
    """A database gives no answers."""


@dataclasses.dataclass(frozen=True)
class Advisory:
    """One advisory against one version."""

    package: str
    version: str
    ids: frozenset[str]
    text: str
    fixed: str

    def __str__(self) -> str:
        ids = " ".join(sorted(self.ids))
        return f"{self.package} {self.version}: {ids}: {self.text} (fixed in: {self.fixed or '-'})"


@dataclasses.dataclass(frozen=True)
class Allowed:
    """A line of the allow list."""

    line: int
    id: str
    package: str
    until: datetime.date


def read_allowed(text: str) -> list[Allowed]:
    """Lines "<id> <package> <last day> <reason>".

    Raises:
      AllowError: a line has no reason, or no date such as 2026-12-31.
    """
    result = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split(maxsplit=3)
        if not words:
            continue
        try:
            identity, package, until, _ = words
            day = datetime.date.fromisoformat(until)
        except ValueError:
            raise AllowError(
                f"audit_allow.txt:{number}: wanted: <id> <package> <YYYY-MM-DD> <reason>"
            ) from None
        result.append(Allowed(number, identity, locks.normalized(package), day))
    return result


def ask(
    service: VulnerabilityService, pins: collections.abc.Iterable[tuple[str, str]]
) -> tuple[list[Advisory], list[str]]:
    """What a database has against (name, version) pairs, and those that it does not know.

    Raises:
      UnreachableError: it does not answer, or knows none of them.
    """
    found, unknown, known = [], [], 0
    for name, version in pins:
        try:
            answer, results = service.query(ResolvedDependency(name, Version(version)))
        # A proxy may answer with a page instead of JSON.
        except (ConnectionError, ServiceError, requests.RequestException, ValueError) as error:
            raise UnreachableError(f"no answer ({type(error).__name__})") from error
        if answer.is_skipped():
            unknown.append(f"{name} {version}")
        else:
            known += 1
        if len(unknown) == _ENOUGH and not known:
            break
        found += [
            Advisory(
                name,
                version,
                frozenset({result.id, *result.aliases}),
                result.description[:100],
                ", ".join(str(fix) for fix in result.fix_versions),
            )
            for result in results
        ]
    if unknown and not known:
        raise UnreachableError(f"knows none of {', '.join(unknown[:3])}, …")
    return found, unknown


def judge(
    found: list[Advisory], allowed: list[Allowed], today: datetime.date
) -> tuple[list[str], list[str]]:
    """(what is wrong, what is allowed), one line each."""
    wrong, accepted = [], []
    used = set()
    for advisory in found:
        entries = {e for e in allowed if e.id in advisory.ids and e.package == advisory.package}
        used |= entries
        current = any(entry.until >= today for entry in entries)
        (accepted if current else wrong).append(str(advisory))
    for entry in allowed:
        where = f"audit_allow.txt:{entry.line}: {entry.id} of {entry.package}"
        if entry not in used:
            wrong.append(f"{where} is not found any more: remove the line")
        elif entry.until < today:
            wrong.append(f"{where} was allowed until {entry.until}: update, or give a new reason")
    return wrong, accepted


def _pins() -> list[tuple[str, str]]:
    runfiles = Runfiles.Create()
    pins = set()
    for name in _LOCKS:
        path = runfiles.Rlocation(f"lenet_mindspore/third_party/{name}")
        text = pathlib.Path(path).read_text(encoding="utf-8")
        pins |= {(pin.name, pin.version) for pin in locks.read_lock(text)}
    return sorted(pins)


def _databases(osv_url: str, cache: pathlib.Path) -> dict[str, VulnerabilityService]:
    osv = OsvService(cache, _TIMEOUT, osv_url or OsvService.DEFAULT_OSV_URL)
    return {"OSV": osv} if osv_url else {"PyPI": PyPIService(cache, _TIMEOUT), "OSV": osv}


def _audit(osv_url: str, allowed: list[Allowed]) -> int:
    pins = _pins()
    reasons = []
    with tempfile.TemporaryDirectory() as cache:
        for name, service in _databases(osv_url, pathlib.Path(cache)).items():
            try:
                found, unknown = ask(service, pins)
                break
            except UnreachableError as error:
                reasons.append(f"{name}: {error}")
        else:
            print(f"audit: no database of advisories is reachable; {'; '.join(reasons)}")
            return 3
    wrong, accepted = judge(found, allowed, datetime.date.today())
    for line in wrong:
        print(line)
    for line in accepted:
        print(f"allowed: {line}")
    if unknown:
        print(f"{name} does not know: {', '.join(unknown)}")
    print(f"audit: {len(pins)} versions, by {name}: {len(wrong)} problems, {len(accepted)} allowed")
    return 1 if wrong else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--osv_url", default="", help="ask only this server, that speaks as OSV does"
    )
    parser.add_argument("--allow", type=pathlib.Path, help="instead of tools/lint/audit_allow.txt")
    options = parser.parse_args()
    listed = options.allow or pathlib.Path(
        Runfiles.Create().Rlocation("lenet_mindspore/tools/lint/audit_allow.txt")
    )
    try:
        allowed = read_allowed(listed.read_text(encoding="utf-8"))
    except (AllowError, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(_audit(options.osv_url, allowed))


if __name__ == "__main__":
    main()
