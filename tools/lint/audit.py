"""Runs pip-audit over all locks: known vulnerabilities of the Python distributions in use.

Further arguments go to pip-audit, such as --vulnerability-service=osv or --ignore-vuln=ID.
Exit code 0: none known; 1: vulnerabilities, or no answer from the service.
"""

import runpy
import sys

from lenet import resources

_LOCKS = (
    "ascend_headers/wheel.lock",
    "cuda_headers/wheel.lock",
    "mindspore_lite/wheel.lock",
    "mnist/wheel.lock",
    "python/gpu.lock",
    "python/peers.lock",
    "python/remote.lock",
    "python/requirements.lock",
    "python/testing.lock",
    "python/tools.lock",
)


def main() -> None:
    """Runs pip-audit once per lock, because locks pin different versions of a distribution."""
    arguments, failed = sys.argv[1:], False
    for lock in _LOCKS:
        print(lock, file=sys.stderr)
        path = resources.path(f"third_party/{lock}")
        # Strict: a mirror without advisories must not look like a clean result.
        options = ["--strict", "--disable-pip", "--require-hashes", "-r", str(path)]
        sys.argv = ["pip-audit", *options, *arguments]
        try:
            runpy.run_module("pip_audit", run_name="__main__", alter_sys=True)
        except SystemExit as result:
            failed = failed or bool(result.code)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
