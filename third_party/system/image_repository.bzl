"""The repository @image: this system as a platform for execution, with its identity."""

load("//third_party/python:interpreter.bzl", "ENVIRON", "find_interpreter")

# A cache that machines share must not give one of them what another's headers and compiler made;
# and an action may run remotely only where the same system is.
_BUILD = """\
platform(
    name = "platform",
    exec_properties = {{
        "OSFamily": "linux",
        "image": "{image}",
    }},
    parents = ["@local_config_platform//:host"],
    visibility = ["//visibility:public"],
)
"""

def _image_repository_impl(repository_ctx):
    script = repository_ctx.path(repository_ctx.attr._script)
    packages = repository_ctx.path(repository_ctx.attr._packages)
    python = find_interpreter(repository_ctx)
    result = repository_ctx.execute([script, packages, python])
    if result.return_code != 0:
        fail("{} failed: {}".format(script, result.stderr))
    repository_ctx.file("BUILD.bazel", _BUILD.format(image = result.stdout.strip()))

image_repository = repository_rule(
    implementation = _image_repository_impl,
    doc = "@image//:platform, whose properties hold what image_id.sh prints.",
    attrs = {
        "_packages": attr.label(default = "//third_party/system:packages.txt"),
        "_script": attr.label(default = "//third_party/system:image_id.sh"),
    },
    configure = True,
    environ = ENVIRON,
    local = True,
)
