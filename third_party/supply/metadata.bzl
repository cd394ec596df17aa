"""What installed Python distributions say about themselves."""

def _distribution_metadata_impl(ctx):
    runfiles = depset(transitive = [dep[DefaultInfo].default_runfiles.files for dep in ctx.attr.deps])
    files = [
        file
        for file in runfiles.to_list()
        if file.basename == "METADATA" and file.dirname.endswith(".dist-info")
    ]
    return [DefaultInfo(files = depset(files))]

distribution_metadata = rule(
    implementation = _distribution_metadata_impl,
    doc = "The METADATA files of distributions and of all that they need: nothing else of gigabytes.",
    attrs = {
        "deps": attr.label_list(doc = "labels of @pypi or the like", mandatory = True),
    },
)
