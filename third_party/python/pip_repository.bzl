"""The repository @pypi: one py_library for each Python distribution of a lock."""

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
        "--target",
        "site-packages",
    ] + ["--requirement=%s" % repository_ctx.path(lock) for lock in locks])
    repository_ctx.report_progress("precompiling")
    result = repository_ctx.execute(
        [python, lay_out, "site-packages"] + strip,
        timeout = 1800,
    )
    if result.return_code != 0:
        fail("lay_out.py failed:\n" + result.stderr)
    repository_ctx.file("BUILD.bazel", result.stdout)

pip_repository = repository_rule(
    implementation = _pip_repository_impl,
    doc = "Installs a lock with pip and hashes. Label of a distribution: its name, lower case, - and . as _.",
    attrs = {
        "lock": attr.label(
            allow_single_file = True,
            doc = "requirements with hashes, of uv pip compile",
            mandatory = True,
        ),
        "runtime_locks": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "further locks, and the runtime (see runtime.bzl) that each is for",
        ),
        "runtime_strip": attr.string_list_dict(
            doc = "for each runtime, further globs for strip; with it the machine's runtime counts",
        ),
        "strip": attr.string_list(doc = "globs under site-packages of what nothing here needs"),
        "_lay_out": attr.label(
            allow_single_file = True,
            default = "//third_party/python:lay_out.py",
        ),
    },
    environ = ENVIRON + RUNTIME_ENVIRON,
)
