"""A rule for the metadata of installed Python distributions."""

def _distribution_metadata_impl(ctx):
    runfiles = depset(transitive = [dep[DefaultInfo].default_runfiles.files for dep in ctx.attr.deps])
    files = [
        file
        for file in runfiles.to_list()
        if file.basename == "METADATA" and file.dirname.endswith(".dist-info")
    ]
    return [DefaultInfo(files = depset(files), runfiles = ctx.runfiles(files = files))]

distribution_metadata = rule(
    implementation = _distribution_metadata_impl,
    doc = "The METADATA files of distributions and their dependencies, without their other files.",
    attrs = {
        "deps": attr.label_list(doc = "labels of distributions", mandatory = True),
    },
)
