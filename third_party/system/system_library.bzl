"""Repository rule for C++ libraries that are installed on the machine, found by pkg-config."""

_MISSING = """{what} is not on this machine.
Install it (Debian, Ubuntu: apt-get install {debian}), or let `tools/bazel` install all missing packages,
and run the command again."""

_BUILD_HEAD = """\
load("@build_rules//:rules.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])
"""

_LIBRARY = """\
cc_library(
    name = "{name}",
    hdrs = glob({headers}),
    defines = {defines},
    includes = {includes},
    linkopts = {linkopts},
)
"""

def _require(repository_ctx, program, debian):
    path = repository_ctx.which(program)
    if not path:
        fail(_MISSING.format(what = program, debian = debian))
    return path

def _pkg_config(repository_ctx, module):
    """Returns the defines, include folders and link options that pkg-config prints for a module."""
    pkg_config = _require(repository_ctx, "pkg-config", "pkg-config")
    result = repository_ctx.execute([pkg_config, "--cflags", "--libs", module])
    if result.return_code != 0:
        fail(_MISSING.format(what = module, debian = repository_ctx.attr.debian))
    words = [word for word in result.stdout.strip().split(" ") if word]
    defines = [word[2:] for word in words if word.startswith("-D")]

    # The compiler itself searches /usr/include/x86_64-linux-gnu, which cross compilers must not read.
    folders = [word[2:] for word in words if word.startswith("-I") and not word.endswith("-linux-gnu")]
    linkopts = [word for word in words if not word.startswith("-D") and not word.startswith("-I")]
    return defines, folders, linkopts

def _system_library_impl(repository_ctx):
    build = [_BUILD_HEAD]
    for name, module in repository_ctx.attr.modules.items():
        defines, folders, linkopts = _pkg_config(repository_ctx, module)
        includes = []
        for index, folder in enumerate(folders):
            includes.append("%s_include_%d" % (name, index))
            repository_ctx.symlink(folder, includes[-1])
        build.append(_LIBRARY.format(
            name = name,
            headers = [include + "/**" for include in includes],
            defines = defines,
            includes = includes,
            linkopts = linkopts,
        ))
    for program in repository_ctx.attr.programs:
        path = _require(repository_ctx, program, repository_ctx.attr.debian)
        repository_ctx.symlink(path, "bin/" + program)
        build.append('exports_files(["bin/%s"])\n' % program)
    repository_ctx.file("BUILD.bazel", "\n".join(build))

system_library = repository_rule(
    implementation = _system_library_impl,
    doc = "A cc_library per pkg-config module, and programs as @name//:bin/program.",
    attrs = {
        "debian": attr.string(doc = "Debian package of the library, for messages", mandatory = True),
        "modules": attr.string_dict(doc = "pkg-config module per target name", mandatory = True),
        "programs": attr.string_list(doc = "programs of the library"),
    },
    environ = ["PATH", "PKG_CONFIG_PATH"],
    local = True,
    configure = True,
)
