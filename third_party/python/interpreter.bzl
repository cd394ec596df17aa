"""Finds the Python interpreter for builds, tests and programs."""

SUPPORTED_VERSIONS = ["3.10", "3.11", "3.12"]

ENVIRON = ["LENET_PYTHON", "PATH"]

_PROBE = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"

_HELP = "No CPython 3.10 to 3.12, which MindSpore needs: {} ({}). Set the path of one: --repo_env=LENET_PYTHON=/path/to/python3"

def search_interpreter(repository_ctx):
    """Finds the first suitable interpreter: $LENET_PYTHON, /usr/bin/python3, or one in PATH.

    The system's interpreter precedes PATH so that machines of one kind share cached results.

    Args:
      repository_ctx: context of a repository rule that lists ENVIRON in `environ`.

    Returns:
      The path as a string, or None, and a list of the candidates with what is wrong with each.
    """
    chosen = repository_ctx.os.environ.get("LENET_PYTHON")
    if chosen:
        candidates = [chosen]
    else:
        names = ["python" + version for version in reversed(SUPPORTED_VERSIONS)] + ["python3"]
        found = [repository_ctx.which(name) for name in names]
        candidates = ["/usr/bin/python3"] + [str(path) for path in found if path]
        candidates = {candidate: None for candidate in candidates}.keys()
    tried = []
    for candidate in candidates:
        result = repository_ctx.execute([candidate, "-c", _PROBE])
        if result.return_code != 0:
            tried.append("%s does not run" % candidate)
            continue
        version, executable = result.stdout.strip().split("\n")
        if version in SUPPORTED_VERSIONS:
            return executable, []
        tried.append("%s is %s" % (candidate, version))
    return None, tried

def find_interpreter(repository_ctx):
    """Returns the path of search_interpreter's interpreter, or of the one in @python_runtime.

    Args:
      repository_ctx: context of a repository rule that lists ENVIRON in `environ`.
    """
    found, _ = search_interpreter(repository_ctx)
    return found or str(repository_ctx.path(Label("@python_runtime//:usr/bin/python3.11")))

def _pools(repository_ctx):
    """Returns the URLs of the folders for CPython 3.11 in the archives that apt uses."""
    listed = repository_ctx.execute(["apt-get", "update", "--print-uris"]).stdout.split("\n")
    archives = [line[1:].split("/dists/")[0] for line in listed if "/dists/" in line]
    archives = {archive.replace("-security", ""): None for archive in archives}.keys()
    return [archive + "-security/pool/updates/main/p/python3.11/" for archive in archives] + [
        archive + "/pool/main/p/python3.11/"
        for archive in archives
    ]

def _download(repository_ctx, pools, file, sha256):
    """Downloads a file with apt's proxy and certificates. Returns "" or an error."""
    error = "apt uses no archive"
    for pool in pools:
        download = ["/usr/lib/apt/apt-helper", "download-file", pool + file, file, "SHA256:" + sha256]
        result = repository_ctx.execute(download)
        if result.return_code == 0:
            return ""
        errors = [line for line in result.stderr.split("\n") if line.startswith("E: ")]
        error = errors[0][len("E: "):] if errors else "apt-helper failed"
    return error

def _fetch(repository_ctx):
    """Unpacks CPython of Debian 12, which needs only libraries of the system. Returns "" or an error."""
    arch = repository_ctx.execute(["dpkg", "--print-architecture"]).stdout.strip()
    if arch not in ["amd64", "arm64"]:
        return "there are no packages for this system"
    versions = {}
    for line in repository_ctx.read(repository_ctx.attr._lock).split("\n"):
        if line and not line.startswith("#"):
            package, amd64, arm64 = line.split(" ")
            name, version = package.split("==")
            sha256 = (amd64 if arch == "amd64" else arm64).replace("--hash=sha256:", "")
            files = versions.setdefault(version, {})
            files["%s_%s_%s.deb" % (name, version, arch)] = sha256
    pools = _pools(repository_ctx)
    error = ""
    for files in versions.values():
        for file, sha256 in files.items():
            error = _download(repository_ctx, pools, file, sha256)
            if error:
                break
        if not error:
            return _unpack(repository_ctx, files.keys())
    return error

def _unpack(repository_ctx, files):
    for file in files:
        result = repository_ctx.execute(["dpkg-deb", "-x", file, "."])
        if result.return_code != 0:
            return result.stderr.strip()
        repository_ctx.delete(file)
    repository_ctx.delete("usr/lib/python3.11/sitecustomize.py")  # a link to a file of /etc

    # Byte code for any time stamp, as in lay_out.py.
    compile = ["-m", "compileall", "-q", "-s", "usr", "--invalidation-mode", "unchecked-hash"]
    result = repository_ctx.execute(["usr/bin/python3.11"] + compile + ["usr/lib/python3.11"])
    return result.stderr.strip() if result.return_code != 0 else ""

_RUNTIME_BUILD = """\
load("@build_rules//:rules.bzl", "py_runtime", "py_runtime_pair")

py_runtime(
    name = "py3_runtime",
{interpreter}
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

_MACHINE = """\
    interpreter_path = "{path}",
    stub_shebang = "#!{path}","""

# The interpreter is an input of actions. The system's Python only starts it.
_FETCHED = """\
    files = glob(["usr/lib/python3.11/**"]),
    interpreter = "usr/bin/python3.11",
    stub_shebang = "#!/usr/bin/python3","""

def _python_runtime_impl(repository_ctx):
    path, problems = search_interpreter(repository_ctx)
    interpreter = _MACHINE.format(path = path)
    if not path:
        chosen = repository_ctx.os.environ.get("LENET_PYTHON")
        error = "it is LENET_PYTHON" if chosen else _fetch(repository_ctx)
        if error:
            fail(_HELP.format(", ".join(problems), error))
        interpreter = _FETCHED
    repository_ctx.file("BUILD.bazel", _RUNTIME_BUILD.format(interpreter = interpreter))

python_runtime = repository_rule(
    implementation = _python_runtime_impl,
    doc = "A Python toolchain with search_interpreter's interpreter, else with CPython of Debian 12.",
    attrs = {
        "_lock": attr.label(default = "//third_party/python:cpython.lock"),
    },
    environ = ENVIRON,
)
