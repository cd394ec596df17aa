"""Repository rule for @buildifier: the formatter of BUILD files, from npm."""

_BUILD = """\
exports_files(["buildifier"])
"""

_PROCESSORS = {
    "aarch64": "arm64",
    "x86_64": "amd64",
}

def _buildifier_repository_impl(repository_ctx):
    npm = repository_ctx.which("npm")
    if not npm:
        fail("buildifier needs npm: apt-get install npm, or `tools/bazel run //tools/lint`, which installs it")
    for name, label in {
        "package-lock.json": repository_ctx.attr._lock,
        "package.json": repository_ctx.attr._package,
    }.items():
        repository_ctx.file(name, repository_ctx.read(label))

    # The user's npm settings give registry, proxy and certificates; others could install elsewhere or nothing.
    install_here = ["--location=project", "--no-global", "--no-dry-run"]
    result = repository_ctx.execute([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"] + install_here)
    if result.return_code != 0:
        fail("npm ci failed:\n" + result.stderr)
    machine = repository_ctx.execute(["uname", "-m"]).stdout.strip()
    program = "node_modules/@bazel/buildifier/buildifier-linux_%s" % _PROCESSORS[machine]
    repository_ctx.symlink(program, "buildifier")
    repository_ctx.file("BUILD.bazel", _BUILD)

buildifier_repository = repository_rule(
    implementation = _buildifier_repository_impl,
    doc = "The program @buildifier//:buildifier; npm checks the hash in package-lock.json.",
    attrs = {
        "_lock": attr.label(default = "//third_party/buildifier:package-lock.json"),
        "_package": attr.label(default = "//third_party/buildifier:package.json"),
    },
    environ = ["PATH"],
)
