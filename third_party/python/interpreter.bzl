"""Finds the Python interpreter for builds, tests and programs."""

SUPPORTED_VERSIONS = ["3.10", "3.11", "3.12"]

ENVIRON = ["LENET_PYTHON", "PATH"]

_PROBE = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"

_HELP = """No suitable Python found: MindSpore has wheels for CPython {versions} only.
Tried:
{tried}
Install one (Debian, Ubuntu: apt-get install python3 python3-pip) or set its path: --repo_env=LENET_PYTHON=/path/to/python3"""

def find_interpreter(repository_ctx):
    """Finds the first suitable interpreter: $LENET_PYTHON, /usr/bin/python3, or one in PATH.

    The system's interpreter precedes PATH so that machines of one kind share cached results.

    Args:
      repository_ctx: context of a repository rule that lists ENVIRON in `environ`.

    Returns:
      The path as a string. Fails with the candidates and the remedy if there is none.
    """
    chosen = repository_ctx.os.environ.get("LENET_PYTHON")
    if chosen:
        candidates = [chosen]
    else:
        names = ["python" + version for version in reversed(SUPPORTED_VERSIONS)] + ["python3"]
        found = [repository_ctx.which(name) for name in names]
        candidates = ["/usr/bin/python3"] + [str(path) for path in found if path]
    tried = []
    for candidate in candidates:
        result = repository_ctx.execute([candidate, "-c", _PROBE])
        if result.return_code != 0:
            tried.append("  %s: does not run" % candidate)
            continue
        version, executable = result.stdout.strip().split("\n")
        if version in SUPPORTED_VERSIONS:
            return executable
        tried.append("  %s: is %s" % (candidate, version))
    fail(_HELP.format(versions = ", ".join(SUPPORTED_VERSIONS), tried = "\n".join(tried)))

_RUNTIME_BUILD = """\
load("@build_rules//:rules.bzl", "py_runtime", "py_runtime_pair")

py_runtime(
    name = "py3_runtime",
    interpreter_path = "{interpreter}",
    stub_shebang = "#!{interpreter}",
    python_version = "PY3",
)

py_runtime_pair(
    name = "runtime_pair",
    py3_runtime = ":py3_runtime",
)

toolchain(
    name = "toolchain",
    toolchain = ":runtime_pair",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)
"""

def _python_runtime_impl(repository_ctx):
    interpreter = find_interpreter(repository_ctx)
    repository_ctx.file("BUILD.bazel", _RUNTIME_BUILD.format(interpreter = interpreter))

python_runtime = repository_rule(
    implementation = _python_runtime_impl,
    doc = "A Python toolchain with the interpreter of find_interpreter.",
    environ = ENVIRON,
)
