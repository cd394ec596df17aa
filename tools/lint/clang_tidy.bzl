"""An aspect that runs clang-tidy on the C++ files of a target: `tools/lint/run --only=clang-tidy`.

Each file is an action, so that Bazel checks a file again only if it or its headers changed.
"""

load("@build_rules//:rules.bzl", "cc_info")

def _contexts(ctx):
    attributes = getattr(ctx.rule.attr, "deps", [])
    return [dep[cc_info].compilation_context for dep in attributes if cc_info in dep]

def _flags(contexts):
    flags = ["-std=c++17", "-iquote."]
    for context in contexts:
        flags += ["-D" + name for name in context.defines.to_list()]
        flags += ["-iquote" + path for path in context.quote_includes.to_list()]
        flags += ["-isystem" + path for path in context.system_includes.to_list()]
        flags += ["-I" + path for path in context.includes.to_list()]
    return {flag: None for flag in flags}.keys()

def _tool(ctx):
    """Returns the program and its files, which include compiler headers."""
    files = ctx.attr._clang_tidy[DefaultInfo].default_runfiles.files.to_list()
    needed = [file for file in files if "/clang_tidy/data/" in file.path]
    program = [file for file in needed if file.path.endswith("/bin/clang-tidy")][0]
    return program, needed

def _clang_tidy_impl(target, ctx):
    if target.label.workspace_name or not ctx.rule.kind.startswith("cc_"):
        return []
    own = []
    for attribute in ["srcs", "hdrs", "textual_hdrs"]:
        own += getattr(ctx.rule.files, attribute, [])
    contexts = _contexts(ctx)
    flags = _flags(contexts)
    program, needed = _tool(ctx)
    reports = []
    for source in own:
        if source.extension != "cc" or not source.is_source:
            continue
        report = ctx.actions.declare_file("%s.%s.clang-tidy" % (ctx.label.name, source.basename))
        files = [program, ctx.file._config, source, report]
        ctx.actions.run(
            executable = ctx.executable._run,
            arguments = [file.path for file in files] + flags,
            inputs = depset(
                own + needed + [ctx.file._config],
                transitive = [context.headers for context in contexts],
            ),
            outputs = [report],
            # Sandbox links for 330 headers take a third of the time of a check.
            execution_requirements = {"no-sandbox": ""},
            mnemonic = "ClangTidy",
            progress_message = "clang-tidy %s" % source.short_path,
            use_default_shell_env = True,
        )
        reports.append(report)
    return [OutputGroupInfo(clang_tidy = depset(reports))]

clang_tidy = aspect(
    implementation = _clang_tidy_impl,
    attrs = {
        "_clang_tidy": attr.label(default = "@pypi_tools//:clang_tidy"),
        "_config": attr.label(allow_single_file = True, default = "//:.clang-tidy"),
        "_run": attr.label(
            allow_single_file = True,
            cfg = "exec",
            default = "//tools/lint:clang_tidy.sh",
            executable = True,
        ),
    },
)
