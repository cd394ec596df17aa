"""Rules for programs that run on other systems than the one that builds them."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

# Parts of glibc stay shared, because a program can open plug-ins only with a shared glibc.
_GLIBC = ["c", "dl", "m", "pthread", "rt"]

def _static_libraries_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    inputs = ctx.attr.program[CcInfo].linking_context.linker_inputs.to_list()
    flags = [flag for linker_input in inputs for flag in linker_input.user_link_flags]
    names = {flag[2:]: None for flag in flags if flag.startswith("-l")}
    names["stdc++"] = None
    names = [name for name in names.keys() if name not in _GLIBC]
    omitted = [name for name in names if [None for prefix in ctx.attr.omit if name.startswith(prefix)]]
    folder = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        outputs = [folder],
        inputs = toolchain.all_files,
        executable = ctx.executable._script,
        arguments = [
            folder.path,
            toolchain.compiler_executable,
            toolchain.sysroot or "/",
            " ".join(omitted),
        ] + names,
        mnemonic = "StaticLibraries",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([folder]))]

static_libraries = rule(
    implementation = _static_libraries_impl,
    doc = "A folder with lib<name>.a of each library that a program links, for the linker's -L.",
    attrs = {
        "omit": attr.string_list(doc = "prefixes of libraries that are to be empty"),
        "program": attr.label(doc = "cc_library", mandatory = True, providers = [CcInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_script": attr.label(cfg = "exec", default = "//cc/deploy:static_libraries", executable = True),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def _archive_impl(ctx):
    cpu = find_cpp_toolchain(ctx).cpu
    folder = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        outputs = [folder],
        inputs = ctx.files.srcs + [ctx.file.version],
        executable = ctx.executable._script,
        arguments = [folder.path, ctx.file.version.path, {"k8": "x86_64"}.get(cpu, cpu)] +
                    [file.path for file in ctx.files.srcs],
        mnemonic = "Archive",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([folder]), runfiles = ctx.runfiles(files = [folder]))]

archive = rule(
    implementation = _archive_impl,
    doc = "A folder with lenet-infer310-<version>-<cpu>.tar.gz, the same bytes for the same contents.",
    attrs = {
        "srcs": attr.label_list(allow_files = True, doc = "files; a .tar is unpacked"),
        "version": attr.label(allow_single_file = True, doc = "file with __version__", mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_script": attr.label(cfg = "exec", default = "//cc/deploy:pack", executable = True),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
