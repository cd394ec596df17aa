"""Repository rule for @pypi: a py_library per Python distribution in a lock."""

load("//third_party/python:interpreter.bzl", "ENVIRON")
load("//third_party/python:pip.bzl", "run_pip")
load("//third_party/python:runtime.bzl", "find_runtime", RUNTIME_ENVIRON = "ENVIRON")

def _pip_repository_impl(repository_ctx):
    locks = [repository_ctx.attr.lock]
    strip = list(repository_ctx.attr.strip)
    if repository_ctx.attr.runtime_strip:
        runtime = find_runtime(repository_ctx)
        locks += [lock for lock, of in repository_ctx.attr.runtime_locks.items() if of == runtime]
        strip += repository_ctx.attr.runtime_strip[runtime]
    lay_out = repository_ctx.path(repository_ctx.attr._lay_out)
    repository_ctx.report_progress("pip install (a few minutes the first time)")
    python = run_pip(repository_ctx, [
        "install",
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
        "--no-compile",
        "--no-warn-script-location",
        "--prefix=",  # a variable cannot replace the user's prefix
        "--target",
        "site-packages",
    ] + ["--requirement=%s" % repository_ctx.path(lock) for lock in locks])
    repository_ctx.report_progress("compiling byte code")
    result = repository_ctx.execute(
        [python, lay_out, "site-packages"] + strip,
        timeout = 1800,
    )
    if result.return_code != 0:
        fail("lay_out.py failed:\n" + result.stderr)
    repository_ctx.file("BUILD.bazel", result.stdout)

pip_repository = repository_rule(
    implementation = _pip_repository_impl,
    doc = "Installs a lock with pip. The label of a distribution is its name in lower case, with _ for - and .",
    attrs = {
        "lock": attr.label(
            allow_single_file = True,
            doc = "requirements with hashes, written by uv pip compile",
            mandatory = True,
        ),
        "runtime_locks": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "further locks, each with the runtime (see runtime.bzl) that needs it",
        ),
        "runtime_strip": attr.string_list_dict(
            doc = "further globs for strip per runtime; if set, the machine's runtime is detected",
        ),
        "strip": attr.string_list(doc = "globs under site-packages of unneeded files"),
        "_lay_out": attr.label(
            allow_single_file = True,
            default = "//third_party/python:lay_out.py",
        ),
    },
    environ = ENVIRON + RUNTIME_ENVIRON,
)
