"""Repository rule for @build_rules: the basic rules for C++, Python and shell."""

# Bazel 7 and earlier contain these rules. This is the only place that names their origin in others.
_ORIGINS = {
    "cc_binary": "@rules_cc//cc:defs.bzl",
    "cc_import": "@rules_cc//cc:defs.bzl",
    "cc_library": "@rules_cc//cc:defs.bzl",
    "cc_test": "@rules_cc//cc:defs.bzl",
    "cc_toolchain": "@rules_cc//cc:defs.bzl",
    "py_binary": "@rules_python//python:defs.bzl",
    "py_library": "@rules_python//python:defs.bzl",
    "py_runtime": "@rules_python//python:defs.bzl",
    "py_runtime_pair": "@rules_python//python:defs.bzl",
    "py_test": "@rules_python//python:defs.bzl",
    "sh_binary": "@rules_shell//shell:sh_binary.bzl",
    "sh_library": "@rules_shell//shell:sh_library.bzl",
    "sh_test": "@rules_shell//shell:sh_test.bzl",
}

def _rules_repository_impl(repository_ctx):
    # Debian's Bazel 4 has no version.
    if int(native.bazel_version.split(".")[0] or 4) >= 8:
        origins = _ORIGINS
        loads = ['load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")']
    else:
        origins = {"py_runtime_pair": "@bazel_tools//tools/python:toolchain.bzl"}
        loads = []
    loads += ['load("%s", _%s = "%s")' % (origin, name, name) for name, origin in origins.items()]
    names = ["%s = %s%s" % (name, "_" if name in origins else "native.", name) for name in _ORIGINS]
    repository_ctx.file("BUILD.bazel")
    repository_ctx.file("rules.bzl", "\n".join(loads + names + ["cc_info = CcInfo", ""]))

rules_repository = repository_rule(
    implementation = _rules_repository_impl,
    doc = "@build_rules//:rules.bzl with the rules of Bazel itself or, in Bazel 8 and later, of rules_*.",
)
