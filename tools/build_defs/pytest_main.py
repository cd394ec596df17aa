"""Runs the test files named on the command line by pytest, as Bazel expects a test to run."""

import os
import pathlib
import sys

import pytest


def main() -> int:
    """Runs pytest on the given files and returns its exit code."""
    arguments = ["--import-mode=importlib", "-p", "no:cacheprovider", "--color=no", "-ra"]
    arguments.append(f"--rootdir={pathlib.Path.cwd()}")
    if report := os.environ.get("XML_OUTPUT_FILE"):
        arguments.append(f"--junitxml={report}")
    if pattern := os.environ.get("TESTBRIDGE_TEST_ONLY"):
        arguments += ["-k", pattern]
    if temporary := os.environ.get("TEST_TMPDIR"):
        arguments.append(f"--basetemp={temporary}/pytest")
    return pytest.main(arguments + sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
