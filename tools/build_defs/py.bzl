"""Python rules. The only file that says where they come from (Bazel 8 and later: rules_python)."""

_IMPORT_ROOT = "python"

def _imports():
    """Makes `python/` the import root of the packages below it: //python/lenet/data is lenet.data."""
    parts = native.package_name().split("/")
    if parts[0] != _IMPORT_ROOT:
        return []
    return ["/".join([".."] * (len(parts) - 1)) or "."]

def py_library(name, **kwargs):
    """A module of the library `lenet`."""
    native.py_library(name = name, imports = _imports(), **kwargs)

def py_binary(name, **kwargs):
    """A program. Its file is <name>.py unless `srcs` and `main` say otherwise."""
    kwargs.setdefault("srcs", [name + ".py"])
    native.py_binary(
        name = name,
        imports = _imports(),
        python_version = "PY3",
        **kwargs
    )

def py_test(name, srcs = None, deps = [], args = [], **kwargs):
    """A file of tests, run by pytest, with JUnit XML for Bazel and `--test_filter` as pytest's -k."""
    srcs = srcs or [name + ".py"]
    native.py_test(
        name = name,
        srcs = srcs + ["//tools/build_defs:pytest_main.py"],
        main = "//tools/build_defs:pytest_main.py",
        args = ["$(rootpath %s)" % src for src in srcs] + args,
        imports = _imports(),
        python_version = "PY3",
        deps = deps + ["@pypi//:pytest"],
        **kwargs
    )
