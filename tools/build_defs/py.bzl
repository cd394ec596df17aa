"""Python rules."""

load("@build_rules//:rules.bzl", _py_binary = "py_binary", _py_library = "py_library", _py_test = "py_test")

_IMPORT_ROOT = "python"

def _imports():
    """Makes `python/` the import root of the packages below it: //python/lenet/data is lenet.data."""
    parts = native.package_name().split("/")
    if parts[0] != _IMPORT_ROOT:
        return []
    return ["/".join([".."] * (len(parts) - 1)) or "."]

def py_library(name, **kwargs):
    """Declares a library of modules."""
    _py_library(name = name, imports = _imports(), **kwargs)

def py_binary(name, **kwargs):
    """Declares a program. Its file is <name>.py unless `srcs` and `main` say otherwise."""
    kwargs.setdefault("srcs", [name + ".py"])
    _py_binary(
        name = name,
        imports = _imports(),
        python_version = "PY3",
        **kwargs
    )

def py_test(name, srcs = None, deps = [], args = [], **kwargs):
    """Declares a pytest run, with JUnit XML for Bazel and `--test_filter` as pytest's -k."""
    srcs = srcs or [name + ".py"]
    _py_test(
        name = name,
        srcs = srcs + ["//tools/build_defs:pytest_main.py"],
        main = "//tools/build_defs:pytest_main.py",
        args = ["$(rootpath %s)" % src for src in srcs] + args,
        imports = _imports(),
        python_version = "PY3",
        deps = deps + ["@pypi//:pytest"],
        **kwargs
    )

def py_package(name, deps = [], data = [], test_deps = [], test_data = [], test_size = "small"):
    """Declares a package: the library <name> of all modules and the test <name>_test of all tests.

    Args:
      name: name of the folder.
      deps: libraries that the modules import.
      data: files that the modules read.
      test_deps: libraries that only the tests import.
      test_data: files that only the tests read.
      test_size: size of the test target.
    """
    tests = native.glob(["*_test.py"])
    py_library(
        name = name,
        srcs = native.glob(["*.py"], exclude = tests),
        data = data,
        deps = deps,
    )
    py_test(
        name = name + "_test",
        size = test_size,
        srcs = tests,
        data = test_data,
        deps = [":" + name] + test_deps,
    )
