"""Repository rule for @aarch64: cross compilation for aarch64, and libraries of the same release."""

def _aarch64_repository_impl(repository_ctx):
    script = repository_ctx.path(repository_ctx.attr._script)
    packages = repository_ctx.path(repository_ctx.attr._packages)
    result = repository_ctx.execute([script, packages])
    if result.return_code != 0:
        fail("cannot fetch the arm64 packages with apt:\n" + result.stderr)
    repository_ctx.symlink(repository_ctx.attr._emulate, "emulate.sh")
    repository_ctx.template("BUILD.bazel", repository_ctx.attr._build_file, {
        "{root}": "external/" + repository_ctx.name,
    })

aarch64_repository = repository_rule(
    implementation = _aarch64_repository_impl,
    doc = "C++ toolchain, system root and emulator for --config=aarch64 on Debian for x86-64.",
    attrs = {
        "_build_file": attr.label(default = "//third_party/aarch64:aarch64.BUILD"),
        "_emulate": attr.label(default = "//third_party/aarch64:emulate.sh"),
        "_packages": attr.label(default = "//third_party/system:packages.txt"),
        "_script": attr.label(default = "//third_party/aarch64:fetch.sh"),
    },
)
