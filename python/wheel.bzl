"""The rule that makes a wheel of programs."""

_SUFFIXES = ["cfg", "ckpt", "py", "so", "yaml"]

def _argument(file):
    return "%s=%s" % (file.path, file.short_path)

def _wheel_impl(ctx):
    runfiles = depset(transitive = [program[DefaultInfo].default_runfiles.files for program in ctx.attr.programs])
    own = [
        file
        for file in runfiles.to_list()
        if file.extension in _SUFFIXES and not file.short_path.startswith("../")
    ]
    folder = ctx.actions.declare_directory(ctx.label.name)
    arguments = ctx.actions.args()
    arguments.add_all([folder.path, ctx.file.requirements])
    arguments.add_all(own + ctx.files.data, map_each = _argument)
    ctx.actions.run(
        outputs = [folder],
        inputs = own + ctx.files.data + [ctx.file.requirements],
        executable = ctx.executable._writer,
        arguments = [arguments],
        mnemonic = "Wheel",
    )
    return [DefaultInfo(files = depset([folder]))]

wheel = rule(
    implementation = _wheel_impl,
    doc = "A folder with the wheel lenet_mindspore of programs and their files in this repository.",
    attrs = {
        "data": attr.label_list(allow_files = True, doc = "further files"),
        "programs": attr.label_list(doc = "py_binary targets, which become console scripts"),
        "requirements": attr.label(allow_single_file = True, doc = "imports of the programs"),
        "_writer": attr.label(cfg = "exec", default = "//python:write_wheel", executable = True),
    },
)
